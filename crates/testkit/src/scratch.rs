//! A folder for the data of one test.

use std::path::Path;

use tempfile::TempDir;

/// A folder for the data of one test, gone with this value. Whoever keeps it can stop a server and start another one on
/// the same data.
#[derive(Debug)]
pub struct Scratch(TempDir);

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Scratch {
    /// A new, empty folder. Panics when the system has no room for it.
    pub fn new() -> Self {
        Self(TempDir::with_prefix("ketch-").expect("a folder can be made where temporary files go"))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The URL of an SQLite database in it, which is made when it is opened.
    pub fn url(&self) -> String {
        format!("sqlite:{}", self.path().join("app.db").display())
    }
}
