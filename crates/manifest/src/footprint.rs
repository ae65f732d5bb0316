//! The files that a project is made of: what a reload reads, and what is worth watching.
//!
//! Not among them: what lies elsewhere in the folder, such as data and what scripts write.

use std::collections::BTreeSet;
use std::fs;
use std::hash::Hasher;
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use fnv::FnvHasher;

use crate::project::{Folders, Project, ProjectFile};
use crate::sources::{BUILD_FOLDER, TOOL_FOLDERS, built_in};

/// Files of a project that count. Beyond it, the rest is left out: then a change of them is not noticed by itself.
pub const WATCHED_FILES: usize = 50_000;

/// How deep folders are looked into.
const DEEPEST: usize = 32;

/// The largest file of which the text counts; of a larger one its size and age do.
const LARGEST: u64 = 4 << 20;

/// Folders of tools that keep versions. Nothing in them is a project's own.
const VERSIONS: [&str; 3] = [".git", ".hg", ".svn"];

/// Where what several programs load lies, below the project's root.
const LIB_FOLDER: &str = "lib";

/// Endings of what programs write beside their sources.
const DATA: &[&str] = &[".log", ".pid", ".pyc"];

/// Endings of databases, which have files with more after these beside them.
const DATABASES: &[&str] = &[".db", ".sqlite", ".sqlite3"];

/// Endings of what no program loads: other drivers read it, or nobody does.
const OTHERS: &[&str] = &["md", "sql", "txt", "wasm"];

/// Endings of what compilers read, and no driver does. What stands in them is known by what was built of it.
const COMPILED: &[&str] =
    &["c", "cjs", "go", "h", "js", "lock", "mjs", "mod", "py", "rs", "sum", "toml", "ts"];

/// Which files a project is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footprint {
    root: PathBuf,
    /// Below the root, as the files are.
    folders: Vec<PathBuf>,
    /// Those of them in which there may be sources that `ketch build` builds.
    answering: Vec<PathBuf>,
    files: BTreeSet<PathBuf>,
}

impl Footprint {
    /// That of the project in a folder, as far as it can be read.
    pub fn of(root: &Path) -> Self {
        let project = ProjectFile::open(root, &mut Vec::new());
        let project = project.unwrap_or_else(|| ProjectFile::of(root, false));
        let mut found = Self::new(root, &project.root, &project.folders);
        let (included, run) = Project::named(root);
        found.files.extend(included);
        // What leads out of the folder is not run either.
        let run = run.into_iter().filter(|file| stays_inside(file));
        found.files.extend(run.filter_map(|file| below(root, &project.root.join(file))));
        found
    }

    /// That of a project in a folder, with these folders below its root.
    pub(crate) fn new(root: &Path, own: &Path, folders: &Folders) -> Self {
        let Folders { controllers, middlewares, types, migrations } = folders;
        let built = [controllers, middlewares, types].map(|folder| Path::new(BUILD_FOLDER).join(folder));
        let written = [controllers, middlewares, types, migrations, Path::new(LIB_FOLDER)];
        let all = written.into_iter().map(PathBuf::from).chain(built);
        let files = ["ketch.json", "aicra.json", "api.json"].map(PathBuf::from);
        let here = |folder: PathBuf| {
            if stays_inside(&folder) { below(root, &own.join(folder)) } else { None }
        };
        Self {
            root: root.to_owned(),
            folders: all.filter_map(here).collect(),
            answering: [controllers, middlewares, types].into_iter().cloned().filter_map(here).collect(),
            files: files.into(),
        }
    }

    /// The project's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether a path is that of a file that counts, or of a folder with such files. `path` is below the root's.
    pub fn covers(&self, path: &Path) -> bool {
        let Ok(path) = path.strip_prefix(&self.root) else { return false };
        // Kubernetes mounts files as links through this one, and replaces it.
        self.files.contains(path)
            || path == Path::new("..data")
            || (self.folders.iter().any(|folder| path.starts_with(folder) || folder.starts_with(path))
                && !is_scrap(path))
    }

    /// The folders to watch, each for itself: the root and every folder that files that count may be in.
    pub fn watched(&self) -> Vec<PathBuf> {
        let mut found = BTreeSet::from([self.root.clone()]);
        for file in &self.files {
            found.extend(file.parent().map(|folder| self.root.join(folder)).filter(|folder| folder.is_dir()));
        }
        self.walk(|path, is_folder| {
            if is_folder {
                found.insert(path.to_owned());
            }
        });
        found.into_iter().collect()
    }

    /// A number that differs when any of the files does: their names, texts, and whether they can be executed. The text of
    /// what is compiled does not count: that of what it was compiled to does, so that who saves a source and builds it
    /// changes the project once.
    pub fn revision(&self) -> u64 {
        let mut files: Vec<PathBuf> = self.files.iter().map(|file| self.root.join(file)).collect();
        self.walk(|path, is_folder| {
            if !is_folder {
                files.push(path.to_owned());
            }
        });
        let built: Vec<PathBuf> =
            self.answering.iter().flat_map(|folder| built_in(&self.root, folder)).collect();
        self.digest(files, |path| {
            path.extension().is_some_and(|it| COMPILED.iter().any(|ending| it == *ending))
                && built.iter().any(|folder| path.starts_with(folder))
                && !self.files.contains(path)
        })
    }

    /// The same of the files that programs may load, which are none of the API's and no SQL.
    pub(crate) fn sources(&self) -> u64 {
        let mut files = Vec::new();
        self.walk(|path, is_folder| {
            let other = path.extension().is_some_and(|it| OTHERS.iter().any(|other| it == *other));
            if !is_folder && !other {
                files.push(path.to_owned());
            }
        });
        self.digest(files, |_| false)
    }

    /// `by_name` says of a file, below the root, that its text does not count.
    fn digest(&self, mut files: Vec<PathBuf>, by_name: impl Fn(&Path) -> bool) -> u64 {
        let mut hash = FnvHasher::default();
        files.sort();
        for path in files {
            let name = path.strip_prefix(&self.root).unwrap_or(&path);
            hash.write(name.as_os_str().as_encoded_bytes());
            hash.write_u8(0);
            let counts = if by_name(name) { Counts::ByName } else { Counts::Whole };
            digest(&mut hash, &path, counts);
        }
        hash.finish()
    }

    /// Calls `see` with every folder and file of the project's folders. A folder that is a link is not followed: so
    /// nothing is seen twice, and nothing outside.
    fn walk(&self, mut see: impl FnMut(&Path, bool)) {
        let mut seen = 0;
        let mut open: Vec<(PathBuf, usize)> =
            self.folders.iter().map(|folder| (self.root.join(folder), 0)).collect();
        while let Some((folder, depth)) = open.pop() {
            let Ok(entries) = folder.read_dir() else { continue };
            see(&folder, true);
            for entry in entries.flatten() {
                let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
                seen += 1;
                if seen > WATCHED_FILES || is_scrap(Path::new(&entry.file_name())) {
                    continue;
                }
                if !kind.is_dir() {
                    see(&path, false);
                } else if depth < DEEPEST {
                    open.push((path, depth + 1));
                }
            }
        }
    }
}

/// What of a file counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// That it is there. What can be executed may be a program as it is, and counts whole.
    ByName,
    Whole,
}

fn digest(hash: &mut FnvHasher, path: &Path, counts: Counts) {
    let Ok(known) = fs::metadata(path) else { return hash.write_u8(0) };
    #[cfg(unix)]
    let executable = std::os::unix::fs::PermissionsExt::mode(&known.permissions()) & 0o111;
    #[cfg(not(unix))]
    let executable = 0_u32;
    hash.write_u32(executable);
    if counts == Counts::ByName && executable == 0 {
        return hash.write_u8(1);
    }
    hash.write_u64(known.len());
    // A pipe has no end, so it is not opened.
    let text = if known.is_file() && known.len() <= LARGEST { fs::read(path).ok() } else { None };
    match text {
        Some(text) => hash.write(&text),
        None => {
            let age = known.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            hash.write_u128(age.map(|age| age.as_nanos()).unwrap_or_default());
        }
    }
}

/// Whether it is what an editor or a tool leaves beside files.
fn is_scrap(path: &Path) -> bool {
    path.components().any(|part| {
        let Component::Normal(name) = part else { return false };
        let name = name.to_string_lossy();
        VERSIONS.contains(&&*name)
            || TOOL_FOLDERS.contains(&&*name)
            || name.ends_with('~')
            || name.ends_with(".swp")
            || name.ends_with(".swx")
            || name.starts_with(".#")
            || name == "4913"
            || DATA.iter().any(|end| name.ends_with(end))
            || DATABASES.iter().any(|end| {
                let beside = ["-journal", "-shm", "-wal"].iter().find_map(|more| name.strip_suffix(more));
                beside.unwrap_or(&name).ends_with(end)
            })
    })
}

/// A path below `root`, if it is there: without what leads nowhere.
fn below(root: &Path, path: &Path) -> Option<PathBuf> {
    let path = path.strip_prefix(root).ok().filter(|path| stays_inside(path))?;
    Some(path.components().filter(|part| *part != Component::CurDir).collect())
}

fn stays_inside(folder: &Path) -> bool {
    folder.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

#[cfg(test)]
mod tests {
    use ketch_testkit::Scratch;

    use super::*;

    fn write(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }

    /// Whether a change of a file is noticed, by its number and by its path.
    fn noticed(folder: &Path, name: &str) -> (bool, bool) {
        let before = Footprint::of(folder).revision();
        write(folder, name, "changed");
        let footprint = Footprint::of(folder);
        (footprint.revision() != before, footprint.covers(&folder.join(name)))
    }

    #[test]
    fn what_programs_load_and_what_run_names_counts() {
        let scratch = Scratch::new();
        let folder = scratch.path();
        write(folder, "more.json", r#"{ "GET": { "info": "x", "run": "sql:queries/more.sql" } }"#);
        let api =
            r#"{ "GET": { "info": "x", "run": "bin/it" }, "/": { "more": { "$include": "more.json" } } }"#;
        write(folder, "api.json", api);
        for counts in ["lib/shared.py", "lib/kit/a.js", "bin/it", "queries/more.sql", "controller/a.sql"] {
            assert_eq!(noticed(folder, counts), (true, true), "{counts}");
        }
        assert!(Footprint::of(folder).watched().contains(&folder.join("queries")));
        for other in ["bin/other", "queries/other.sql", "data/lib/x.py", "lib/a.db", "lib/a.sqlite3-wal"] {
            assert_eq!(noticed(folder, other), (false, false), "{other}");
        }
    }

    /// What was built of it does, and so does what else lies in the folder.
    #[test]
    fn the_text_of_what_is_compiled_does_not_count() {
        let scratch = Scratch::new();
        let folder = scratch.path();
        write(folder, "api.json", r#"{ "GET": { "info": "x" } }"#);
        let sources = [
            "controller/a/main.go",
            "controller/a/src/deep.go",
            "type/b/main.c",
            "type/b/b.h",
            "middleware/c/main.py",
        ];
        for source in sources {
            assert_eq!(noticed(folder, source), (true, true), "{source} is new");
            write(folder, source, "before");
            assert_eq!(noticed(folder, source), (false, true), "{source} is watched, for what builds it");
        }
        for other in [
            ".build/controller/a",
            ".build/type/b.wasm",
            "controller/a/list.sql",
            "type/b/point.json",
            "controller/other/helper.py",
            "lib/shared.py",
            "middleware/2-program.py",
        ] {
            write(folder, other, "before");
            assert_eq!(noticed(folder, other), (true, true), "{other}");
        }
        let before = Footprint::of(folder).revision();
        fs::remove_file(folder.join("controller/a/src/deep.go")).expect("it is there");
        assert_ne!(Footprint::of(folder).revision(), before, "it is gone");
    }

    /// A folder with an executable `main.py` is a program as it is: what it loads beside it counts.
    #[cfg(unix)]
    #[test]
    fn what_runs_as_it_is_counts_whole() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = Scratch::new();
        let folder = scratch.path();
        write(folder, "api.json", r#"{ "GET": { "info": "x" } }"#);
        write(folder, "controller/a/main.py", "before");
        write(folder, "controller/a/other.py", "before");
        assert_eq!(noticed(folder, "controller/a/other.py"), (false, true));
        let before = Footprint::of(folder).revision();
        fs::set_permissions(folder.join("controller/a/main.py"), fs::Permissions::from_mode(0o755))
            .expect("it is ours");
        assert_ne!(Footprint::of(folder).revision(), before, "it is a program now");
        write(folder, "controller/a/other.py", "before");
        assert_eq!(noticed(folder, "controller/a/other.py"), (true, true));
        assert_eq!(noticed(folder, "controller/a/main.py"), (true, true));
    }

    #[test]
    fn the_folders_are_below_the_root_that_a_project_file_says() {
        let scratch = Scratch::new();
        let folder = scratch.path();
        write(folder, "api.json", r#"{ "GET": { "info": "x", "run": "bin/it" } }"#);
        write(folder, "own/bin/it", "");
        write(folder, "ketch.json", r#"{ "root": "./own" }"#);
        for counts in ["own/controller/ROOT.sql", "own/lib/shared.py", "own/bin/it", "api.json"] {
            assert_eq!(noticed(folder, counts), (true, true), "{counts}");
        }
        assert_eq!(noticed(folder, "controller/ROOT.sql"), (false, false));
    }
}
