//! The engines that ship pass every case of the queue.

use std::sync::atomic::{AtomicU32, Ordering};

use ketch_db::Db;
use ketch_db::postgres::Postgres;
use ketch_db::sqlite::Sqlite;
use ketch_jobs::conformance;
use ketch_testkit::Scratch;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_passes_every_case() {
    let (folder, next) = (Scratch::new(), AtomicU32::new(0));
    let report = conformance::run(async |options| {
        let file = folder.path().join(format!("{}.db", next.fetch_add(1, Ordering::Relaxed)));
        Db::with_driver(Sqlite::open(file, &options).expect("a fresh file opens"), &options)
    })
    .await;
    println!("{report}");
    report.assert_all_pass();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_passes_every_case() {
    let server = ketch_testkit::postgres::Postgres::shared();
    let report = conformance::run(async |options| {
        let url = server.fresh();
        let engine = Postgres::connect(&url, &options).await.expect("the server takes connections");
        Db::with_driver(engine, &options)
    })
    .await;
    println!("{report}");
    report.assert_all_pass();
}

#[test]
fn names_are_unique_and_there_are_many() {
    let mut names = conformance::cases();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "a name is there twice");
    assert!(count > 50, "{count} cases");
}
