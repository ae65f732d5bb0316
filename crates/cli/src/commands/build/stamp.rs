//! What was built of which inputs: a digest of them lies beside the output.
//!
//! Go and Cargo have none: they know what their sources depend on, wherever it is, and are quick when nothing changed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ketch_manifest::{BUILD_FOLDER, Language, SourceFolder, TOOL_FOLDERS};
use sha2::{Digest, Sha256};

/// The digest of what a build depends on: the folder's files, those of `lib/`, and this program. None for languages whose
/// tools know better.
pub(super) fn of(root: &Path, source: &SourceFolder) -> Result<Option<String>> {
    if matches!(source.language, Language::Go | Language::Rust) {
        return Ok(None);
    }
    let mut files = Vec::new();
    gather(&root.join(&source.folder), &mut files)?;
    if root.join("lib").is_dir() {
        gather(&root.join("lib"), &mut files)?;
    }
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(super::wit().unwrap_or_default());
    for file in files {
        let text = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        hash.update(file.strip_prefix(root).unwrap_or(&file).as_os_str().as_encoded_bytes());
        hash.update([0]);
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(&text);
    }
    let digest = hash.finalize();
    Ok(Some(digest.iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// Whether the output was made of inputs with this digest.
pub(super) fn is(root: &Path, source: &SourceFolder, stamp: &str) -> bool {
    fs::read_to_string(path(root, source)).is_ok_and(|written| written == stamp)
}

/// Says that the output was.
pub(super) fn write(root: &Path, source: &SourceFolder, stamp: &str) -> Result<()> {
    let path = path(root, source);
    let folder = path.parent().expect("it is in a folder");
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(&path, stamp).with_context(|| format!("cannot write {}", path.display()))
}

/// Apart from the outputs, so that a server that watches these does not load anything for a stamp.
fn path(root: &Path, source: &SourceFolder) -> PathBuf {
    root.join(BUILD_FOLDER).join("stamps").join(&source.folder).join(source.main)
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut entries: Vec<_> = entries.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type()?;
        if name.starts_with('.') || TOOL_FOLDERS.contains(&name.as_str()) {
            continue;
        }
        if kind.is_dir() {
            gather(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}
