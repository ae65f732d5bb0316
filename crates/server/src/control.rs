//! The control socket of a server: where it is, and what is said when there is none.

use std::fs;
use std::path::{self, Path, PathBuf};

use ketch_db::DatabaseUrl;
use ketch_edge::{ClosedControl, Control, open_control};

use crate::database::Database;

/// Opens the control socket beside the data. Without it a server does all that it does for others, so that is told, and
/// is no failure.
pub(crate) fn open(database: &Database) -> Option<Control> {
    let folder = database.control_folder();
    // An engine elsewhere needs no folder here, and then commands work without the server.
    if !folder.as_os_str().is_empty() && !folder.is_dir() {
        return None;
    }
    match open_control(&folder, &database.identity()) {
        Ok(control) => Some(control),
        Err(ClosedControl::Unsupported) => None,
        Err(why) => {
            tracing::warn!(%why, "no control socket: commands such as `jobs` cannot reach this server");
            None
        }
    }
}

impl Database {
    /// The folder of the control socket: the one that the file is in, so that whoever finds the file finds the socket; for
    /// another engine the folder of the data.
    pub fn control_folder(&self) -> PathBuf {
        match self.url() {
            Some(DatabaseUrl::Sqlite(file)) => {
                let real = if file.is_symlink() { fs::canonicalize(file).ok() } else { None };
                let folder = real.as_deref().unwrap_or(file).parent().unwrap_or(Path::new(""));
                folder.to_owned()
            }
            _ => self.folder().to_owned(),
        }
    }

    /// Which database it is, so that two processes of this machine can tell whether they mean the same: in ASCII,
    /// without a password.
    pub fn identity(&self) -> String {
        match self.url() {
            Some(DatabaseUrl::Sqlite(file)) => {
                let whole = fs::canonicalize(file).or_else(|_| path::absolute(file));
                let whole = whole.as_deref().unwrap_or(file).as_os_str().as_encoded_bytes();
                format!("sqlite:{}", whole.escape_ascii())
            }
            _ => self.shown().as_bytes().escape_ascii().to_string(),
        }
    }
}
