//! Which file is whose controller, and which middlewares and type checkers there are.
//!
//! Hidden files, notes (`.md`, `.txt`) and an editor's copies (`name~`) are nobody's.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use http::Method;
use ketch_model::Problem;

use crate::project::ProjectFile;
use crate::sources::{self, Answering, Language, Part, SourceFolder};
use crate::tree::{Declared, METHODS};

/// What there is for an endpoint.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The file that answers it, below the project's folder.
    One(PathBuf),
    /// Files of which each could.
    Several(Vec<PathBuf>),
    /// No file; `wanted` is where one is looked for, without its extension.
    None { wanted: PathBuf },
}

/// The file that answers an endpoint, each with any extension: `uri.GET` or `uri/ROOT.GET`, else `uri` or `uri/ROOT`.
pub(crate) fn controller(project: &ProjectFile, endpoint: &Declared) -> Found {
    let folder = &project.folders.controllers;
    let path: Vec<String> = endpoint.path.iter().map(|segment| plain(segment)).collect();
    let inside = folder.join(path.iter().collect::<PathBuf>());
    let (parent, stem) = match path.split_last() {
        Some((last, parents)) => (folder.join(parents.iter().collect::<PathBuf>()), last.as_str()),
        None => (folder.clone(), "ROOT"),
    };
    let places = [(&parent, stem), (&inside, "ROOT")];
    // The root of the tree is both.
    let places = if path.is_empty() { &places[..1] } else { &places[..] };
    let candidates = |of: &dyn Fn(&str) -> String| -> Vec<PathBuf> {
        places.iter().flat_map(|(folder, stem)| named(&project.root, folder, &of(stem))).collect()
    };
    let mut found = candidates(&|stem| format!("{stem}.{}", endpoint.method));
    if found.is_empty() {
        found = candidates(&str::to_owned);
    }
    match found.len() {
        0 => Found::None { wanted: parent.join(stem) },
        1 => Found::One(found.remove(0)),
        _ => Found::Several(found),
    }
}

/// A segment as files are called for it: a capture without its pattern.
fn plain(segment: &str) -> String {
    match segment.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
        Some(inner) => {
            let name = inner.split_once(':').map_or(inner, |(name, _)| name);
            format!("{{{}}}", name.trim_start_matches('*'))
        }
        None => segment.to_owned(),
    }
}

/// The files called `stem`, or `stem` and one extension that is no method's.
fn named(root: &Path, folder: &Path, stem: &str) -> Vec<PathBuf> {
    let extension = |rest: &str| {
        rest.strip_prefix('.').is_some_and(|rest| !rest.contains('.') && !METHODS.contains(&rest))
    };
    let fits = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name == stem || name.strip_prefix(stem).is_some_and(extension)
    };
    let mut found: Vec<PathBuf> = files(root, folder).into_iter().filter(fits).collect();
    // A folder of this name with an executable `main.py`, or with sources that have been built.
    if let Some(Answering::File(file)) = sources::answering(root, &folder.join(stem), Part::Controller) {
        found.push(file);
    }
    found
}

/// Whether a file of this name is nobody's.
fn nobodys(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with('.') || name.ends_with('~') || name.ends_with(".md") || name.ends_with(".txt")
}

/// A folder that is there and cannot be read, and what in it leads nowhere: nobody can tell that it is no guard.
fn unreadable(root: &Path, folder: &Path) -> Vec<(PathBuf, String)> {
    let entries = match root.join(folder).read_dir() {
        Ok(entries) => entries.flatten(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(error) => return vec![(folder.to_owned(), format!("cannot be read: {error}"))],
    };
    let mut found: Vec<_> = entries
        .filter(|entry| !nobodys(&entry.file_name()))
        .filter_map(|entry| Some((entry.path().metadata().err()?, folder.join(entry.file_name()))))
        .map(|(error, path)| (path, format!("cannot be read: {error}")))
        .collect();
    found.sort();
    found
}

/// The files directly in a folder below `root`, by name.
pub(crate) fn files(root: &Path, folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = root.join(folder).read_dir() else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| !nobodys(&entry.file_name()) && entry.path().is_file())
        .map(|entry| folder.join(entry.file_name()))
        .collect();
    found.sort();
    found
}

/// The programs directly in a folder, by the names of their files without extension, in the order of the files' names.
/// Two of one name are a problem, and so are sources that have not been built: what they guard would stand open.
pub(crate) fn programs(
    project: &ProjectFile,
    folder: &Path,
    problems: &mut Vec<Problem>,
) -> Vec<(String, PathBuf)> {
    let mut programs: Vec<(String, PathBuf)> = Vec::new();
    let tell = |path: &Path, message: String| Problem::new(None, path.display().to_string(), message);
    problems.extend(unreadable(&project.root, folder).into_iter().map(|(path, why)| tell(&path, why)));
    for path in files(&project.root, folder) {
        let Some(name) = path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned) else {
            problems.push(tell(&path, "has a name that is not UTF-8".to_owned()));
            continue;
        };
        match programs.iter().find(|(known, _)| *known == name) {
            Some((_, other)) => {
                let message = format!("is called `{name}` as {} is: rename or delete one", other.display());
                problems.push(tell(&path, message));
            }
            None => programs.push((name, path)),
        }
    }
    for (below, answering) in sources::answering_in(&project.root, folder, Part::Middleware) {
        let name = below.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match answering {
            _ if programs.iter().any(|(known, _)| known == name) => {
                problems.push(tell(&below, format!("is called `{name}` as a file beside it is: delete one")));
            }
            Answering::File(file) => programs.push((name.to_owned(), file)),
            Answering::Unbuilt(source) => problems.push(tell(&below.join(source.main), unbuilt(&source))),
        }
    }
    // In the order of the names in the folder: a program that was built, or is in a folder, has the folder's.
    let written = |(name, path): &(String, PathBuf)| match path.parent() {
        Some(parent) if parent == folder => path.file_name().map(|name| name.to_owned()).unwrap_or_default(),
        _ => name.into(),
    };
    programs.sort_by_cached_key(written);
    programs
}

/// The sources that a controller would be built of, if there are some that have not been.
pub(crate) fn unbuilt_source(root: &Path, wanted: &Path, method: &Method) -> Option<SourceFolder> {
    let own = wanted.with_file_name(format!("{}.{method}", wanted.file_name()?.to_str()?));
    let places = [own, wanted.to_owned(), wanted.join(format!("ROOT.{method}")), wanted.join("ROOT")];
    places.iter().find_map(|folder| match sources::answering(root, folder, Part::Controller)? {
        Answering::Unbuilt(source) => Some(source),
        Answering::File(_) => None,
    })
}

/// What to do with sources that nobody has built.
pub(crate) fn unbuilt(source: &SourceFolder) -> String {
    let plugin = if source.language == Language::Go {
        ". It becomes a program; plugins of Go are not loaded"
    } else {
        ""
    };
    format!("has not been built: run `ketch build`{plugin}")
}
