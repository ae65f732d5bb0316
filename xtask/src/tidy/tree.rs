//! The files of the repository as the rules see them: relative paths with forward slashes, and the text of those that
//! are text.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::command;

/// Folders that a walk without git leaves out.
const LEFT_OUT: &[&str] = &[".git", "target", "node_modules", "__pycache__"];

/// The files; `None` is the text of what is not UTF-8.
pub(super) struct Tree {
    files: BTreeMap<String, Option<String>>,
    folders: BTreeSet<String>,
}

impl Tree {
    /// Reads what git tracks, and what it would track: new files that are not ignored.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut files = BTreeMap::new();
        for path in listed(root)? {
            let full = root.join(&path);
            // A file that was deleted, but not yet from the index, is gone; a link is no file of ours.
            if full.is_symlink() || !full.is_file() {
                continue;
            }
            let bytes = fs::read(&full).with_context(|| format!("cannot read {path}"))?;
            files.insert(path, String::from_utf8(bytes).ok());
        }
        Ok(Self::from_files(files))
    }

    /// A tree for tests.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let owned = files.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned())));
        Self::from_files(owned.collect())
    }

    fn from_files(files: BTreeMap<String, Option<String>>) -> Self {
        let mut folders = BTreeSet::from([String::new()]);
        for path in files.keys() {
            folders.extend(path.match_indices('/').map(|(end, _)| path[..end].to_owned()));
        }
        Self { files, folders }
    }

    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// Every text file with its path.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// The text files whose name ends in `.<extension>`.
    pub(super) fn with_extension(&self, extension: &str) -> impl Iterator<Item = (&str, &str)> {
        self.texts()
            .filter(move |(path, _)| Path::new(path).extension().is_some_and(|found| found == extension))
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// Whether a file or a folder is there.
    pub(super) fn has(&self, path: &str) -> bool {
        self.files.contains_key(path) || self.folders.contains(path)
    }
}

/// Git's list, or a walk where git does not know these files (an unpacked archive, a machine without git).
fn listed(root: &Path) -> Result<Vec<String>> {
    let git = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let list = command::output(command::program("git", root).args(git)).unwrap_or_default();
    let listed: Vec<_> = list.split_terminator('\0').map(str::to_owned).collect();
    if listed.iter().any(|path| path == "Cargo.toml") {
        return Ok(listed);
    }
    let mut found = Vec::new();
    walk(root, "", &mut found)?;
    Ok(found)
}

fn walk(root: &Path, folder: &str, found: &mut Vec<String>) -> Result<()> {
    let full = root.join(folder);
    for entry in fs::read_dir(&full).with_context(|| format!("cannot list {}", full.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        if !entry.file_type()?.is_dir() {
            found.push(path);
        } else if !LEFT_OUT.contains(&name.as_str()) {
            walk(root, &path, found)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_knows_files_folders_and_extensions() {
        let tree = Tree::of(&[("docs/a/b.md", "x"), ("c.rs", "y")]);
        assert!(tree.has("docs/a/b.md") && tree.has("docs/a") && tree.has("docs") && tree.has(""));
        assert!(!tree.has("docs/b.md"));
        assert_eq!(tree.with_extension("rs").collect::<Vec<_>>(), [("c.rs", "y")]);
        assert_eq!(tree.text("docs/a/b.md"), Some("x"));
    }

    #[test]
    fn a_walk_finds_what_git_finds_and_leaves_out_what_is_built() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = Vec::new();
        walk(root, "", &mut found).unwrap();
        assert!(found.contains(&"src/tidy/tree.rs".to_owned()), "{found:?}");
        assert!(found.iter().all(|path| !path.starts_with("target/")));
        assert!(Tree::read(root).unwrap().has("src/tidy/tree.rs"));
    }
}
