//! A folder that is gone when the test ends.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use ketch_db::sqlite::Sqlite;
use ketch_db::{Db, Options};

/// A folder of one test's own.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("ketch-db-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder for temporary files");
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A database in it.
    pub(crate) fn db(&self, options: &Options) -> Db {
        Db::with_driver(Sqlite::open(self.path("app.db"), options).expect("a fresh file opens"), options)
    }

    /// Another, that is there already.
    pub(crate) fn db_at(&self, path: &Path) -> Db {
        assert!(path.starts_with(&self.0) && path.exists(), "{}", path.display());
        Db::with_driver(Sqlite::open(path, &Options::default()).expect("it opens"), &Options::default())
    }
}

impl AsRef<Path> for Scratch {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _gone_already = std::fs::remove_dir_all(&self.0);
    }
}
