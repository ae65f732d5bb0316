//! Memory stays bounded: however many jobs wait, a runner holds those that it runs; and however many panic, nothing of
//! them stays.

use std::time::Duration;

use ketch_db::{Error, params};
use ketch_jobs::{Enqueue, Job, JobCtx, JobResult, Jobs, Queue, Runner};
use ketch_testkit::Scratch;
use serde::{Deserialize, Serialize};

use super::child::{Ear, ON_PURPOSE, Task, say};
use super::ground::Ground;
use super::times;
use super::troop::Troop;
use super::work::left;

/// What the jobs that wait may add to the memory of the process: the database's own caches, which are bounded too.
const WAITING: u64 = 24 << 20;
/// What 9,000 more panics may.
const PANICS: u64 = 8 << 20;

/// Jobs of a kilobyte, far more than are run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Flood {
    ground: Ground,
    count: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Heavy {
    text: String,
}

impl Job for Heavy {
    const TYPE: &'static str = "heavy";
    type State = ();

    async fn run(self, _ctx: JobCtx) -> JobResult {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok(())
    }
}

pub(super) async fn flood(flood: Flood, mut told: Ear) {
    const EACH: i64 = 200;
    let db = flood.ground.open().await;
    let jobs = Jobs::new(db.clone());
    let runner = Runner::new(jobs.clone()).queue(Queue::new("default").limit(8)).job::<Heavy>(());
    let running = runner.start().await.expect("a runner starts");
    for nth in 0..flood.count / EACH {
        let jobs = jobs.clone();
        let write = move |tx: &mut ketch_db::Tx<'_>| {
            (0..EACH).try_for_each(|_| {
                let heavy = Heavy { text: "x".repeat(1 << 10) };
                jobs.enqueue(tx, &heavy).map(|_| ())
            })
        };
        db.write(write).await.expect("jobs can be enqueued");
        if nth == 4 {
            // Everything was used once.
            say("warm");
            told.recv().await;
        }
    }
    say(&format!("enqueued {}", left(&db).await));
    told.recv().await;
    running.stop(Duration::from_secs(10)).await;
    db.close().await;
}

#[test]
fn jobs_that_wait_take_no_memory() {
    let (scratch, count) = (Scratch::new(), times(40_000, 200_000));
    let ground = Ground::file(scratch.path());
    let mut troop = Troop::new();
    let child = troop.start(&Task::Flood(Flood { ground, count }));
    troop.until(|_| {}, |line| line.is("warm"));
    let before = troop.resident(child);
    troop.tell(child, "go on");
    let end = troop.until(|_| {}, |line| line.numbers("enqueued").is_some());
    let waiting = end.numbers("enqueued").unwrap()[0];
    let after = troop.resident(child);
    troop.tell(child, "stop");
    troop.finish(child, |_| {});
    assert!(waiting > count / 2, "the runner is slower: {waiting} wait");
    let grown = after.saturating_sub(before);
    println!("memory: {waiting} jobs of 1 KiB wait, {} KiB grown from {} KiB", grown >> 10, before >> 10);
    assert!(grown <= WAITING, "{grown} bytes for {waiting} jobs that wait");
}

/// Jobs that panic.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Panics {
    ground: Ground,
}

#[derive(Debug, Serialize, Deserialize)]
struct Panicking {
    nth: i64,
}

impl Job for Panicking {
    const TYPE: &'static str = "panicking";
    type State = ();

    async fn run(self, _ctx: JobCtx) -> JobResult {
        if self.nth % 2 == 0 {
            tokio::task::yield_now().await;
        }
        panic!("{ON_PURPOSE}, {}", self.nth);
    }
}

pub(super) async fn panics(panics: Panics, mut told: Ear) {
    let db = panics.ground.open().await;
    let jobs = Jobs::new(db.clone());
    let runner = Runner::new(jobs.clone()).job::<Panicking>(());
    let running = runner.start().await.expect("a runner starts");
    for thousand in 0..10 {
        let jobs = jobs.clone();
        let write = move |tx: &mut ketch_db::Tx<'_>| {
            (0..1_000).try_for_each(|nth| {
                let panicking = Panicking { nth: thousand * 1_000 + nth };
                jobs.enqueue(tx, Enqueue::new(&panicking).max_attempts(1)).map(|_| ())
            })
        };
        db.write(write).await.expect("jobs can be enqueued");
        while left(&db).await > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if thousand == 0 {
            say("warm");
            told.recv().await;
        }
    }
    let sql = "select count(*) as n from job_queue where status = 'dead' and last_error like :said";
    let said = format!("%{ON_PURPOSE}%");
    let dead: Result<i64, Error> = db.query_one(sql, params! { said }).await;
    say(&format!("dead {}", dead.expect("a number")));
    told.recv().await;
    running.stop(Duration::from_secs(10)).await;
    db.close().await;
}

#[test]
fn r3_ten_thousand_panics_leave_the_process_as_it_was() {
    let scratch = Scratch::new();
    let mut troop = Troop::new();
    let child = troop.start(&Task::Panics(Panics { ground: Ground::file(scratch.path()) }));
    troop.until(|_| {}, |line| line.is("warm"));
    let before = troop.resident(child);
    troop.tell(child, "go on");
    let end = troop.until(|_| {}, |line| line.numbers("dead").is_some());
    let after = troop.resident(child);
    troop.tell(child, "stop");
    troop.finish(child, |_| {});
    assert_eq!(end.numbers("dead").unwrap(), [10_000], "each is dead, and says what it said");
    let grown = after.saturating_sub(before);
    println!("R3: 10,000 panics, {} KiB grown from {} KiB", grown >> 10, before >> 10);
    assert!(grown <= PANICS, "{grown} bytes for 9,000 panics");
}
