//! The groups that are measured with a queue of jobs: how fast it is, how soon a job starts, what others feel of it, and
//! what a deep queue costs.

mod beside;
mod depth;
mod latency;
mod throughput;

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::database::lab::{Lab, fresh};
use super::spread::Spread;
use super::{Options, machine, tell};
use crate::command;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// The package of the program that measures without HTTP.
pub(super) const PACKAGE: &str = "bench-jobs";

/// Measures a group: its table, after so many rounds of so many seconds.
type Measure = fn(&Lab<'_>, u64, u64) -> Result<Found>;

const GROUPS: [(&str, Measure); 4] = [
    ("jobs-throughput", throughput::measured),
    ("jobs-latency", latency::measured),
    ("jobs-beside", beside::measured),
    ("jobs-depth", depth::measured),
];

/// What a group found: how it was measured, and its tables.
struct Found {
    how: String,
    tables: String,
}

/// All names, as `--only` takes them.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    GROUPS.iter().map(|(name, _)| *name)
}

pub(super) fn run(
    workspace: &Workspace,
    steps: &mut Steps,
    options: &Options,
    programs: &[PathBuf; 2],
) -> Result<()> {
    if !names().any(|name| options.wants(name)) {
        return Ok(());
    }
    let (seconds, rounds) = (options.seconds.unwrap_or(3), options.pairs.unwrap_or(3));
    let lab = steps.run("files", || Lab::set_up(workspace, programs))?;
    for (name, measure) in GROUPS.into_iter().filter(|(name, _)| options.wants(name)) {
        steps.run(name, || {
            let before = machine::load()?;
            let Found { how, tables } = measure(&lab, seconds, rounds)?;
            let circumstances = machine::circumstances(workspace, (seconds, rounds), before)?;
            tell(workspace, name, &(circumstances.shown(&how) + &tables))
        })?;
    }
    lab.clear_up()
}

/// Has the program measure one thing in a folder of its own, which is gone afterwards; the numbers that it prints.
/// `FILE` among the words stands for the file.
fn ask<const N: usize>(lab: &Lab<'_>, program: &str, words: &[&str]) -> Result<[f64; N]> {
    let folder = lab.folder.join("jobs");
    fresh(&folder)?;
    ask_of(lab, program, words, &folder.join("app.db"))
}

/// The same on a file that is there.
fn ask_of<const N: usize>(
    lab: &Lab<'_>,
    program: &str,
    words: &[&str],
    file: &std::path::Path,
) -> Result<[f64; N]> {
    let path = lab.workspace.target.join("release").join(program);
    let mut command = command::program(path, &lab.folder);
    for word in words {
        if *word == "FILE" {
            command.arg(file)
        } else {
            command.arg(word)
        };
    }
    numbers(&command::output(&mut command)?)
}

fn numbers<const N: usize>(text: &str) -> Result<[f64; N]> {
    let all: Vec<f64> = text
        .split_ascii_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()
        .with_context(|| format!("`{}` is not only numbers", text.trim()))?;
    let count = all.len();
    all.try_into().ok().with_context(|| format!("there are {count} numbers and not {N}"))
}

/// Rows of targets, in the order in which they are judged.
#[derive(Default)]
struct Targets(String);

impl Targets {
    /// At least so much, in the median.
    fn least(&mut self, what: &str, found: &Spread, least: f64, decimals: usize) {
        let shown = found.shown(decimals);
        self.row(&format!("{what} ≥ {least:.decimals$}"), &shown, found.median() >= least);
    }

    /// At most so many times something, in the median.
    fn most(&mut self, what: &str, found: &Spread, most: f64) {
        self.row(&format!("{what} ≤ {most:.1}"), &found.shown(2), found.median() <= most);
    }

    fn row(&mut self, what: &str, found: &str, met: bool) {
        let met = if met { "met" } else { "**missed**" };
        writeln!(self.0, "| {what} | {found} | {met} |").expect("a String takes every write");
    }

    fn shown(self) -> String {
        format!("\n| target | measured | |\n|---|---|---|\n{}", self.0)
    }
}

/// Adds a row to a table.
fn row(table: &mut String, cells: &[&str]) {
    writeln!(table, "| {} |", cells.join(" | ")).expect("a String takes every write");
}

/// One figure over all rounds.
fn over<T>(rounds: &[T], figure: impl Fn(&T) -> f64) -> Spread {
    Spread::of(rounds.iter().map(figure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_program_prints_is_read_and_its_length_is_checked() {
        assert_eq!(numbers::<2>("1.5 20\n").unwrap(), [1.5, 20.0]);
        assert!(numbers::<3>("1.5 20\n").unwrap_err().to_string().contains("2 numbers and not 3"));
        assert!(numbers::<1>("many\n").unwrap_err().to_string().contains("`many`"));
    }

    #[test]
    fn targets_are_judged_by_the_median() {
        let mut targets = Targets::default();
        targets.least("jobs/s", &Spread::of([9.0, 11.0, 30.0]), 10.0, 0);
        targets.most("p99 / alone", &Spread::of([1.0, 2.5, 3.0]), 2.0);
        let text = targets.shown();
        assert!(text.contains("| jobs/s ≥ 10 | 11 (9–30) | met |"), "{text}");
        assert!(text.contains("| p99 / alone ≤ 2.0 | 2.50 (1.00–3.00) | **missed** |"), "{text}");
    }
}
