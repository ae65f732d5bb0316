//! The one name of a database: its log and its lock are beside the file, so they must be the same for whoever opens it,
//! and stay the same when the process goes to another folder.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::{folder, private};
use crate::error::{Error, Result};

/// Makes the folder if it is not there, follows links, and makes the name whole.
///
/// # Errors
/// [`Error::Open`] when it names no file, when the system refuses, and when the file has another name as well.
pub(super) fn real(path: &Path) -> Result<PathBuf> {
    let failed = |error: io::Error| Error::Open(format!("{}: {error}", path.display()));
    let (Some(folder), Some(file)) = (path.parent(), path.file_name()) else {
        return Err(Error::Open(format!("`{}` names no file", path.display())));
    };
    folder::make(folder)?;
    if path.is_symlink() && !path.exists() {
        // What the link leads to is made, so that its name can be asked for.
        private::options().write(true).create(true).truncate(false).open(path).map_err(failed)?;
    }
    match path.metadata() {
        Ok(there) if has_other_names(&there) => Err(Error::Open(format!(
            "{}: the file has another name too (a hard link), under which its log would not be found; remove the other \
             name, or copy the file",
            path.display()
        ))),
        Ok(_) => fs::canonicalize(path).map_err(failed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            Ok(fs::canonicalize(here).map_err(failed)?.join(file))
        }
        Err(error) => Err(failed(error)),
    }
}

#[cfg(unix)]
fn has_other_names(file: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.is_file() && file.nlink() > 1
}

/// Elsewhere the system does not tell.
#[cfg(not(unix))]
fn has_other_names(_: &Metadata) -> bool {
    false
}
