//! A database of a test's own, with the queue's tables.

use ketch_db::migrate::{Backup, Wanted};
use ketch_db::{Db, Options};
use ketch_jobs::Jobs;
use ketch_testkit::Scratch;

/// An SQLite database that is gone with this value.
pub(crate) struct Place {
    pub(crate) db: Db,
    pub(crate) jobs: Jobs,
    _folder: Scratch,
}

impl Place {
    pub(crate) async fn sqlite() -> Self {
        let folder = Scratch::new();
        let options = Options::default();
        let url = folder.url().parse().expect("a URL");
        let driver = ketch_db::connect(&url, &options).await.expect("a new database opens");
        let db = Db::unconnected();
        db.connect(driver, &options).expect("a new handle");
        let wanted = Wanted { backup: Backup::Without, ..Wanted::default() };
        ketch_db::migrate::up(&db, &[ketch_jobs::migrations()], &wanted).await.expect("the tables are made");
        let jobs = Jobs::new(db.clone());
        Self { db, jobs, _folder: folder }
    }
}
