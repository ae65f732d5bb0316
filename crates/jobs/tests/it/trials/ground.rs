//! The database that a trial is on: a file that the processes open one after the other, or a PostgreSQL database that
//! they share.

use std::path::Path;

use ketch_db::migrate::{Backup, Wanted};
use ketch_db::{Db, Options, params};
use ketch_testkit::postgres::Postgres;
use serde::{Deserialize, Serialize};

/// What the jobs leave behind, and what they were meant to. Nothing in `ran` is unique: what happens twice is seen.
const TABLES: [&str; 7] = [
    "create table if not exists wanted (number bigint not null, job bigint not null, follows bigint not null)",
    "create index if not exists wanted_number on wanted (number)",
    "create index if not exists wanted_job on wanted (job)",
    "create table if not exists ran (number bigint not null, job bigint not null, attempt bigint not null)",
    "create index if not exists ran_job on ran (job)",
    "create table if not exists touched (number bigint not null, job bigint not null, attempt bigint not null)",
    "create table if not exists ballast (filler text not null)",
];

/// Where a trial takes place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Ground {
    url: String,
    /// Of the write-ahead log, if it may not be as long as by default.
    log: Option<u64>,
}

impl Ground {
    /// A file in this folder; the first process that opens it makes the tables.
    pub(super) fn file(folder: &Path) -> Self {
        Self { url: format!("sqlite:{}", folder.join("data").join("app.db").display()), log: None }
    }

    /// The same, on a small disk: the write-ahead log has so many bytes at most.
    pub(super) fn small_file(folder: &Path, log: u64) -> Self {
        Self { log: Some(log), ..Self::file(folder) }
    }

    /// A database of its own, with its tables.
    pub(super) fn postgres(server: &Postgres) -> Self {
        let ground = Self { url: server.fresh(), log: None };
        block_on(async {
            let db = ground.open().await;
            prepare(&db).await;
            db.close().await;
        });
        ground
    }

    pub(super) fn is_file(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    /// The name of a PostgreSQL database.
    pub(super) fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or_default()
    }

    pub(super) async fn open(&self) -> Db {
        let mut options = Options::default();
        if let Some(log) = self.log {
            (options.wal, options.checkpoint_at) = (log, log / 8);
        }
        let url = self.url.parse().expect("a URL");
        let mut tries = 0;
        let driver = loop {
            match ketch_db::connect(&url, &options).await {
                // Connections are broken here while it opens too, and whoever starts programs starts them again.
                Err(ketch_db::Error::Unavailable(_)) if tries < 20 => tries += 1,
                opened => break opened.expect("the database opens"),
            }
        };
        let db = Db::unconnected();
        db.connect(driver, &options).expect("a new handle");
        if self.is_file() {
            prepare(&db).await;
        }
        db
    }
}

/// Makes the tables, if they are not there.
async fn prepare(db: &Db) {
    let wanted = Wanted { backup: Backup::Without, ..Wanted::default() };
    ketch_db::migrate::up(db, &[ketch_jobs::migrations()], &wanted)
        .await
        .expect("the queue's tables are made");
    db.batch(TABLES.map(|sql| (sql, params! {}))).await.expect("the trial's tables are made");
}

/// Waits for what is asynchronous, in a trial that mostly waits for processes.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime starts").block_on(work)
}
