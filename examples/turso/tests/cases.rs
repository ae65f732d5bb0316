//! Which cases of the suite turso passes today, to the letter: a change is noticed, for the better or the worse.

use std::sync::atomic::{AtomicU32, Ordering};

use ketch_db::{Db, conformance};
use turso_driver::Turso;

/// What turso does otherwise, by case. `README.md` says why.
const FAILS: &[&str] = &[];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_list_of_cases_that_fail_is_true() {
    let folder = std::env::temp_dir().join(format!("turso-driver-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for temporary files");
    let next = AtomicU32::new(0);
    let report = conformance::run(async |options| {
        let file = folder.join(format!("{}.db", next.fetch_add(1, Ordering::Relaxed)));
        Db::with_driver(Turso::open(&file, &options).await.expect("a fresh file opens"), &options)
    })
    .await;
    println!("{report}");
    let _gone_already = std::fs::remove_dir_all(&folder);
    assert_eq!(report.failed(), FAILS);
    assert!(report.not_supported().iter().all(|name| name.starts_with("backup/")), "{report}");
}
