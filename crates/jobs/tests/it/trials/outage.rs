//! The database server goes away under load and comes back: politely, and as if its machine had failed; and connections
//! break at any moment, so that nobody knows whether a commit was one. No job is lost, no process ends, and all go on.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use ketch_testkit::postgres::{Postgres, Stop};

use super::child::Task;
use super::claims::until_done;
use super::evidence::Evidence;
use super::ground::Ground;
use super::times;
use super::troop::Troop;
use super::work::{Cancels, Enqueues, Mix, Starts, Work};

fn start_two(troop: &mut Troop, ground: &Ground, part: i64) -> Vec<usize> {
    let task = |nth: i64| {
        let enqueues = Enqueues { rest: 50, ..Enqueues::new(nth * 1_000_000 + 1, part, Mix::All) };
        let (ground, enqueues, starts, cancels) =
            (ground.clone(), Some(enqueues), Starts::Said, Cancels::None);
        Task::Work(Work { ground, runners: 1, limit: 8, enqueues, starts, cancels })
    };
    (0..2).map(|nth| troop.start(&task(nth))).collect()
}

#[test]
fn connections_that_break_at_any_moment_cost_no_job() {
    let (ground, part) = (Ground::postgres(Postgres::shared()), times(1_500, 30_000));
    let (mut troop, mut acked, mut enqueued, mut broken) = (Troop::new(), HashSet::new(), 0, 0);
    let all = start_two(&mut troop, &ground, part);
    while enqueued < all.len() {
        // One of those that do something.
        let sql = "select count(pg_terminate_backend(pid)) from (select pid from pg_stat_activity \
                   where datname = current_database() and pid <> pg_backend_pid() \
                   and backend_type = 'client backend' and query_start > now() - interval '1 second' \
                   order by random() limit 1) as unlucky";
        broken += Postgres::shared().psql(ground.name(), sql).parse::<i64>().expect("a number");
        let end = Instant::now() + Duration::from_millis(30);
        while let Some(line) = troop.line_within(end.saturating_duration_since(Instant::now())) {
            acked.extend(line.numbers("acked").unwrap_or_default());
            enqueued += usize::from(line.is("enqueued"));
        }
    }
    until_done(&ground);
    for child in &all {
        troop.tell(*child, "stop");
    }
    for child in all {
        troop.finish(child, |line| acked.extend(line.numbers("acked").unwrap_or_default()));
    }
    let evidence = Evidence::of(&ground, &acked);
    evidence.expect_kept("after connections broke");
    assert!(broken > 20, "only {broken} connections were broken");
    let again = evidence.attempts - evidence.wanted;
    println!(
        "connections: {broken} broken, {} jobs, {again} begun again, {} given back, {} enqueues acknowledged, \
         0 lost, 0 twice",
        evidence.wanted,
        evidence.given_back,
        acked.len()
    );
}

#[test]
fn a_server_that_goes_away_and_comes_back_loses_no_job() {
    let server = Postgres::start(&[]);
    let ground = Ground::postgres(&server);
    let (mut troop, mut acked) = (Troop::new(), HashSet::new());
    let rounds = times(1, 10);
    let all = start_two(&mut troop, &ground, rounds * 1_200);
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
