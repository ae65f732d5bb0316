//! How soon a job starts in a queue where nothing else goes on.

use anyhow::Result;

use super::super::database::lab::Lab;
use super::{Found, PACKAGE, Targets, ask, over, row};

/// In p99 of one commit.
const MOST: f64 = 4.0;

/// Jobs for each second of the options.
const EACH: u64 = 100;

/// What the program prints: p50 and p99 of each, in µs.
const MEASURES: [&str; 3] = [
    "SQLite called directly: an insert, committed (`FULL`)",
    "an enqueue, until it is answered",
    "from the call of the enqueue to the first line of the job",
];

pub(super) fn measured(lab: &Lab<'_>, seconds: u64, rounds: u64) -> Result<Found> {
    let count = (seconds * EACH).to_string();
    let found: Vec<[f64; 6]> = (1..=rounds)
        .map(|round| {
            let found: [f64; 6] = ask(lab, PACKAGE, &["latency", "FILE", &count])?;
            println!(
                "{round}/{rounds} p99: commit {:.0}, answer {:.0}, start {:.0} µs",
                found[1], found[3], found[5]
            );
            Ok(found)
        })
        .collect::<Result<_>>()?;
    let how = format!(
        "SQLite, `FULL`, no HTTP; one job at a time, with a pause and a commit of another file on the same disk before \
         each; rounds with fresh files: {rounds}, {count} jobs in each"
    );
    Ok(Found { how, tables: tables(&found) })
}

fn tables(rounds: &[[f64; 6]]) -> String {
    let mut out = String::from("| | p50, ms | p99, ms | p99 / of the commit |\n|---|---|---|---|\n");
    for (at, name) in MEASURES.iter().enumerate() {
        let [p50, p99] =
            [2 * at, 2 * at + 1].map(|number| over(rounds, |round| round[number] / 1e3).shown(3));
        let ratio = over(rounds, |round| round[2 * at + 1] / round[1]);
        row(&mut out, &[name, &p50, &p99, &if at == 0 { String::new() } else { ratio.shown(2) }]);
    }
    let mut targets = Targets::default();
    targets.most("p99 of the start / p99 of a commit", &over(rounds, |round| round[5] / round[1]), MOST);
    out + &targets.shown()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_judged_within_rounds() {
        let round = |commit, start| [100.0, commit, 300.0, 900.0, 400.0, start];
        let text = tables(&[round(200.0, 700.0), round(1_000.0, 4_500.0), round(200.0, 500.0)]);
        assert!(text.contains("p99 of a commit ≤ 4.0 | 3.50 (2.50–4.50) | met |"), "{text}");
    }
}
