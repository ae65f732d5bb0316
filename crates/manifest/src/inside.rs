//! What a project names is in its folder: no name, link or device leads to anything else.

use std::fs;
use std::path::{Component, Path};

/// Whether a file, as a project names it, is one in its folder. Links are followed; the file that is in the end must be
/// inside as well.
///
/// # Errors
/// Why not, to be read after the file's name.
pub(crate) fn check(root: &Path, file: &Path) -> Result<(), String> {
    let outside = || Err("leads out of the project's folder: what it runs must be in it".to_owned());
    // By its words first: whether there is such a file outside is nobody's business.
    if file.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
        return outside();
    }
    // What is not there, or cannot be followed, is told by the driver, which does not find it either.
    let (Ok(real), Ok(root)) = (fs::canonicalize(root.join(file)), fs::canonicalize(root)) else {
        return Ok(());
    };
    if !real.starts_with(&root) {
        return outside();
    }
    // A pipe or a device would be read for ever.
    if real.exists() && !real.is_file() {
        return Err("is no file".to_owned());
    }
    Ok(())
}
