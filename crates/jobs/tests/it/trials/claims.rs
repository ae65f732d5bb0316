//! J1: many schedulers on one queue. Each job is claimed once: 0 doubles, 0 misses, and what was rolled back never runs.

use std::collections::HashSet;
use std::time::Instant;

use ketch_testkit::Scratch;
use ketch_testkit::postgres::Postgres;

use super::child::Task;
use super::evidence::Evidence;
use super::ground::{Ground, block_on};
use super::times;
use super::troop::Troop;
use super::work::{Cancels, Enqueues, Mix, Starts, Work, left};

fn work(ground: &Ground, runners: usize, from: i64, count: i64) -> Task {
    let (ground, enqueues) = (ground.clone(), Some(Enqueues::new(from, count, Mix::Quick)));
    Task::Work(Work { ground, runners, limit: 16, enqueues, starts: Starts::Counted, cancels: Cancels::None })
}

/// What a troop has said in sum.
#[derive(Debug, Default)]
struct Sum {
    acked: HashSet<i64>,
    starts: i64,
}

impl Sum {
    fn hear(&mut self, line: &super::troop::Line) {
        self.acked.extend(line.numbers("acked").unwrap_or_default());
        self.starts += line.numbers("starts").map_or(0, |numbers| numbers[0]);
        assert!(line.numbers("refused").is_none(), "a claim was lost: {line:?}");
    }

    fn check(&self, ground: &Ground, count: i64, told: &str) {
        let evidence = Evidence::of(ground, &self.acked);
        evidence.expect_kept(told);
        assert_eq!(evidence.wanted, count, "{told}: all were enqueued: {evidence:?}");
        assert_eq!(self.starts, count, "{told}: each was begun once: {evidence:?}");
        let counts = (evidence.attempts, evidence.most_attempts, evidence.given_back);
        assert_eq!(counts, (count, 1, 0), "{told}: {evidence:?}");
    }
}

#[test]
fn j1_eight_schedulers_in_one_process_claim_each_job_once() {
    let (scratch, count) = (Scratch::new(), times(5_000, 100_000));
    let ground = Ground::file(scratch.path());
    let mut troop = Troop::new();
    let mut sum = Sum::default();
    let begun = Instant::now();
    let child = troop.start(&work(&ground, 8, 1, count));
    troop.finish(child, |line| sum.hear(line));
    let took = begun.elapsed();
    sum.check(&ground, count, "J1, SQLite");
    println!("J1, SQLite: 8 schedulers, {count} jobs in {took:?}, 0 claimed twice, 0 missed");
}

#[test]
fn j1_schedulers_of_three_processes_claim_each_job_once() {
    let (processes, each) = (3, times(2_000, 40_000));
    let ground = Ground::postgres(Postgres::shared());
    let mut troop = Troop::new();
    let mut sum = Sum::default();
    let begun = Instant::now();
    let children: Vec<usize> =
        (0..processes).map(|nth| troop.start(&work(&ground, 3, 1 + nth * each, each))).collect();
    for _ in 0..processes {
        troop.until(|line| sum.hear(line), |line| line.is("enqueued"));
    }
    until_done(&ground);
    let took = begun.elapsed();
    for child in &children {
        troop.tell(*child, "stop");
    }
    for child in children {
        troop.finish(child, |line| sum.hear(line));
    }
    let count = processes * each;
    sum.check(&ground, count, "J1, PostgreSQL");
    println!(
        "J1, PostgreSQL: 3 processes with 3 schedulers each, {count} jobs in {took:?}, 0 claimed twice, 0 missed"
    );
}

/// Waits until no job is left on a database that several processes share.
pub(super) fn until_done(ground: &Ground) {
    block_on(async {
        let db = ground.open().await;
        let all = async {
            while left(&db).await > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let patience = std::time::Duration::from_mins(10);
        tokio::time::timeout(patience, all).await.expect("all jobs are done in the end");
        db.close().await;
    });
}
