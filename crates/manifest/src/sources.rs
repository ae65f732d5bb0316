//! Folders that answer: `controller/user/` with a `main.go` in it is the source of what `ketch build` makes of it, and
//! with an executable `main.py` it is that program.
//!
//! What is made lies below `.build/`, in the folders of its sources: `.build/controller/user` for a program,
//! `.build/controller/user.wasm` for a component. Building is the command's; here is only where things are.

use std::path::{Path, PathBuf};

use crate::project::ProjectFile;

/// Where what was built lies, below the project's folder.
pub const BUILD_FOLDER: &str = ".build";

/// Folders of tools among sources. Nothing in them is a project's own: it follows from what is.
pub const TOOL_FOLDERS: [&str; 3] = ["__pycache__", "node_modules", "target"];

/// A folder with sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFolder {
    /// The folder, below the project's: `controller/user`.
    pub folder: PathBuf,
    /// The file that says how it is built, in that folder: `main.go`, `Cargo.toml`.
    pub main: &'static str,
    /// How it is built.
    pub language: Language,
    /// What it is in the project.
    pub part: Part,
}

/// How sources are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// A program, by Go.
    Go,
    /// A program or a component, by Cargo.
    Rust,
    /// A component, by Zig's C compiler.
    C,
    /// A component, by componentize-qjs.
    JavaScript,
    /// A component, by componentize-qjs, once the types are taken away.
    TypeScript,
    /// A component, by componentize-py.
    Python,
}

/// What a folder's sources are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// They answer an endpoint.
    Controller,
    /// They look at requests.
    Middleware,
    /// They check a type.
    Type,
}

/// The files that make a folder one with sources; the first that is there says how it is built.
const MAINS: [(&str, Language); 7] = [
    ("main.go", Language::Go),
    ("Cargo.toml", Language::Rust),
    ("main.c", Language::C),
    ("main.ts", Language::TypeScript),
    ("main.js", Language::JavaScript),
    ("main.mjs", Language::JavaScript),
    ("main.py", Language::Python),
];

/// What a folder that answers is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answering {
    /// This program of its own, or what was built of it, below the project's folder.
    File(PathBuf),
    /// Sources that nobody has built yet.
    Unbuilt(SourceFolder),
}

impl SourceFolder {
    /// The files that it may be made into, below the project's folder: a program, and a component.
    pub fn outputs(&self) -> [PathBuf; 2] {
        let program = Path::new(BUILD_FOLDER).join(&self.folder);
        let mut component = program.clone().into_os_string();
        component.push(".wasm");
        [program, component.into()]
    }

    /// The one that is there. Never both are: the other goes when one is built.
    pub fn built(&self, root: &Path) -> Option<PathBuf> {
        self.outputs().into_iter().find(|output| root.join(output).is_file())
    }
}

/// The folders with sources of a project, by name.
pub fn source_folders(file: &ProjectFile) -> Vec<SourceFolder> {
    let folders = [
        (&file.folders.controllers, Part::Controller),
        (&file.folders.middlewares, Part::Middleware),
        (&file.folders.types, Part::Type),
    ];
    let mut found = Vec::new();
    for (folder, part) in folders {
        gather(&file.root, folder, part, &mut found);
    }
    found.sort_by(|one, other| one.folder.cmp(&other.folder));
    found
}

/// Those in a folder below `root`, whatever they are for.
pub(crate) fn built_in(root: &Path, folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    gather(root, folder, Part::Controller, &mut found);
    found.into_iter().map(|source| source.folder).collect()
}

/// What answers for a folder, if it is one that does.
pub(crate) fn answering(root: &Path, folder: &Path, part: Part) -> Option<Answering> {
    if let Some(program) = program(root, folder) {
        return Some(Answering::File(program));
    }
    let source = source(root, folder, part)?;
    Some(match source.built(root) {
        Some(file) => Answering::File(file),
        None => Answering::Unbuilt(source),
    })
}

/// The folders directly in a folder that answer, by name, and what each is.
pub(crate) fn answering_in(root: &Path, folder: &Path, part: Part) -> Vec<(PathBuf, Answering)> {
    let Ok(entries) = root.join(folder).read_dir() else { return Vec::new() };
    let below = entries.flatten().map(|entry| folder.join(entry.file_name()));
    let mut found: Vec<_> = below.filter_map(|it| answering(root, &it, part).map(|is| (it, is))).collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found
}

fn gather(root: &Path, folder: &Path, part: Part, found: &mut Vec<SourceFolder>) {
    let Ok(entries) = root.join(folder).read_dir() else { return };
    for entry in entries.flatten() {
        // Links are not followed, so no walk goes round in circles.
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let below = folder.join(entry.file_name());
        if program(root, &below).is_none()
            && let Some(source) = source(root, &below, part)
        {
            found.push(source);
        } else {
            gather(root, &below, part, found);
        }
    }
}

fn source(root: &Path, folder: &Path, part: Part) -> Option<SourceFolder> {
    let there = MAINS.into_iter().find(|(name, _)| root.join(folder).join(name).is_file());
    there.map(|(main, language)| SourceFolder { folder: folder.to_owned(), main, language, part })
}

/// The file `main`, with any extension or none, that can be executed as it is.
fn program(root: &Path, folder: &Path) -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = root
        .join(folder)
        .read_dir()
        .ok()?
        .flatten()
        .filter(|entry| Path::new(&entry.file_name()).file_stem().is_some_and(|stem| stem == "main"))
        .filter(|entry| is_executable(&entry.path()))
        .map(|entry| folder.join(entry.file_name()))
        .collect();
    found.sort();
    found.into_iter().next()
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

/// Elsewhere a file's name says it.
#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file() && path.extension().is_some_and(|extension| extension == "exe")
}
