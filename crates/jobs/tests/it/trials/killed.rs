//! J2: processes are killed while jobs run. Each job is done, what it wrote with `finish` is there once, what was
//! enqueued is there if its write was answered, and what a killed process had claimed is soon run again.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use ketch_testkit::Scratch;
use ketch_testkit::postgres::Postgres;

use super::child::Task;
use super::claims::until_done;
use super::evidence::Evidence;
use super::ground::Ground;
use super::troop::{Line, Troop};
use super::work::{Cancels, Enqueues, Mix, Starts, Work};
use super::{promised, soaking, times};

/// From the start of the next process, or with PostgreSQL from the kill, to the first job that is run again.
const RECOVERY: Duration = Duration::from_secs(5);

/// Jobs that a process runs at a time: so few that a kill meets some which wait.
const LIMIT: usize = 8;

/// The first processes enqueue a part of the jobs each.
const PARTS: i64 = 10;

/// What the `nth` process does; its numbers are its own.
fn work(ground: &Ground, nth: i64, part: Option<i64>) -> Task {
    let from = nth * 100_000 + 1;
    let enqueues = part.map(|count| Enqueues::new(from, count, Mix::All));
    let ground = ground.clone();
    Task::Work(Work {
        ground,
        runners: 1,
        limit: LIMIT,
        enqueues,
        starts: Starts::Said,
        cancels: Cancels::None,
    })
}

/// How long a process lives.
fn life(chance: &mut fastrand::Rng) -> Duration {
    if soaking() { Duration::from_secs(2) } else { Duration::from_millis(chance.u64(20..500)) }
}

/// What all processes have said.
#[derive(Debug, Default)]
struct Heard {
    acked: HashSet<i64>,
    /// Job and attempt, and by whom.
    starts: HashMap<(i64, i64), usize>,
    refused: usize,
    /// Runs that are waited for: the job, its attempt, and since when.
    missed: HashMap<(i64, i64), Instant>,
    slowest: Duration,
}

impl Heard {
    fn hear(&mut self, line: &Line) {
        self.acked.extend(line.numbers("acked").unwrap_or_default());
        self.refused += usize::from(line.numbers("refused").is_some());
        if let Some(start) = line.numbers("start") {
            let start = (start[0], start[1]);
            let before = self.starts.insert(start, line.who);
            assert!(before.is_none(), "{start:?} was begun by {before:?} and by {}", line.who);
            if let Some(since) = self.missed.remove(&start) {
                self.slowest = self.slowest.max(line.at.saturating_duration_since(since));
            }
        }
    }

    fn check(&self, ground: &Ground, kills: i64, told: &str) -> Evidence {
        let evidence = Evidence::of(ground, &self.acked);
        evidence.expect_kept(told);
        let again = evidence.attempts - evidence.wanted;
        let most = kills * i64::try_from(LIMIT).expect("few");
        assert!(again <= most, "{told}: {again} attempts too many for {kills} kills: {evidence:?}");
        let begun = i64::try_from(self.starts.len()).expect("not that many");
        assert!(begun <= evidence.attempts, "{told}: {begun} starts: {evidence:?}");
        assert_eq!(evidence.given_back, 0, "{told}: every claim is an attempt: {evidence:?}");
        evidence
    }
}

#[test]
fn j2_a_process_that_is_killed_again_and_again_does_each_job() {
    let (scratch, part) = (Scratch::new(), times(2_000, 10_000) / PARTS);
    let ground = Ground::file(scratch.path());
    let (mut troop, mut heard, mut chance) = (Troop::new(), Heard::default(), fastrand::Rng::with_seed(2));
    let (mut kills, mut recoveries) = (0, Vec::new());
    for nth in 0.. {
        let begun = Instant::now();
        let child = troop.start(&work(&ground, nth, (nth < PARTS).then_some(part)));
        let mut again = None;
        let mut hear = |line: &Line, heard: &mut Heard| {
            heard.hear(line);
            if line.numbers("start").is_some_and(|start| start[1] > 1) {
                again.get_or_insert(line.at.duration_since(begun));
            }
        };
        if chance.u8(..5) > 0 {
            troop.until(|line| hear(line, &mut heard), |line| line.is("ready") || line.text.is_none());
        }
        let end = Instant::now() + life(&mut chance);
        let mut over = false;
        while !over && let Some(line) = troop.line_within(end.saturating_duration_since(Instant::now())) {
            over = line.text.is_none();
            hear(&line, &mut heard);
        }
        if over {
            troop.finish(child, |line| hear(line, &mut heard));
        } else {
            troop.kill(child, |line| hear(line, &mut heard));
            kills += 1;
        }
        recoveries.extend(again);
        if over && nth >= PARTS {
            break;
        }
    }
    assert!(kills >= 5, "only {kills} kills");
    let evidence = heard.check(&ground, kills, "J2, SQLite");
    assert_eq!(heard.refused, 0, "no claim is lost to a process that is gone");
    let slowest = recoveries.iter().max().expect("some jobs were run again");
    assert!(*slowest < promised(RECOVERY), "jobs were run again after {slowest:?}");
    println!(
        "J2, SQLite: {kills} kills, {} jobs with {} attempts, {} enqueues acknowledged, 0 lost, 0 twice; \
         run again at the latest {slowest:?} after the start",
        evidence.wanted,
        evidence.attempts,
        heard.acked.len()
    );
}

#[test]
fn j2_what_a_killed_process_had_claimed_is_taken_over_by_others() {
    let part = times(2_000, 10_000) / PARTS;
    let ground = Ground::postgres(Postgres::shared());
    let (mut troop, mut heard, mut chance) = (Troop::new(), Heard::default(), fastrand::Rng::with_seed(3));
    let mut alive: Vec<usize> = (0..3).map(|nth| troop.start(&work(&ground, nth, Some(part)))).collect();
    let mut kills = 0;
    // In the short form processes are killed sooner than anybody is taken for dead.
    let most = if soaking() { i64::MAX } else { PARTS };
    for nth in 3..most {
        let end = Instant::now() + life(&mut chance);
        while let Some(line) = troop.line_within(end.saturating_duration_since(Instant::now())) {
            heard.hear(&line);
        }
        if nth >= PARTS && left(&ground) == 0 {
            break;
        }
        // One stays: whoever takes others for dead has watched them for a while.
        let unlucky = alive.remove(chance.usize(1..3));
        let killed = troop.kill(unlucky, |line| heard.hear(line));
        kills += 1;
        for claim in claims(&ground, &heard, unlucky) {
            heard.missed.insert(claim, killed);
        }
        alive.push(troop.start(&work(&ground, nth, (nth < PARTS).then_some(part))));
    }
    until_done(&ground);
    for child in &alive {
        troop.tell(*child, "stop");
    }
    for child in alive {
        troop.finish(child, |line| heard.hear(line));
    }
    let evidence = heard.check(&ground, kills, "J2, PostgreSQL");
    assert!(heard.missed.is_empty(), "jobs of killed processes that were not run again: {:?}", heard.missed);
    assert!(heard.slowest > Duration::ZERO, "kills met jobs that ran");
    assert!(heard.slowest < promised(RECOVERY), "taken over after {:?}", heard.slowest);
    println!(
        "J2, PostgreSQL: 3 processes, {kills} kills, {} jobs with {} attempts, {} enqueues acknowledged, 0 lost, \
         0 twice; taken over at the latest {:?} after the kill",
        evidence.wanted,
        evidence.attempts,
        heard.acked.len(),
        heard.slowest
    );
}

/// How many jobs are not over.
fn left(ground: &Ground) -> i64 {
    let sql = "select count(*) from job_queue where status in ('pending', 'running')";
    Postgres::shared().psql(ground.name(), sql).parse().expect("a number")
}

/// The claims of a killed process on jobs that were begun for the first time, each with the attempt that comes next. A
/// job that several processes did not survive waits for a while.
fn claims(ground: &Ground, heard: &Heard, who: usize) -> Vec<(i64, i64)> {
    let sql = "select id, attempts, claimed_by from job_queue where status = 'running'";
    let rows = Postgres::shared().psql(ground.name(), sql);
    let rows: Vec<(i64, i64, &str)> = rows
        .lines()
        .map(|row| {
            let mut row = row.split('|');
            let mut next = || row.next().expect("three columns");
            (next().parse().expect("a number"), next().parse().expect("a number"), next())
        })
        .collect();
    let its = |(id, attempt, _): &&(i64, i64, &str)| heard.starts.get(&(*id, *attempt)) == Some(&who);
    let Some((_, _, runner)) = rows.iter().find(its) else { return Vec::new() };
    let claims = rows.iter().filter(|(_, attempt, claimed_by)| claimed_by == runner && *attempt == 1);
    claims.map(|(id, attempt, _)| (*id, attempt + 1)).collect()
}
