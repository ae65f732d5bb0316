//! What a claim costs in a deep queue, beside one in a queue that is not.

use std::path::PathBuf;

use anyhow::Result;

use super::super::database::lab::{Lab, copied, fresh};
use super::{Found, PACKAGE, Targets, ask_of, over, row};

/// In claims of the shallow queue.
const MOST: f64 = 1.5;

/// Rows of the shallow queue and of the deep one.
const DEPTHS: [u32; 2] = [1_000, 1_000_000];

/// What the rows are, as the program takes it and as people do.
const KINDS: [(&str, &str); 4] = [
    ("due", "due, of one priority"),
    ("spread", "due, of all ten priorities"),
    ("future", "due within a day from now, and 1,000 due"),
    ("finished", "done, and 1,000 due"),
];

/// µs of a claim, µs of all statements of such a cycle, jobs a second; of each depth.
type Pair = [[f64; 3]; 2];

pub(super) fn measured(lab: &Lab<'_>, seconds: u64, rounds: u64) -> Result<Found> {
    let mut found: Vec<Vec<Pair>> = Vec::new();
    for (kind, name) in KINDS {
        let seeds = DEPTHS.map(|depth| filled(lab, kind, depth));
        let [shallow, deep] = seeds;
        let seeds = [shallow?, deep?];
        let pairs = (1..=rounds).map(|round| {
            let pair = pair(lab, kind, &seeds, seconds)?;
            println!("{round}/{rounds} {name}: a claim {:.0} and {:.0} µs", pair[0][0], pair[1][0]);
            Ok(pair)
        });
        found.push(pairs.collect::<Result<_>>()?);
    }
    let how = format!(
        "SQLite, `FULL`, no HTTP; a runner with the default limit of 16, whose transactions are timed; rows are added as \
         they are run; rounds with fresh copies of one file: {rounds}, {seconds} s for each depth"
    );
    Ok(Found { how, tables: tables(&found) })
}

/// A file with a queue of this depth.
fn filled(lab: &Lab<'_>, kind: &str, depth: u32) -> Result<PathBuf> {
    let folder = lab.folder.join(format!("depth-{depth}"));
    fresh(&folder)?;
    let file = folder.join("app.db");
    let _no_numbers: [f64; 0] = ask_of(lab, PACKAGE, &["fill", "FILE", kind, &depth.to_string()], &file)?;
    Ok(file)
}

fn pair(lab: &Lab<'_>, kind: &str, seeds: &[PathBuf; 2], seconds: u64) -> Result<Pair> {
    let folder = lab.folder.join("jobs");
    let [shallow, deep] = seeds.each_ref().map(|seed| {
        fresh(&folder)?;
        let file = folder.join("app.db");
        copied(seed, &file)?;
        ask_of(lab, PACKAGE, &["depth", "FILE", kind, &(seconds * 1_000).to_string()], &file)
    });
    Ok([shallow?, deep?])
}

fn tables(kinds: &[Vec<Pair>]) -> String {
    let mut out = String::from(
        "| rows | depth | claim of 16, µs | all statements of a cycle, µs | jobs/s | claim / at 1,000 | cycle / at 1,000 |\n\
         |---|---|---|---|---|---|---|\n",
    );
    let mut targets = Targets::default();
    for ((_, name), pairs) in KINDS.iter().zip(kinds) {
        let ratio = |figure: usize| over(pairs, |pair| pair[1][figure] / pair[0][figure]);
        for (at, depth) in DEPTHS.iter().enumerate() {
            let figure = |number: usize| over(pairs, |pair| pair[at][number]);
            let ratios =
                if at == 0 { Default::default() } else { [ratio(0), ratio(1)].map(|it| it.shown(2)) };
            let cells = [figure(0).shown(0), figure(1).shown(0), figure(2).shown(0)];
            let depth = depth.to_string();
            row(&mut out, &[name, &depth, &cells[0], &cells[1], &cells[2], &ratios[0], &ratios[1]]);
        }
        targets.most(&format!("{name}: claim at 1,000,000 / at 1,000"), &ratio(0), MOST);
        targets.most(&format!("{name}: cycle at 1,000,000 / at 1,000"), &ratio(1), MOST);
    }
    out + &targets.shown()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_judged_by_the_ratio_of_its_depths() {
        let pair: Pair = [[50.0, 100.0, 9_000.0], [60.0, 200.0, 8_000.0]];
        let text = tables(&vec![vec![pair]; KINDS.len()]);
        assert!(
            text.contains(
                "| due, of one priority: claim at 1,000,000 / at 1,000 ≤ 1.5 | 1.20 (1.20–1.20) | met |"
            ),
            "{text}"
        );
        assert!(
            text.contains(
                "| done, and 1,000 due: cycle at 1,000,000 / at 1,000 ≤ 1.5 | 2.00 (2.00–2.00) | **missed** |"
            ),
            "{text}"
        );
    }
}
