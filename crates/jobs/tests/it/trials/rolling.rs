//! Processes stop as they should while jobs run, and others take their place: no job is lost, no attempt is counted for
//! what had to stop, and nobody waits for the dead.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use ketch_testkit::Scratch;
use ketch_testkit::postgres::Postgres;

use super::child::Task;
use super::claims::until_done;
use super::evidence::Evidence;
use super::ground::Ground;
use super::times;
use super::troop::Troop;
use super::work::{Cancels, Enqueues, Mix, Starts, Work};

const PART: i64 = 200;

fn work(ground: &Ground, nth: i64) -> Task {
    let enqueues = Some(Enqueues::new(nth * 100_000 + 1, PART, Mix::All));
    let (ground, starts, cancels) = (ground.clone(), Starts::Said, Cancels::None);
    Task::Work(Work { ground, runners: 2, limit: 8, enqueues, starts, cancels })
}

/// What all have said.
#[derive(Debug, Default)]
struct Heard {
    acked: HashSet<i64>,
    starts: i64,
    enqueued: HashSet<usize>,
    /// Writes of jobs that came to nothing, as those may that meet others again and again: their attempts count.
    refused: Vec<String>,
}

impl Heard {
    fn hear(&mut self, line: &super::troop::Line) {
        self.acked.extend(line.numbers("acked").unwrap_or_default());
        if line.is("enqueued") {
            self.enqueued.insert(line.who);
        }
        self.refused.extend(line.numbers("refused").and(line.text.clone()));
        self.starts += i64::from(line.numbers("start").is_some());
    }

    fn check(&self, ground: &Ground, told: &str) -> String {
        let evidence = Evidence::of(ground, &self.acked);
        evidence.expect_kept(told);
        let again = evidence.attempts - evidence.wanted;
        assert!(
            again <= i64::try_from(self.refused.len()).expect("few"),
            "{told}: an attempt was counted that had to stop: {evidence:?}, {:?}",
            self.refused
        );
        assert!(evidence.given_back > 0, "{told}: the stops met jobs that ran: {evidence:?}");
        format!(
            "{told}: {} jobs, {} begun again, of which {again} attempts count, 0 lost, 0 twice",
            evidence.wanted,
            self.starts - evidence.wanted
        )
    }
}

/// Hears for a while.
fn hear_for(troop: &mut Troop, heard: &mut Heard, millis: u64) {
    let end = Instant::now() + Duration::from_millis(millis);
    while let Some(line) = troop.line_within(end.saturating_duration_since(Instant::now())) {
        heard.hear(&line);
    }
}

#[test]
fn a_process_that_is_stopped_gives_its_jobs_to_the_next_one() {
    let (scratch, rounds) = (Scratch::new(), times(8, 160));
    let ground = Ground::file(scratch.path());
    let (mut troop, mut heard, mut chance) = (Troop::new(), Heard::default(), fastrand::Rng::with_seed(5));
    for nth in 0..=rounds {
        let child = troop.start(&work(&ground, nth));
        troop.until(|line| heard.hear(line), |line| line.is("ready"));
        if nth < rounds {
            hear_for(&mut troop, &mut heard, chance.u64(10..200));
            troop.tell(child, "leave");
        }
        troop.finish(child, |line| heard.hear(line));
    }
    println!("{}", heard.check(&ground, "stopped, SQLite"));
}

#[test]
fn processes_that_are_stopped_one_after_the_other_give_their_jobs_to_the_others() {
    let (ground, rounds) = (Ground::postgres(Postgres::shared()), times(6, 120));
    let (mut troop, mut heard, mut chance) = (Troop::new(), Heard::default(), fastrand::Rng::with_seed(6));
    let mut alive: Vec<usize> = (0..3).map(|nth| troop.start(&work(&ground, nth))).collect();
    for nth in 3..3 + rounds {
        hear_for(&mut troop, &mut heard, chance.u64(50..400));
        let leaves = alive.swap_remove(chance.usize(..3));
        alive.push(troop.start(&work(&ground, nth)));
        troop.tell(leaves, "leave");
        troop.finish(leaves, |line| heard.hear(line));
    }
    while !alive.iter().all(|child| heard.enqueued.contains(child)) {
        heard.hear(&troop.line());
    }
    until_done(&ground);
    for child in &alive {
        troop.tell(*child, "stop");
    }
    for child in alive {
        troop.finish(child, |line| heard.hear(line));
    }
    let runners = Postgres::shared().psql(ground.name(), "select count(*) from job_runners");
    assert_eq!(runners, "0", "who leaves says so");
    println!("{}", heard.check(&ground, "stopped, PostgreSQL"));
}
