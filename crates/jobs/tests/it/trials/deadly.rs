//! A job that ends its process: it is begun as often as it may be, and then it is dead. Nobody else suffers for long.

use std::sync::Arc;
use std::time::Duration;

use ketch_db::params;
use ketch_jobs::{Job, JobCtx, JobResult, Jobs, Runner};
use ketch_testkit::Scratch;
use ketch_testkit::postgres::Postgres;
use serde::{Deserialize, Serialize};

use super::child::{Task, say};
use super::ground::{Ground, block_on};
use super::troop::Troop;
use super::work::{Kind, Mark, Seen, Starts, left, want};

/// Other jobs, which are enqueued with it.
const SIBLINGS: i64 = 10;

/// How a job ends its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum How {
    Abort,
    Exit,
    Overflow,
}

/// What one process does: the first enqueues, all run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Dies {
    ground: Ground,
    how: How,
}

#[derive(Debug, Serialize, Deserialize)]
struct Deadly {
    how: How,
}

impl Job for Deadly {
    const TYPE: &'static str = "deadly";
    const MAX_ATTEMPTS: u32 = 3;
    type State = ();

    #[expect(clippy::disallowed_methods, reason = "a library that a job uses may do so")]
    async fn run(self, ctx: JobCtx) -> JobResult {
        say(&format!("deadly {}", ctx.attempt()));
        // The others have begun.
        tokio::time::sleep(Duration::from_millis(50)).await;
        match self.how {
            How::Abort => std::process::abort(),
            How::Exit => std::process::exit(1),
            How::Overflow => say(&format!("never {}", deep(1))),
        }
        Ok(())
    }
}

/// Needs more stack than there is.
fn deep(n: u64) -> u64 {
    let room = std::hint::black_box([n; 512]);
    if room[0] == 0 { 0 } else { deep(n + 1) + room[511] }
}

pub(super) async fn run(dies: Dies) {
    let db = dies.ground.open().await;
    let jobs = Jobs::new(db.clone());
    // Nobody else lives here who could be taken for dead too soon.
    let mut options = ketch_jobs::Options::default();
    options.dead_after = Duration::from_secs(1);
    assert!(jobs.configure(options), "nothing was enqueued yet");
    let seen = Seen::new(Starts::Said);
    if db.query_one::<i64>("select count(*) as n from wanted", params! {}).await.expect("a number") == 0 {
        let jobs = jobs.clone();
        let write = move |tx: &mut ketch_db::Tx<'_>| {
            jobs.enqueue(tx, &Deadly { how: dies.how })?;
            (0..SIBLINGS)
                .try_for_each(|number| want(tx, &jobs, &Mark { number, kind: Kind::Long }).map(|_| ()))
        };
        db.write(write).await.expect("jobs can be enqueued");
    }
    let runner = Runner::new(jobs.clone()).job::<Deadly>(()).job::<Mark>(Arc::clone(&seen));
    let running = runner.start().await.expect("a runner starts");
    while left(&db).await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.stop(Duration::from_secs(10)).await;
    db.close().await;
}

/// Starts a process again and again until one ends well; what is said of the dead job.
fn restart_until_done(ground: &Ground, how: How) -> String {
    let mut troop = Troop::new();
    let (mut deaths, mut attempts) = (0, Vec::new());
    loop {
        let child = troop.start(&Task::Deadly(Dies { ground: ground.clone(), how }));
        let status = troop.ended(child, |line| attempts.extend(line.numbers("deadly").unwrap_or_default()));
        if status.success() {
            break;
        }
        deaths += 1;
        assert!(deaths <= 3, "{how:?}: begun at {attempts:?}");
    }
    assert_eq!((deaths, attempts.as_slice()), (3, [1, 2, 3].as_slice()), "{how:?}");
    let (row, siblings): (Row, i64) = block_on(async {
        let db = ground.open().await;
        let sql = "select status, attempts, claimed_by, last_error from job_queue where job_type = 'deadly'";
        let row = db.query_one(sql, params! {}).await.expect("its row is kept");
        let sql = "select count(*) as n from ran where number < :siblings";
        let siblings = db.query_one(sql, params! { siblings: SIBLINGS }).await.expect("a number");
        db.close().await;
        (row, siblings)
    });
    assert_eq!((row.status.as_str(), row.attempts, row.claimed_by), ("dead", 3, None), "{how:?}");
    let why = row.last_error.expect("a dead job says why");
    assert!(why.contains("process"), "{how:?}: {why}");
    assert_eq!(siblings, SIBLINGS, "{how:?}: what ran beside it is done, once each");
    why
}

#[derive(Debug, Deserialize)]
struct Row {
    status: String,
    attempts: u32,
    claimed_by: Option<String>,
    last_error: Option<String>,
}

#[test]
fn a_job_that_ends_its_process_is_dead_after_its_last_attempt() {
    for how in [How::Abort, How::Exit, How::Overflow] {
        let scratch = Scratch::new();
        let why = restart_until_done(&Ground::file(scratch.path()), how);
        println!("deadly, {how:?}: 3 processes died, then: {why}");
    }
}

#[test]
fn a_job_that_ends_its_process_is_dead_after_its_last_attempt_with_postgresql() {
    let why = restart_until_done(&Ground::postgres(Postgres::shared()), How::Abort);
    println!("deadly, PostgreSQL: 3 processes died, then: {why}");
}
