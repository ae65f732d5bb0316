//! The folder of a database: made if it is not there, and then on the disk before anything in it is promised.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::error::{Error, Result};

/// Makes a folder with all above it that are not there. SQLite syncs the names in the database's own folder; the names
/// of the folders are nobody's but ours to sync, and a power cut would take them with all that is in them.
pub(super) fn make(folder: &Path) -> Result<()> {
    let failed =
        |error: io::Error| Error::Open(format!("cannot make the folder {}: {error}", folder.display()));
    let ours = folder.ancestors().take_while(|it| !it.as_os_str().is_empty());
    let missing = ours.take_while(|it| !it.exists()).count();
    fs::create_dir_all(folder).map_err(failed)?;
    // One that is there may have been made just now by a process that was killed before it came to the sync.
    for (at, made) in folder.ancestors().take(missing.max(1)).enumerate() {
        match made.parent().map(sync) {
            Some(Err(error)) if at < missing || error.kind() != ErrorKind::PermissionDenied => {
                return Err(failed(error));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(unix)]
fn sync(folder: &Path) -> io::Result<()> {
    let here = Path::new(".");
    File::open(if folder.as_os_str().is_empty() { here } else { folder })?.sync_all()
}

/// Elsewhere folders cannot be synced, and names need not be.
#[cfg(not(unix))]
fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}
