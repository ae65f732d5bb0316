//! The cases that the queue asks of a database engine, for whoever writes one (feature `conformance`, for
//! dev-dependencies).
//!
//! An engine that passes the cases of `ketch_db::conformance` is one that stores what it is told; these show that the
//! queue's own statements mean on it what they mean on the others: that a job is claimed once, that only its claim may say
//! how it ended, that what is due is found in order. Each case gets an empty database of its own, and makes the queue's
//! tables in it. What a case wants is read best in its source: the cases lie beside this file.
//!
//! ```
//! use ketch_db::sqlite::Sqlite;
//! use ketch_db::Db;
//! use ketch_jobs::conformance;
//! # #[tokio::main] async fn main() {
//! let folder = std::env::temp_dir().join(format!("ketch-jobs-conformance-{}", std::process::id()));
//! let next = std::sync::atomic::AtomicU32::new(0);
//! let fresh = || folder.join(format!("{}.db", next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)));
//! let report = conformance::run_those(
//!     async |options| Db::with_driver(Sqlite::open(fresh(), &options).unwrap(), &options),
//!     |case| case.starts_with("fencing/"),
//! )
//! .await;
//! report.assert_all_pass();
//! println!("{report}");
//! # std::fs::remove_dir_all(folder).unwrap(); }
//! ```

mod case;
mod check;
mod setting;

mod changes;
mod claims;
mod counting;
mod enqueuing;
mod fencing;
mod foreign;
mod lists;
mod order;
mod purging;
mod recovery;
mod refused;
mod settling;
mod slots;
mod unique;

use std::time::Duration;

use ketch_db::conformance::{Outcome, Report};
use ketch_db::{Db, Options};
use tokio::time::timeout;

use case::Case;
use setting::Setting;

/// How long one case may take. It is far more than any needs, so that what hangs is told from what is slow.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Every case, in the order of the report.
fn all() -> impl Iterator<Item = &'static Case> {
    [
        enqueuing::CASES,
        unique::CASES,
        refused::CASES,
        foreign::CASES,
        order::CASES,
        claims::CASES,
        fencing::CASES,
        settling::CASES,
        recovery::CASES,
        changes::CASES,
        purging::CASES,
        lists::CASES,
        counting::CASES,
        slots::CASES,
    ]
    .into_iter()
    .flatten()
}

/// The names of all cases, such as `claims/a_claim_is_written_down`.
pub fn cases() -> Vec<&'static str> {
    all().map(|case| case.name).collect()
}

/// Runs all cases, one after the other. `open` gives an empty database each time, which is closed when its case has
/// ended.
///
/// It wants a tokio runtime of several threads.
pub async fn run(open: impl AsyncFn(Options) -> Db) -> Report {
    run_those(open, |_| true).await
}

/// Runs the cases whose names are wanted.
pub async fn run_those(open: impl AsyncFn(Options) -> Db, wanted: impl Fn(&str) -> bool) -> Report {
    let mut report = Report::default();
    for case in all().filter(|case| wanted(case.name)) {
        let db = open(Options::default()).await;
        report.add(case.name, outcome(case, &db).await);
        let _in_time = timeout(DEADLINE, db.close()).await;
    }
    report
}

async fn outcome(case: &Case, db: &Db) -> Outcome {
    let (run, db) = (case.run, db.clone());
    let mut task = tokio::spawn(async move { run(Setting::new(db).await?).await });
    match timeout(DEADLINE, &mut task).await {
        Ok(Ok(Ok(()))) => Outcome::Passed,
        Ok(Ok(Err(failure))) => Outcome::Failed(failure.to_string()),
        Ok(Err(ended)) => Outcome::Failed(format!("it did not come to its end: {ended}")),
        Err(_) => {
            task.abort();
            Outcome::Failed(format!("it did not end in {} seconds", DEADLINE.as_secs()))
        }
    }
}

/// The guide's page, whose code is compiled and run as a test: here, where both suites are.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/drivers.md")]
struct Drivers;
