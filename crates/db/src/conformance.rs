//! The cases that every engine must pass, for whoever writes one (feature `conformance`, for dev-dependencies).
//!
//! Each case gets an empty database of its own and asks it through [`Db`], as an application does. What a case wants is
//! read best in its source: the cases lie beside this file, one file for each part of the contract of
//! [`Driver`](crate::Driver).
//!
//! ```
//! use ketch_db::sqlite::Sqlite;
//! use ketch_db::{Db, Options, conformance};
//! # #[tokio::main] async fn main() {
//! let folder = std::env::temp_dir().join(format!("ketch-conformance-{}", std::process::id()));
//! let mut next = 0;
//! let mut fresh = || { next += 1; folder.join(format!("{next}.db")) };
//! # let fresh = std::sync::Mutex::new(fresh);
//! # let fresh = || (fresh.lock().unwrap())();
//! let report = conformance::run_those(
//!     async |options: Options| Db::with_driver(Sqlite::open(fresh(), &options).unwrap(), &options),
//!     |case| case.starts_with("parameters/"),
//! )
//! .await;
//! report.assert_all_pass();
//! println!("{report}");
//! # std::fs::remove_dir_all(folder).unwrap(); }
//! ```
//!
//! What is deliberately not here: crashes, power cuts and full disks, which need an engine's own tools.

mod case;
mod check;
mod report;
mod setting;

mod backup;
mod batches;
mod changes;
mod closing;
mod company;
mod constraints;
mod denied;
mod describe;
mod dropped;
mod limits;
mod notices;
mod parameters;
mod queues;
mod reads;
mod rows;
mod serializable;
mod snapshots;
mod streams;
mod transactions;
mod values;
mod writes;

use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::timeout;

use crate::db::Db;
use crate::options::Options;

use case::Case;
use check::Failure;

pub use case::Capability;
pub use report::{Outcome, Report};

/// How long one case may take. It is far more than any needs, so that what hangs is told from what is slow.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Every case, in the order of the report.
fn all() -> impl Iterator<Item = &'static Case> {
    [
        values::CASES,
        rows::CASES,
        parameters::CASES,
        reads::CASES,
        writes::CASES,
        batches::CASES,
        transactions::CASES,
        snapshots::CASES,
        serializable::CASES,
        constraints::CASES,
        company::CASES,
        denied::CASES,
        describe::CASES,
        streams::CASES,
        notices::CASES,
        changes::CASES,
        limits::CASES,
        queues::CASES,
        dropped::CASES,
        backup::CASES,
        closing::CASES,
    ]
    .into_iter()
    .flatten()
}

/// The names of all cases, such as `reads/one_row`.
pub fn cases() -> Vec<&'static str> {
    all().map(|case| case.name).collect()
}

/// Runs all cases, one after the other. `open` gives an empty database each time, opened with the options that it is
/// given: some cases need small bounds. The database is closed when its case has ended.
///
/// It wants a tokio runtime of several threads: an engine that blocks the thread of a case must not keep its deadline
/// from passing.
pub async fn run(open: impl AsyncFn(Options) -> Db) -> Report {
    run_those(open, |_| true).await
}

/// Runs the cases whose names are wanted.
pub async fn run_those(open: impl AsyncFn(Options) -> Db, wanted: impl Fn(&str) -> bool) -> Report {
    let mut report = Report::default();
    for case in all().filter(|case| wanted(case.name)) {
        let mut options = Options::default();
        (case.options)(&mut options);
        let db = open(options).await;
        let asked = case.only.is_none_or(|only| db.dialect() == Ok(only));
        if asked {
            report.add(case.name, outcome(case, &db).await);
        }
        // An engine that cannot close must not hang what comes after; `closing/` has the cases for it.
        let _in_time = timeout(DEADLINE, db.close()).await;
    }
    report
}

async fn outcome(case: &Case, db: &Db) -> Outcome {
    let mut task = tokio::spawn((case.run)(db.clone()));
    match timeout(DEADLINE, &mut task).await {
        Ok(Ok(Ok(()))) => Outcome::Passed,
        Ok(Ok(Err(failure))) => judged(case, failure),
        Ok(Err(panic)) => Outcome::Failed(format!("it panicked: {}", said(panic))),
        Err(_) => {
            task.abort();
            Outcome::Failed(format!("it did not end in {} seconds", DEADLINE.as_secs()))
        }
    }
}

fn judged(case: &Case, failure: Failure) -> Outcome {
    match failure {
        Failure::Unsupported { what, .. } if case.needs.is_some() => Outcome::NotSupported(what),
        other => Outcome::Failed(other.to_string()),
    }
}

fn said(panic: JoinError) -> String {
    let Ok(panic) = panic.try_into_panic() else { return "it was ended from outside".to_owned() };
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
        .unwrap_or_else(|| "without a message".to_owned())
}
