//! A driver around SQLite passes all that SQLite passes, and counts.

use std::sync::atomic::{AtomicU32, Ordering};

use ketch_db::sqlite::Sqlite;
use ketch_db::{Db, Options, conformance, params};
use recipes::logged::{Log, Logged, OTHERS, TEXTS};

/// A folder that is gone when its test ends.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("recipes-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for temporary files");
        Self(path)
    }

    fn open(&self, name: &str, log: &Log, options: &Options) -> Db {
        let sqlite = Sqlite::open(self.0.join(name), options).expect("a fresh file opens");
        Db::with_driver(Logged::new(sqlite, log), options)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone_already = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_passes_every_case() {
    let (folder, next) = (Folder::new("logged-cases"), AtomicU32::new(0));
    let report = conformance::run(async |options| {
        let name = format!("{}.db", next.fetch_add(1, Ordering::Relaxed));
        folder.open(&name, &Log::default(), &options)
    })
    .await;
    report.assert_all_pass();
    assert_eq!(report.not_supported(), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_queue_of_jobs_works_on_it() {
    let (folder, next) = (Folder::new("logged-jobs"), AtomicU32::new(0));
    let report = ketch_jobs::conformance::run(async |options| {
        let name = format!("{}.db", next.fetch_add(1, Ordering::Relaxed));
        folder.open(&name, &Log::default(), &options)
    })
    .await;
    report.assert_all_pass();
}

#[tokio::test]
async fn it_counts_what_runs_and_what_fails() {
    let (folder, log) = (Folder::new("logged-counts"), Log::default());
    let db = folder.open("app.db", &log, &Options::default());
    db.execute("create table boats (name text not null unique)", params! {}).await.unwrap();
    let insert = "insert into boats (name) values ('Spray')";
    db.execute(insert, params! {}).await.unwrap();
    db.execute(insert, params! {}).await.unwrap_err();
    db.write(move |tx| tx.execute(insert, params! {})).await.unwrap_err();
    let count = "select count(*) from boats";
    for _ in 0..3 {
        let boats: i64 = db.query_one(count, params! {}).await.unwrap();
        assert_eq!(boats, 1);
    }
    assert_eq!((log.line(insert).failed, log.line(count).failed), (2, 0));
    assert_eq!((log.line(insert).runs, log.line(count).runs), (3, 3));
    assert!(log.table().contains(insert), "{}", log.table());
    db.close().await;
}

#[tokio::test]
async fn texts_without_end_do_not_fill_it() {
    let (folder, log) = (Folder::new("logged-texts"), Log::default());
    let db = folder.open("app.db", &log, &Options::default());
    for n in 0..TEXTS + 50 {
        let _: i64 = db.query_one(format!("select {n}"), params! {}).await.unwrap();
    }
    assert_eq!(log.line(OTHERS).runs, 50);
    assert_eq!(log.table().lines().count(), TEXTS + 1);
    db.close().await;
}
