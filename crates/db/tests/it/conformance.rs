//! The engines that ship pass every case that there is for engines.

use std::sync::atomic::{AtomicU32, Ordering};

use ketch_db::sqlite::Sqlite;
use ketch_db::{Db, conformance};

use crate::scratch::Scratch;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_passes_every_case() {
    let scratch = Scratch::new();
    let next = AtomicU32::new(0);
    let report = conformance::run(async |options| {
        let file = scratch.path(&format!("{}.db", next.fetch_add(1, Ordering::Relaxed)));
        Db::with_driver(Sqlite::open(file, &options).expect("a fresh file opens"), &options)
    })
    .await;
    println!("{report}");
    report.assert_all_pass();
    assert_eq!(report.not_supported(), Vec::<&str>::new());
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_passes_every_case() {
    use ketch_db::postgres::Postgres;
    let server = ketch_testkit::postgres::Postgres::shared();
    let report = conformance::run(async |options| {
        let url = server.fresh();
        let engine = Postgres::connect(&url, &options).await.expect("the server takes connections");
        Db::with_driver(engine, &options)
    })
    .await;
    println!("{report}");
    report.assert_all_pass();
    // Its own tools copy it.
    let backup: Vec<_> =
        conformance::cases().into_iter().filter(|name| name.starts_with("backup/")).collect();
    assert_eq!(report.not_supported(), backup);
}

#[test]
fn names_are_unique_and_there_are_many() {
    let mut names = conformance::cases();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "a name is there twice");
    assert!(count > 100, "{count} cases");
}
