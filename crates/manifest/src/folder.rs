//! Which file is whose controller, and which middlewares and type checkers there are.

use std::path::{Path, PathBuf};

use crate::project::ProjectFile;
use crate::tree::Declared;

/// The file that answers an endpoint, below the project's folder: `uri.GET`, `uri`, `uri/ROOT`, each with any extension.
/// The first that is there wins.
pub(crate) fn controller(project: &ProjectFile, endpoint: &Declared) -> Option<PathBuf> {
    let folder = &project.folders.controllers;
    let base: PathBuf = endpoint.path.iter().collect();
    let (parent, stem) = match endpoint.path.split_last() {
        Some((last, parents)) => (folder.join(parents.iter().collect::<PathBuf>()), last.as_str()),
        None => (folder.clone(), "ROOT"),
    };
    let method = format!("{stem}.{}", endpoint.method);
    named(&project.root, &parent, &method)
        .or_else(|| named(&project.root, &parent, stem))
        .or_else(|| named(&project.root, &folder.join(&base), &format!("ROOT.{}", endpoint.method)))
        .or_else(|| named(&project.root, &folder.join(&base), "ROOT"))
}

/// A file called `stem`, or `stem` and one extension.
fn named(root: &Path, folder: &Path, stem: &str) -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = files(root, folder)
        .into_iter()
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let extension = |rest: &str| rest.strip_prefix('.').is_some_and(|rest| !rest.contains('.'));
            name == stem || name.strip_prefix(stem).is_some_and(extension)
        })
        .collect();
    found.sort();
    found.into_iter().next()
}

/// The files directly in a folder below `root`, by name.
pub(crate) fn files(root: &Path, folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = root.join(folder).read_dir() else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.path().is_file())
        .map(|entry| folder.join(entry.file_name()))
        .collect();
    files.sort();
    files
}
