//! A job that ends its process: it is begun as often as it may be, and then it is dead. Nobody else suffers for long.

use std::sync::Arc;
use std::time::Duration;

use ketch_db::params;
use ketch_jobs::{Enqueue, Job, JobCtx, JobResult, Jobs, Runner};
use ketch_testkit::Scratch;
use ketch_testkit::postgres::Postgres;
use serde::{Deserialize, Serialize};

use super::child::{Task, say};
use super::ground::{Ground, block_on};
use super::troop::Troop;
use super::work::{Kind, Mark, Seen, Starts, left};

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
    /// How often it may be begun.
    attempts: u32,
    /// The same for those beside it.
    beside: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Deadly {
    how: How,
}

impl Job for Deadly {
    const TYPE: &'static str = "deadly";
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
    if db.query_one::<i64>("select count(*) as n from job_queue", params! {}).await.expect("a number") == 0 {
        let jobs = jobs.clone();
        let write = move |tx: &mut ketch_db::Tx<'_>| {
            jobs.enqueue(tx, Enqueue::new(&Deadly { how: dies.how }).max_attempts(dies.attempts))?;
            (0..SIBLINGS).try_for_each(|number| {
                let mark = Mark { number, kind: Kind::Long };
                jobs.enqueue(tx, Enqueue::new(&mark).max_attempts(dies.beside)).map(|_| ())
            })
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

/// What is left of it.
#[derive(Debug)]
struct Left {
    why: String,
    /// How many of those beside it are done.
    siblings: i64,
}

/// Starts a process again and again until one ends well.
fn restart_until_done(dies: &Dies) -> Left {
    let Dies { ground, how, attempts: most, .. } = dies;
    let mut troop = Troop::new();
    let (mut deaths, mut attempts) = (0, Vec::new());
    loop {
        let child = troop.start(&Task::Deadly(dies.clone()));
        let status = troop.ended(child, |line| attempts.extend(line.numbers("deadly").unwrap_or_default()));
        if status.success() {
            break;
        }
        deaths += 1;
        assert!(deaths <= *most, "{how:?}: begun at {attempts:?}");
    }
    assert_eq!((deaths, attempts), (*most, (1..=i64::from(*most)).collect()), "{how:?}");
    let (row, siblings): (Row, i64) = block_on(async {
        let db = ground.open().await;
        let sql = "select status, attempts, claimed_by, last_error from job_queue where job_type = 'deadly'";
        let row = db.query_one(sql, params! {}).await.expect("its row is kept");
        let siblings = db.query_one("select count(*) as n from ran", params! {}).await.expect("a number");
        db.close().await;
        (row, siblings)
    });
    assert_eq!((row.status.as_str(), row.attempts, row.claimed_by), ("dead", *most, None), "{how:?}");
    let why = row.last_error.expect("a dead job says why");
    assert!(why.contains("process"), "{how:?}: {why}");
    Left { why, siblings }
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
    let dies = |how| {
        let scratch = Scratch::new();
        let ground = Ground::file(scratch.path());
        let left = restart_until_done(&Dies { ground, how, attempts: 3, beside: 20 });
        assert_eq!(left.siblings, SIBLINGS, "{how:?}: what ran beside it is done, once each");
        println!("deadly, {how:?}: 3 processes died, then: {}", left.why);
    };
    // They mostly wait.
    std::thread::scope(|scope| {
        for how in [How::Abort, How::Exit, How::Overflow] {
            scope.spawn(move || dies(how));
        }
    });
}

#[test]
fn a_job_that_ends_its_process_is_dead_after_its_last_attempt_with_postgresql() {
    let ground = Ground::postgres(Postgres::shared());
    let left = restart_until_done(&Dies { ground, how: How::Abort, attempts: 3, beside: 20 });
    assert_eq!(left.siblings, SIBLINGS, "what ran beside it is done, once each");
    println!("deadly, PostgreSQL: 3 processes died, then: {}", left.why);
}

/// Nobody knows which job it was, so each has died that often; but they part.
#[test]
fn what_runs_beside_a_job_that_ends_its_process_does_not_go_under_with_it() {
    let scratch = Scratch::new();
    let ground = Ground::file(scratch.path());
    let left = restart_until_done(&Dies { ground, how: How::Abort, attempts: 4, beside: 4 });
    // Most are in the mean; none, if all were begun again at the same moment.
    assert!(left.siblings > 0, "{left:?}");
    println!("deadly: {} of {SIBLINGS} with as many attempts are done", left.siblings);
}
