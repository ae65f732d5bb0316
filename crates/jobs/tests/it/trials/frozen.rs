//! A process that is taken for dead but is not: it was frozen, or cut off, for a while. Its jobs are run by others; when
//! it comes back, what it says of them counts for nothing, and it works on.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use ketch_jobs::Jobs;
use ketch_testkit::postgres::Postgres;

use super::child::Task;
use super::claims::until_done;
use super::evidence::Evidence;
use super::ground::{Ground, block_on};
use super::troop::Troop;
use super::work::{Cancels, Enqueues, Kind, Mark, Mix, Starts, Work, want};
use super::{promised, times};

/// From the moment a process stands still to the first of its jobs that is run again.
const TAKEN_OVER: Duration = Duration::from_secs(5);

/// Longer than a runner may show no life.
const FROZEN: Duration = Duration::from_secs(4);

const LIMIT: usize = 6;

fn work(ground: &Ground, enqueues: Option<Enqueues>) -> Task {
    Task::Work(Work {
        ground: ground.clone(),
        runners: 1,
        limit: LIMIT,
        enqueues,
        starts: Starts::Said,
        cancels: Cancels::None,
    })
}

/// Enqueues jobs that take a second each.
fn enqueue(ground: &Ground, numbers: std::ops::Range<i64>) {
    block_on(async {
        let db = ground.open().await;
        let jobs = Jobs::new(db.clone());
        let write = move |tx: &mut ketch_db::Tx<'_>| {
            numbers
                .clone()
                .try_for_each(|number| want(tx, &jobs, &Mark { number, kind: Kind::Long }).map(|_| ()))
        };
        db.write(write).await.expect("jobs can be enqueued");
        db.close().await;
    });
}

#[test]
fn a_process_that_was_frozen_is_refused_what_others_have_taken_over_and_works_on() {
    let ground = Ground::postgres(Postgres::shared());
    let mut troop = Troop::new();
    let mut attempts = Vec::new();
    let frozen = troop.start(&work(&ground, None));
    troop.until(|_| {}, |line| line.is("ready"));
    let count = i64::try_from(LIMIT).unwrap();
    enqueue(&ground, 0..count);
    for _ in 0..LIMIT {
        let start = troop.until(|_| {}, |line| line.numbers("start").is_some());
        attempts.extend(start.numbers("start"));
    }
    troop.signal(frozen, "STOP");
    let since = Instant::now();
    let other = troop.start(&work(&ground, None));
    for _ in 0..LIMIT {
        let again = troop.until(|_| {}, |line| line.numbers("start").is_some());
        assert_eq!(again.who, other, "the other one takes over");
        assert_eq!(again.numbers("start").unwrap()[1], 2, "it is the second attempt");
    }
    let taken_over = since.elapsed();
    until_done(&ground);

    troop.signal(frozen, "CONT");
    for _ in 0..LIMIT {
        let refused = troop.until(|_| {}, |line| line.numbers("refused").is_some());
        assert_eq!((refused.who, refused.numbers("refused").unwrap()[1]), (frozen, 1));
    }
    // More than the other one runs at a time.
    enqueue(&ground, count..count * 5);
    troop.until(|_| {}, |line| line.who == frozen && line.numbers("start").is_some());
    until_done(&ground);
    for child in [frozen, other] {
        troop.tell(child, "stop");
        troop.finish(child, |_| {});
    }
    let evidence = Evidence::of(&ground, &HashSet::new());
    evidence.expect_kept("after a process was frozen");
    assert_eq!((evidence.wanted, evidence.attempts), (count * 5, count * 6), "{evidence:?}");
    assert!(taken_over < promised(TAKEN_OVER), "all were taken over after {taken_over:?}");
    println!("frozen: {count} jobs taken over within {taken_over:?}, {count} late ends refused, 0 twice");
}

#[test]
fn processes_that_are_frozen_at_any_moment_break_no_promise() {
    let (ground, rounds) = (Ground::postgres(Postgres::shared()), times(1, 20));
    let (mut troop, mut acked) = (Troop::new(), HashSet::new());
    let mut chance = fastrand::Rng::with_seed(4);
    let part = rounds * 1_000;
    let all: Vec<usize> = (0..3)
        .map(|nth| {
            let enqueues = Enqueues { rest: 100, ..Enqueues::new(nth * 1_000_000 + 1, part, Mix::All) };
            troop.start(&work(&ground, Some(enqueues)))
        })
        .collect();
    let (mut enqueued, mut refused) = (0, 0);
    let mut hear = |line: &super::troop::Line| {
        acked.extend(line.numbers("acked").unwrap_or_default());
        enqueued += usize::from(line.is("enqueued"));
        refused += usize::from(line.numbers("refused").is_some());
        enqueued
    };
    troop.until(|line| _ = hear(line), |line| line.numbers("start").is_some());
    for _ in 0..rounds {
        let child = all[chance.usize(..3)];
        for (time, signal) in [(chance.u64(50..500), "STOP"), (millis(FROZEN), "CONT")] {
            let end = Instant::now() + Duration::from_millis(time);
            while let Some(line) = troop.line_within(end.saturating_duration_since(Instant::now())) {
                hear(&line);
            }
            troop.signal(child, signal);
        }
    }
    while hear(&troop.line()) < all.len() {}
    until_done(&ground);
    for child in &all {
        troop.tell(*child, "stop");
    }
    for child in all {
        troop.finish(child, |line| _ = hear(line));
    }
    let evidence = Evidence::of(&ground, &acked);
    evidence.expect_kept("after processes were frozen");
    let again = evidence.attempts - evidence.wanted;
    println!(
        "frozen at any moment: {rounds} times, {} jobs, {again} begun again, {refused} late ends refused, 0 twice",
        evidence.wanted
    );
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("not that long")
}
