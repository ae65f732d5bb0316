//! What was meant to guard a project and does not: entries of the folder of middlewares that are no programs, and names
//! that are slips. Passed over in silence they would leave endpoints open.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ketch_model::Problem;
use ketch_syntax::closest;

use crate::folder::is_nobodys;
use crate::project::{Folders, ProjectFile};
use crate::sources::{self, Part, TOOL_FOLDERS};

/// The names of project files.
const PROJECT_FILES: [&str; 2] = ["ketch.json", "aicra.json"];

/// What other programs' files of settings are called, and what editors make of the name.
const OTHER_ENDINGS: [&str; 6] = [".json5", ".jsonc", ".toml", ".txt", ".yaml", ".yml"];

/// Whether there is anything of this name: a link that leads nowhere too, and what may not be looked at.
pub(crate) fn is_there(path: &Path) -> bool {
    !matches!(path.symlink_metadata(), Err(error) if error.kind() == ErrorKind::NotFound)
}

/// What in the folder of middlewares is none.
pub(crate) fn check(project: &ProjectFile, problems: &mut Vec<Problem>) {
    let folder = &project.folders.middlewares;
    let told = |(path, why): (PathBuf, String)| Problem::new(None, path.display().to_string(), why);
    problems.extend(entries(project, folder).into_iter().map(told));
    for path in misnamed(&project.root, &project.folders) {
        let message = format!(
            "is not the folder of the middlewares, so what is in it guards nothing: did you mean `{}`? Rename it, or begin \
             its name with `_`",
            folder.display()
        );
        problems.push(told((path, message)));
    }
}

/// A folder that is there and cannot be read, and what in it cannot be a middleware, by name.
fn entries(project: &ProjectFile, folder: &Path) -> Vec<(PathBuf, String)> {
    let whole = project.root.join(folder);
    let unread = |error: std::io::Error| format!("cannot be read: {error}");
    let entries = match whole.read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound && !is_there(&whole) => return Vec::new(),
        Err(error) => return vec![(folder.to_owned(), unread(error))],
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = match entry {
            Ok(entry) => entry.file_name(),
            Err(error) => {
                found.push((folder.to_owned(), format!("cannot be read to its end: {error}")));
                continue;
            }
        };
        let path = folder.join(&name);
        let fault = match whole.join(&name).metadata() {
            _ if is_nobodys(&name) => None,
            Err(error) => Some(unread(error)),
            Ok(known) if known.is_file() => None,
            // In old projects such folders were nobody's, and what nothing opens is closed.
            Ok(known) if known.is_dir() && project.seed => None,
            Ok(known) if known.is_dir() => answers_nothing(&project.root, &path),
            Ok(_) => Some("is neither a file nor a folder".to_owned()),
        };
        found.extend(fault.map(|why| (path, why)));
    }
    found.sort();
    found
}

/// Why a folder among the middlewares is none, if it is none and does not say so by its name.
fn answers_nothing(root: &Path, folder: &Path) -> Option<String> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    if name.starts_with('_') || TOOL_FOLDERS.contains(&&*name) {
        return None;
    }
    let entries = match root.join(folder).read_dir().and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(entries) => entries,
        Err(error) => return Some(format!("cannot be read: {error}")),
    };
    if sources::answering(root, folder, Part::Middleware).is_some() {
        return None;
    }
    let main =
        entries.iter().find(|entry| Path::new(&entry.file_name()).file_stem().is_some_and(|it| it == "main"));
    Some(match main {
        Some(main) if main.path().is_file() => {
            let main = folder.join(main.file_name());
            format!("guards nothing: its program cannot be executed; run `chmod +x '{}'`", main.display())
        }
        Some(main) => {
            format!("guards nothing: `{}` in it is no file", main.file_name().to_string_lossy())
        }
        None => "is a folder without a program, so it guards nothing: call the program in it `main`, or begin the \
                 folder's name with `_` when there is none"
            .to_owned(),
    })
}

/// Folders whose names are slips of that of the middlewares, below the root. Empty ones hold nothing that could guard.
pub(crate) fn misnamed(root: &Path, folders: &Folders) -> Vec<PathBuf> {
    let Some(wanted) = folders.middlewares.file_name().and_then(|name| name.to_str()) else {
        return Vec::new();
    };
    let beside = folders.middlewares.parent().unwrap_or(Path::new(""));
    let is_missing = !is_there(&root.join(&folders.middlewares));
    let is_usual = folders.middlewares == Folders::default().middlewares;
    let others = [&folders.controllers, &folders.types, &folders.migrations];
    let is_slip = |name: &str| {
        let lower = name.to_lowercase();
        lower == wanted.to_lowercase()
            || lower.strip_suffix('s') == Some(wanted)
            // Where there is none, whatever is called almost so is it.
            || (is_missing && is_usual && closest(&lower, [wanted]).is_some())
    };
    names(&root.join(beside))
        .into_iter()
        .filter(|name| {
            name != wanted && !name.starts_with(['.', '_']) && !name.ends_with('~') && is_slip(name)
        })
        .map(|name| beside.join(name))
        .filter(|path| !others.contains(&path) && may_hold_any(&root.join(path)))
        .collect()
}

/// Whether it is a folder that has something in it, or may have.
fn may_hold_any(folder: &Path) -> bool {
    folder.is_dir() && folder.read_dir().map_or(true, |mut entries| entries.next().is_some())
}

/// Files of a project's folder whose names are slips of a project file's, and what each was meant to be.
pub(crate) fn slips(folder: &Path) -> Vec<(String, &'static str)> {
    let is_missing = !PROJECT_FILES.iter().any(|name| is_there(&folder.join(name)));
    let meant = |name: &str| {
        let lower = name.to_lowercase();
        PROJECT_FILES.into_iter().find(|wanted| {
            let stem = wanted.trim_end_matches(".json");
            let mut rest = [*wanted, stem].into_iter().filter_map(|start| lower.strip_prefix(start));
            lower == *wanted
                || rest.any(|rest| OTHER_ENDINGS.contains(&rest))
                // Letters that are swapped, missing or doubled; not another word that is much alike.
                || (is_missing && lower.starts_with('k') && same_letters(&lower, wanted))
        })
    };
    let all = names(folder).into_iter().filter(|name| !PROJECT_FILES.contains(&name.as_str()));
    let slips = all.filter_map(|name| meant(&name).map(|meant| (name, meant)));
    slips.filter(|(name, _)| !folder.join(name).is_dir()).collect()
}

/// Whether two names have the same letters, but for the order and how often.
fn same_letters(one: &str, other: &str) -> bool {
    let letters = |name: &str| name.chars().collect::<std::collections::BTreeSet<_>>();
    one.ends_with(".json") && letters(one) == letters(other) && one.len().abs_diff(other.len()) <= 1
}

/// What a folder has, in order; nothing where it cannot be read, which whoever needs it tells.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}
