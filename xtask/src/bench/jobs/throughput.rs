//! How many jobs a second: enqueued, completed, and both at a time.

use anyhow::Result;

use super::super::database::lab::{Lab, fresh};
use super::super::spread::Spread;
use super::{Found, PACKAGE, Targets, ask, ask_of, over, row};

/// A second, enqueued and completed.
const LEAST: f64 = 10_000.0;

/// What is done, and how many jobs run at a time.
struct Case {
    name: &'static str,
    /// As the program takes it.
    kind: &'static str,
    limit: u32,
}

const fn case(name: &'static str, kind: &'static str, limit: u32) -> Case {
    Case { name, kind, limit }
}

/// The first is what is aimed at, and what a queue is like that nobody has configured.
const CASES: [Case; 8] = [
    case("enqueued one to a write by 64 tasks, and completed", "all", 16),
    case("the same", "all", 256),
    case("the same, each job with `ctx.finish`", "finish", 16),
    case("the same, rows deleted when done", "gone", 16),
    case("enqueued one to a write by 64 tasks", "enqueue", 16),
    case("enqueued 100 to a write by 4 tasks", "bulk", 16),
    case("completed, from a full queue", "run", 16),
    case("the same", "run", 256),
];

/// Jobs in each commit of what is done directly.
const DIRECT: [u32; 2] = [16, 64];

/// What one round found.
struct Round {
    /// For each case: enqueued a second, completed a second, µs of CPU for each job, jobs for each commit.
    cases: Vec<[f64; 4]>,
    direct: Vec<f64>,
}

pub(super) fn measured(lab: &Lab<'_>, seconds: u64, rounds: u64) -> Result<Found> {
    let found: Vec<Round> =
        (1..=rounds).map(|round| one(lab, seconds, &format!("{round}/{rounds}"))).collect::<Result<_>>()?;
    let how = format!(
        "SQLite, `FULL`, no HTTP; jobs that do nothing, at most 4,096 of them waiting; every enqueue is answered when it \
         is on the disk; rounds: {rounds}, {seconds} s for each line on a fresh file, after a warm-up of a third of that"
    );
    Ok(Found { how, tables: tables(&found) })
}

fn one(lab: &Lab<'_>, seconds: u64, number: &str) -> Result<Round> {
    let millis = (seconds * 1_000).to_string();
    let mut cases = Vec::new();
    for case in &CASES {
        let limit = case.limit.to_string();
        let found: [f64; 4] = ask(lab, PACKAGE, &["throughput", "FILE", &millis, &limit, case.kind])?;
        println!("{number} {}, {limit} at a time: {:.0} and {:.0} a second", case.name, found[0], found[1]);
        cases.push(found);
    }
    let direct = DIRECT.iter().map(|group| {
        let folder = lab.folder.join("jobs");
        fresh(&folder)?;
        let file = folder.join("app.db");
        let _no_numbers: [f64; 0] = ask_of(lab, PACKAGE, &["make", "FILE"], &file)?;
        let [rate] = ask_of(lab, "bench-direct", &["jobs", "FILE", &millis, &group.to_string()], &file)?;
        println!("{number} directly, {group} to a commit: {rate:.0} a second");
        Ok(rate)
    });
    Ok(Round { cases, direct: direct.collect::<Result<_>>()? })
}

/// What a case is judged by: of what it does, the slower.
fn slower(found: &[f64; 4]) -> f64 {
    match *found {
        [enqueued, 0.0, ..] => enqueued,
        [0.0, completed, ..] => completed,
        [enqueued, completed, ..] => enqueued.min(completed),
    }
}

fn tables(rounds: &[Round]) -> String {
    let mut out = String::from(
        "| jobs | at a time | enqueued/s | completed/s | CPU µs per job | jobs per commit | of SQLite called directly, 64 to a commit |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for (at, case) in CASES.iter().enumerate() {
        let figure = |number: usize| over(rounds, |round| round.cases[at][number]);
        let rate = |spread: &Spread| if spread.most() > 0.0 { spread.shown(0) } else { String::new() };
        let both = matches!(case.kind, "all" | "finish" | "gone");
        let of = over(rounds, |round| slower(&round.cases[at]) / round.direct[DIRECT.len() - 1]);
        let of = if both { of.shown(2) } else { String::new() };
        let limit =
            if matches!(case.kind, "enqueue" | "bulk") { String::new() } else { case.limit.to_string() };
        let cells = [rate(&figure(0)), rate(&figure(1)), figure(2).shown(1), figure(3).shown(1)];
        row(&mut out, &[case.name, &limit, &cells[0], &cells[1], &cells[2], &cells[3], &of]);
    }
    out += "\n| SQLite called directly, on one thread: inserted, claimed and completed, a commit each | jobs/s |\n|---|---|\n";
    for (at, group) in DIRECT.iter().enumerate() {
        row(&mut out, &[&format!("{group} to a commit"), &over(rounds, |round| round.direct[at]).shown(0)]);
    }
    let mut targets = Targets::default();
    let found = over(rounds, |round| slower(&round.cases[0]));
    let what = format!("{}, {} at a time: jobs/s, the fewer of both", CASES[0].name, CASES[0].limit);
    targets.least(&what, &found, LEAST, 0);
    out + &targets.shown()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_judged_by_the_slower_of_both() {
        let mut cases = vec![[0.0, 20_000.0, 30.0, 16.0]; CASES.len()];
        cases[0] = [15_000.0, 9_000.0, 40.0, 8.0];
        let text = tables(&[Round { cases, direct: vec![10_000.0, 18_000.0] }]);
        assert!(text.contains("the fewer of both ≥ 10000 | 9000 (9000–9000) | **missed** |"), "{text}");
        assert!(text.contains("| 8.0 (8.0–8.0) | 0.50 (0.50–0.50) |"), "{text}");
    }

    #[test]
    fn what_is_not_done_is_not_judged() {
        assert_eq!(
            [[5.0, 0.0, 1.0, 1.0], [0.0, 6.0, 1.0, 1.0], [5.0, 6.0, 1.0, 1.0]].map(|it| slower(&it)),
            [5.0, 6.0, 5.0]
        );
    }
}
