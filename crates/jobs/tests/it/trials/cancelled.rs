//! Jobs are cancelled at any moment of their lives. A job is cancelled or it is done, never both: what it writes with
//! `finish` is there if it is done, and only then.

use ketch_db::params;
use ketch_testkit::Scratch;
use ketch_testkit::postgres::Postgres;
use serde::Deserialize;

use super::child::Task;
use super::claims::until_done;
use super::ground::{Ground, block_on};
use super::times;
use super::troop::Troop;
use super::work::{Cancels, Enqueues, Mix, Starts, Work};

fn work(ground: &Ground, nth: i64, part: i64, cancels: Cancels) -> Task {
    let enqueues = Enqueues { rest: 5, ..Enqueues::new(nth * 10_000_000 + 1, part, Mix::All) };
    let (ground, enqueues, starts) = (ground.clone(), Some(enqueues), Starts::Counted);
    Task::Work(Work { ground, runners: 2, limit: 8, enqueues, starts, cancels })
}

/// Counts of jobs.
#[derive(Debug, Deserialize)]
struct Found {
    done: i64,
    waiting: i64,
    running: i64,
    other: i64,
    both: i64,
    neither: i64,
    doubled: i64,
    more_claims: i64,
}

const SQL: &str = "select \
    (select count(*) from job_queue where status = 'done') as done, \
    (select count(*) from job_queue where status = 'cancelled' and started_at is null) as waiting, \
    (select count(*) from job_queue where status = 'cancelled' and started_at is not null) as running, \
    (select count(*) from job_queue where status not in ('done', 'cancelled') or claimed_by is not null \
       or finished_at is null) as other, \
    (select count(*) from job_queue join ran on ran.job = job_queue.id where status = 'cancelled') as both, \
    (select count(*) from job_queue where status = 'done' \
       and not exists (select 1 from ran where ran.job = job_queue.id) \
       and not exists (select 1 from touched where touched.job = job_queue.id)) as neither, \
    (select count(*) from (select job from ran group by job having count(*) > 1) as twice) as doubled, \
    (select count(*) from job_queue where claim > 1) as more_claims";

fn check(ground: &Ground, told: &str) -> String {
    let found: Found = block_on(async {
        let db = ground.open().await;
        let found = db.query_one(SQL, params! {}).await.expect("the trial's tables are there");
        db.close().await;
        found
    });
    let faults = (found.other, found.both, found.neither, found.doubled, found.more_claims);
    assert_eq!(faults, (0, 0, 0, 0, 0), "{told}: {found:?}");
    assert!(found.done > 0 && found.waiting > 0 && found.running > 0, "{told}: all of it happens: {found:?}");
    format!(
        "{told}: {} jobs done, {} cancelled as they waited and {} as they ran, 0 both, 0 neither",
        found.done, found.waiting, found.running
    )
}

#[test]
fn a_job_that_is_cancelled_at_any_moment_is_cancelled_or_done() {
    let (scratch, count) = (Scratch::new(), times(2_000, 40_000));
    let ground = Ground::file(scratch.path());
    let mut troop = Troop::new();
    let child = troop.start(&work(&ground, 0, count, Cancels::Some));
    troop.finish(child, |_| {});
    println!("{}", check(&ground, "cancelled, SQLite"));
}

#[test]
fn a_job_that_another_process_cancels_is_cancelled_or_done() {
    let (ground, part) = (Ground::postgres(Postgres::shared()), times(800, 16_000));
    let mut troop = Troop::new();
    let all: Vec<usize> = (0..3).map(|nth| troop.start(&work(&ground, nth, part, Cancels::Some))).collect();
    for _ in &all {
        troop.until(|_| {}, |line| line.is("enqueued"));
    }
    until_done(&ground);
    for child in all {
        troop.tell(child, "stop");
        troop.finish(child, |_| {});
    }
    println!("{}", check(&ground, "cancelled, PostgreSQL"));
}
