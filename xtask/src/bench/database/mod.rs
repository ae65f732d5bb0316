//! The groups that are measured with a database: which servers do what, how often, and what is aimed at.

mod cold;
mod direct;
pub(super) mod lab;
mod latency;
pub(super) mod paced;
mod peer;
mod rounds;
mod same;
mod side;
mod tables;

use std::path::PathBuf;

use anyhow::Result;

use self::direct::Direct;
use self::lab::Lab;
use self::side::{Case, Reads, Side, Sync, What};
use super::within::Measure;
use super::{Options, machine, tell};
use crate::steps::Steps;
use crate::workspace::Workspace;

pub(super) use self::direct::PACKAGE as DIRECT;

/// Rows of the table.
pub(super) const ROWS: u32 = 100_000;

/// Several servers that do the same, in slices that take turns.
struct Group {
    name: &'static str,
    /// The first is compared with each of the others.
    sides: &'static [Side],
    cases: &'static [Case],
    /// Measured in every round too.
    direct: &'static [Direct],
    /// Threads that serve connections; as each program comes when there is no number.
    workers: Option<u32>,
    targets: &'static [Target],
}

/// What is aimed at; the numbers are places in the lists of the group.
enum Target {
    /// The first side does at least so much of another.
    Least { case: usize, side: usize, measure: Measure, least: f64 },
    /// One of the first side takes at most so many times what it takes directly.
    Times { case: usize, direct: usize, most: f64 },
}

const KETCH: Side = Side::Ketch { sync: Sync::Full, alone: false };

const READS: Group = Group {
    name: "database-reads",
    sides: &[KETCH, Side::axum(Reads::Inline), Side::axum(Reads::Channel), Side::axum(Reads::Blocking)],
    cases: &[Case::of(What::Row, 32), Case::of(What::List, 32)],
    direct: &[Direct::Rows, Direct::Lists],
    workers: Some(1),
    targets: &[
        Target::Least { case: 0, side: 1, measure: Measure::Efficiency, least: 0.85 },
        Target::Least { case: 0, side: 1, measure: Measure::Throughput, least: 0.85 },
        Target::Least { case: 0, side: 2, measure: Measure::Throughput, least: 1.0 },
        Target::Least { case: 0, side: 3, measure: Measure::Throughput, least: 1.0 },
    ],
};

const INSERTS: Group = Group {
    name: "database-inserts",
    sides: &[
        KETCH,
        Side::Ketch { sync: Sync::Normal, alone: true },
        Side::Ketch { sync: Sync::Full, alone: true },
        Side::Axum { reads: Reads::Inline, sync: Sync::Normal },
        Side::Axum { reads: Reads::Inline, sync: Sync::Full },
    ],
    cases: &[Case::of(What::Insert, 1), Case::of(What::Insert, 16), Case::of(What::Insert, 64)],
    direct: &[
        Direct::Inserts { sync: Sync::Full, group: 1 },
        Direct::Inserts { sync: Sync::Normal, group: 1 },
        Direct::Inserts { sync: Sync::Full, group: 64 },
    ],
    workers: Some(1),
    targets: &[
        Target::Least { case: 2, side: 1, measure: Measure::Throughput, least: 1.0 },
        Target::Least { case: 2, side: 2, measure: Measure::Throughput, least: 10.0 },
        Target::Times { case: 0, direct: 0, most: 1.3 },
    ],
};

const MIX: Group = Group {
    name: "database-mix",
    sides: &[
        KETCH,
        Side::Axum { reads: Reads::Inline, sync: Sync::Normal },
        Side::Axum { reads: Reads::Inline, sync: Sync::Full },
    ],
    cases: &[Case::of(What::Mix, 64)],
    direct: &[],
    workers: Some(1),
    targets: &[],
};

const PEERS: Group = Group {
    name: "database-peers",
    sides: &[KETCH, Side::PocketBase { log: true }, Side::PocketBase { log: false }],
    cases: &[
        Case::of(What::Row, 64),
        Case::of(What::List, 64),
        Case::of(What::Insert, 1),
        Case::of(What::Insert, 16),
        Case::of(What::Insert, 64),
    ],
    direct: &[],
    workers: None,
    targets: &[
        Target::Least { case: 0, side: 1, measure: Measure::Throughput, least: 6.0 },
        Target::Least { case: 0, side: 2, measure: Measure::Throughput, least: 3.0 },
        Target::Least { case: 4, side: 1, measure: Measure::Throughput, least: 6.0 },
        Target::Least { case: 4, side: 2, measure: Measure::Throughput, least: 3.0 },
    ],
};

const MANIFEST: Group = Group {
    name: "database-manifest",
    sides: &[Side::Manifest, KETCH],
    cases: &[Case::of(What::Row, 32)],
    direct: &[],
    workers: Some(1),
    targets: &[Target::Least { case: 0, side: 1, measure: Measure::Efficiency, least: 0.95 }],
};

const GROUPS: [&Group; 5] = [&READS, &INSERTS, &MIX, &PEERS, &MANIFEST];

/// All names, as `--only` takes them.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    GROUPS.iter().map(|group| group.name).chain([latency::NAME, cold::NAME])
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
    let mut lab = steps.run("files", || Lab::set_up(workspace, programs))?;
    for group in GROUPS.into_iter().filter(|group| options.wants(group.name)) {
        if group.sides.iter().any(Side::is_peer) {
            // Other machines may have no way to it; what was measured before stays in the page.
            if let Err(error) = steps.run("pocketbase", || peer::set_up(&mut lab)) {
                println!("\nNOT MEASURED: {}: PocketBase cannot be had here: {error:#}\n", group.name);
                continue;
            }
        }
        steps.run(group.name, || measured(&lab, group, seconds, rounds))?;
    }
    if options.wants(latency::NAME) {
        steps.run(latency::NAME, || latency::measured(&lab, seconds, rounds))?;
    }
    if options.wants(cold::NAME) {
        steps.run(cold::NAME, || cold::measured(&lab, seconds, rounds))?;
    }
    lab.clear_up()
}

fn measured(lab: &Lab<'_>, group: &Group, seconds: u64, rounds: u64) -> Result<()> {
    same::same(lab, group)?;
    let before = machine::load()?;
    let found = rounds::measure(lab, group, seconds, rounds)?;
    let circumstances = machine::circumstances(lab.workspace, (seconds, rounds), before)?;
    tell(lab.workspace, group.name, &tables::text(&circumstances, group, &found))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a run that never was.
    pub(super) fn circumstances() -> machine::Circumstances {
        machine::Circumstances {
            machine: "a machine".to_owned(),
            toolchain: "a compiler".to_owned(),
            commit: "a commit".to_owned(),
            load: (0.1, 1.0),
            seconds: 3,
            pairs: 3,
        }
    }

    #[test]
    fn targets_speak_of_cases_and_sides_that_are_there() {
        for group in GROUPS {
            for target in group.targets {
                match *target {
                    Target::Least { case, side, .. } => {
                        assert!(case < group.cases.len() && (1..group.sides.len()).contains(&side));
                    }
                    Target::Times { case, direct, .. } => {
                        assert!(case < group.cases.len() && direct < group.direct.len());
                    }
                }
            }
        }
    }
}
