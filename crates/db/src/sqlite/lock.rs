//! One process at a time: a lock beside the file.
//!
//! It is a file of its own, because closing any descriptor of the database would drop the locks that SQLite holds on
//! it (<https://sqlite.org/howtocorrupt.html>, section 2.2).

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Held while the database is open; the system lets it go when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    _held: File,
}

/// `data/app.db` is locked by `data/app.db-lock`.
fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-lock");
    PathBuf::from(name)
}

impl Lock {
    pub(super) fn take(database: &Path) -> Result<Self> {
        let path = beside(database);
        let failed = |error: io::Error| Error::Open(format!("{}: {error}", path.display()));
        let mut file = match open(&path) {
            Ok(file) => file,
            Err(_) if path.is_symlink() => return Err(is_no_lock(&path)),
            Err(error) => return Err(failed(error)),
        };
        if !is_ours(&file.metadata().map_err(failed)?) {
            return Err(is_no_lock(&path));
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _unknown = (&mut file).take(20).read_to_string(&mut holder);
                return Err(Error::Locked(taken(holder.trim(), database)));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { _held: file })
    }
}

/// Opens the lock, which is written to: a link that somebody put there is not followed.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NOFOLLOW | libc::O_NONBLOCK);
    options.open(path)
}

/// Whether it is a file, and has no other name under which it is somebody's.
fn is_ours(file: &Metadata) -> bool {
    #[cfg(unix)]
    let has_other_names = std::os::unix::fs::MetadataExt::nlink(file) > 1;
    #[cfg(not(unix))]
    let has_other_names = false;
    file.is_file() && !has_other_names
}

fn is_no_lock(path: &Path) -> Error {
    let path = path.display();
    Error::Open(format!("{path} is there and is no lock: it is a link, or no file; move it away"))
}

fn taken(holder: &str, database: &Path) -> String {
    let database = database.display();
    match holder {
        "" => format!("another process has {database} open; stop it first, or ask it"),
        own if own == std::process::id().to_string() => {
            format!("this process ({own}) has {database} open already; use the handle that it has")
        }
        other => format!("process {other} has {database} open; stop it first, or ask it"),
    }
}
