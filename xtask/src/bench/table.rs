//! The route table alone, measured by `benches/table` in a process of its own.

use anyhow::{Context as _, Result, ensure};

use super::spread::Spread;
use crate::command;
use crate::workspace::Workspace;

pub(super) const PACKAGE: &str = "bench-table";

/// Milliseconds that each table is asked in each round.
const TIME: u64 = 500;

/// Look-ups among 10 and among 1,000 endpoints.
pub(super) struct Table {
    /// Nanoseconds.
    pub(super) small: Spread,
    /// Nanoseconds.
    pub(super) large: Spread,
    /// Large to small, of the same round.
    pub(super) ratio: Spread,
}

pub(super) fn measure(workspace: &Workspace, rounds: u64) -> Result<Table> {
    let program = workspace.target.join("release").join(PACKAGE);
    let mut program = command::program(program, &workspace.root);
    parse(&command::output(program.args([rounds.to_string(), TIME.to_string()]))?)
}

fn parse(text: &str) -> Result<Table> {
    let mut rounds = Vec::new();
    for line in text.lines() {
        let (small, large) = line.split_once(' ').with_context(|| format!("`{line}` is no pair of times"))?;
        rounds.push((small.parse::<f64>()?, large.parse::<f64>()?));
    }
    ensure!(!rounds.is_empty(), "the route table was not measured");
    Ok(Table {
        small: Spread::of(rounds.iter().map(|(small, _)| *small)),
        large: Spread::of(rounds.iter().map(|(_, large)| *large)),
        ratio: Spread::of(rounds.iter().map(|(small, large)| large / small)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_read_and_compared_one_by_one() {
        let table = parse("50.0 60.0\n100.0 110.0\n").unwrap();
        assert_eq!(table.small.median(), 75.0);
        assert_eq!(table.ratio, Spread::of([1.2, 1.1]));
        assert!(parse("").is_err() && parse("50.0").is_err());
    }
}
