//! The database server goes away under load and comes back: politely, and as if its machine had failed. No job is lost,
//! no process ends, and all go on.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use ketch_testkit::postgres::{Postgres, Stop};

use super::child::Task;
use super::claims::until_done;
use super::evidence::Evidence;
use super::ground::Ground;
use super::times;
use super::troop::Troop;
use super::work::{Enqueues, Mix, Starts, Work};

#[test]
fn a_server_that_goes_away_and_comes_back_loses_no_job() {
    let server = Postgres::start(&[]);
    let ground = Ground::postgres(&server);
    let (mut troop, mut acked) = (Troop::new(), HashSet::new());
    let rounds = times(1, 10);
    let all: Vec<usize> = (0..2)
        .map(|nth| {
            let from = nth * 1_000_000 + 1;
            let enqueues = Enqueues { rest: 50, ..Enqueues::new(from, rounds * 1_200, Mix::All) };
            let (ground, enqueues) = (ground.clone(), Some(enqueues));
            troop.start(&Task::Work(Work { ground, runners: 1, limit: 8, enqueues, starts: Starts::Said }))
        })
        .collect();
    let mut enqueued = 0;
    let mut hear = |line: &super::troop::Line| {
        acked.extend(line.numbers("acked").unwrap_or_default());
        enqueued += usize::from(line.is("enqueued"));
        enqueued
    };
    troop.until(|line| _ = hear(line), |line| line.numbers("start").is_some());
    for _ in 0..rounds {
        // The second is longer than a runner may show no life.
        for (how, gone) in [(Stop::Politely, 500), (Stop::Crash, 4_000)] {
            let end = Instant::now() + Duration::from_millis(700);
            while let Some(line) = troop.line_within(end.saturating_duration_since(Instant::now())) {
                hear(&line);
            }
            server.stop(how);
            let end = Instant::now() + Duration::from_millis(gone);
            while let Some(line) = troop.line_within(end.saturating_duration_since(Instant::now())) {
                hear(&line);
            }
            server.start_again();
            let back = Instant::now();
            troop.until(|line| _ = hear(line), |line| line.numbers("start").is_some() && line.at > back);
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
    evidence.expect_kept("after the server was away");
    let again = evidence.attempts - evidence.wanted;
    println!("outages: {}, {} jobs, {again} begun again, 0 lost, 0 twice", rounds * 2, evidence.wanted);
}
