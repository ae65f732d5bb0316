//! Files among the controllers that answer nothing: most often a slip in a name.
//!
//! Only what could answer counts: SQL, components and executables. Names that begin with `_` or `.` are nobody's business,
//! and so is what builds leave beside sources.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use ketch_db::Dialect;
use ketch_model::Problem;
use ketch_syntax::closest;

use crate::folder::{self, Found};
use crate::project::{Project, ProjectFile};
use crate::sources::{TOOL_FOLDERS, source_folders};
use crate::tree::METHODS;

/// How deep folders are looked into, and how many files at most.
const DEEPEST: usize = 32;
const MOST: usize = 10_000;

/// Tells of files that no endpoint leads to.
pub(crate) fn check(project: &Project, problems: &mut Vec<Problem>) {
    // In old projects every file of the folder was taken for one, notes and all. And what could not be read may be whose
    // file it is.
    if project.file.seed || !project.complete {
        return;
    }
    let mut reached: Vec<PathBuf> = Vec::new();
    let mut wanted: Vec<String> = Vec::new();
    for endpoint in &project.endpoints {
        if let Some(run) = &endpoint.run {
            let file = run.split_once(':').map_or(run.as_str(), |(_, file)| file);
            reached.push(Path::new(file).components().collect());
        }
        match folder::controller(&project.file, endpoint) {
            Found::One(file) => reached.push(file),
            Found::Several(files) => reached.extend(files),
            Found::None { wanted: path } => wanted.push(path.display().to_string()),
        }
    }
    let folder = &project.file.folders.controllers;
    for file in candidates(&project.file) {
        let path = path_of(folder, &file);
        let of_table =
            project.tables.iter().any(|it| path.starts_with(it.path.iter().collect::<PathBuf>().as_path()));
        let other = beside(&file).is_some_and(|it| reached.contains(&it));
        if of_table || other || reached.contains(&file) {
            continue;
        }
        // Whoever has no controller has been told of this one already.
        if closest(&folder.join(&path).display().to_string(), wanted.iter().map(String::as_str)).is_some() {
            continue;
        }
        let message = format!(
            "no endpoint is answered by it: declare `/{}` in `api.json`, or take the file out of `{}` (a name that begins with `_` \
             is passed over)",
            path.display(),
            folder.display()
        );
        problems.push(Problem::new(None, file.display().to_string(), message));
    }
}

/// The end of a message about a controller that is not there: the file that is probably meant.
pub(crate) fn near(project: &ProjectFile, wanted: &Path) -> String {
    let folder = &project.folders.controllers;
    let found = candidates(project);
    let names: Vec<String> =
        found.iter().map(|file| folder.join(path_of(folder, file)).display().to_string()).collect();
    let wanted = wanted.display().to_string();
    // The file of another method of the same path is no slip.
    let others = names.iter().map(String::as_str).filter(|name| *name != wanted);
    let Some(near) = closest(&wanted, others) else { return String::new() };
    let at = names.iter().position(|name| name == near).unwrap_or_default();
    format!("; is `{}` meant to be it?", found[at].display())
}

/// The file that a file of one dialect stands beside: `todos.sql` of `todos.postgres.sql`.
fn beside(file: &Path) -> Option<PathBuf> {
    let name = file.file_name()?.to_str()?;
    let dialects = [Dialect::Sqlite, Dialect::Postgres].map(Dialect::name);
    let stem = dialects.iter().find_map(|dialect| name.strip_suffix(&format!(".{dialect}.sql")))?;
    Some(file.with_file_name(format!("{stem}.sql")))
}

/// The path that a file answers by where it is, without a slash before it.
fn path_of(folder: &Path, file: &Path) -> PathBuf {
    let mut path = file.strip_prefix(folder).unwrap_or(file).with_extension("");
    if path.extension().and_then(|it| it.to_str()).is_some_and(|it| METHODS.contains(&it)) {
        path.set_extension("");
    }
    if path.file_name().is_some_and(|name| name == "ROOT") {
        path.pop();
    }
    path
}

/// Every file that could be a controller, in order.
fn candidates(project: &ProjectFile) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let sources = source_folders(project);
    let mut open = vec![(project.folders.controllers.clone(), 0)];
    while let Some((folder, depth)) = open.pop() {
        let Ok(entries) = project.root.join(&folder).read_dir() else { continue };
        let built = sources.iter().any(|source| folder.starts_with(&source.folder));
        for entry in entries.flatten() {
            let (name, path) = (entry.file_name(), folder.join(entry.file_name()));
            let name = name.to_string_lossy();
            let Ok(known) = project.root.join(&path).metadata() else { continue };
            let link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            if name.starts_with(['.', '_']) || name.ends_with('~') || TOOL_FOLDERS.contains(&&*name) {
                continue;
            }
            if known.is_dir() && !link && depth < DEEPEST {
                open.push((path, depth + 1));
            } else if known.is_file() && could_answer(&path, &known, built) && found.len() < MOST {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn could_answer(path: &Path, known: &Metadata, built: bool) -> bool {
    let extension = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
    ["sql", "wasm"].contains(&extension) || (!built && is_executable(known))
}

#[cfg(unix)]
fn is_executable(known: &Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&known.permissions()) & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &Metadata) -> bool {
    false
}
