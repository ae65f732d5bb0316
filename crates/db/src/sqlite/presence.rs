//! Whether the file that is open is still the one that its name leads to.
//!
//! A file that is deleted or replaced while it is open goes on to take writes, and is gone with the process: only whoever
//! asks for its name sees it. No descriptor is opened for that, because closing it would drop SQLite's locks.

use std::path::{Path, PathBuf};

/// The file that was opened.
#[derive(Debug)]
pub(super) struct Presence {
    path: PathBuf,
    /// Nothing where the system does not tell files apart.
    opened: Option<Id>,
}

/// A device, and the number of a file on it.
type Id = (u64, u64);

impl Presence {
    /// That of a file which has just been opened to be written.
    pub(super) fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), opened: id(path).ok() }
    }

    /// What has become of it, if it is no longer there. It costs one look at a name.
    pub(super) fn fault(&self) -> Option<String> {
        let opened = self.opened?;
        let what = match id(&self.path) {
            Ok(now) if now == opened => return None,
            Ok(_) => "was replaced by another file",
            Err(error) if is_gone(&error) => "was deleted or moved",
            // A folder that may not be looked at for a moment has lost nothing.
            Err(_) => return None,
        };
        Some(format!(
            "{} {what} while this process has it open, so what is written would be lost: put the file back or restore a copy \
             of it, with its `-wal` if there is one, and start the process anew",
            self.path.display()
        ))
    }
}

#[cfg(unix)]
fn id(path: &Path) -> std::io::Result<Id> {
    use std::os::unix::fs::MetadataExt;
    path.metadata().map(|file| (file.dev(), file.ino()))
}

/// Elsewhere an open file can neither be deleted nor replaced.
#[cfg(not(unix))]
fn id(_: &Path) -> std::io::Result<Id> {
    Err(std::io::ErrorKind::Unsupported.into())
}

fn is_gone(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}
