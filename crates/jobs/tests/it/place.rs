//! A database of a test's own, with the queue's tables.

use std::path::PathBuf;
use std::time::Duration;

use ketch_db::migrate::{Backup, Wanted};
use ketch_db::{Db, Params};
use ketch_jobs::{Jobs, Options};
use ketch_testkit::Scratch;
use ketch_testkit::postgres::Postgres as Server;
use serde::de::DeserializeOwned;

/// A database that is gone with this value, or with the server that the tests share.
pub(crate) struct Place {
    pub(crate) db: Db,
    pub(crate) jobs: Jobs,
    url: String,
    folder: Option<Scratch>,
}

impl Place {
    /// A file.
    pub(crate) async fn sqlite() -> Self {
        let folder = Scratch::new();
        let url = folder.url();
        Self { folder: Some(folder), ..Self::new(url).await }
    }

    /// A database on the PostgreSQL server that the tests share.
    pub(crate) async fn postgres() -> Self {
        Self::on(Server::shared()).await
    }

    /// A database on a PostgreSQL server of the test's own.
    pub(crate) async fn on(server: &Server) -> Self {
        Self::new(server.fresh()).await
    }

    async fn new(url: String) -> Self {
        let db = connect(&url).await;
        let wanted = Wanted { backup: Backup::Without, ..Wanted::default() };
        ketch_db::migrate::up(&db, &[ketch_jobs::migrations()], &wanted).await.expect("the tables are made");
        Self { jobs: Jobs::new(db.clone()), db, url, folder: None }
    }

    /// The same with other bounds.
    pub(crate) fn with(self, change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options::default();
        change(&mut options);
        let jobs = Jobs::new(self.db.clone());
        assert!(jobs.configure(options), "a new handle has no bounds yet");
        Self { jobs, ..self }
    }

    /// A handle as another process has it, on PostgreSQL.
    pub(crate) async fn other_process(&self) -> Jobs {
        assert!(self.folder.is_none(), "one process has an SQLite file");
        Jobs::new(connect(&self.url).await)
    }

    /// The file of an SQLite database.
    pub(crate) fn file(&self) -> PathBuf {
        PathBuf::from(self.url.strip_prefix("sqlite:").expect("it is SQLite's"))
    }

    pub(crate) async fn execute(&self, sql: &'static str) -> u64 {
        self.db.execute(sql, Params::new()).await.expect("the statement is right")
    }

    pub(crate) async fn one<T: DeserializeOwned + Send + 'static>(&self, sql: &'static str) -> T {
        self.db.query_one(sql, Params::new()).await.expect("the statement is right")
    }

    /// Asks until the answer is the wanted one.
    pub(crate) async fn until(&self, sql: &'static str, wanted: i64) {
        let mut said = 0;
        for _ in 0..3_000 {
            said = self.one(sql).await;
            if said == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("`{sql}` says {said}, not {wanted}");
    }
}

async fn connect(url: &str) -> Db {
    let options = ketch_db::Options::default();
    let driver = ketch_db::connect(&url.parse().expect("a URL"), &options).await.expect("it opens");
    let db = Db::unconnected();
    db.connect(driver, &options).expect("a new handle");
    db
}
