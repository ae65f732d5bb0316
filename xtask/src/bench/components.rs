//! A component beside an endpoint in Rust, in one server: `benches/wasm`.

use std::fmt::Write as _;

use anyhow::Result;

use super::load::{Aim, CONNECTIONS, wrk};
use super::measure::{Sample, WARM_UP, slice};
use super::server::Server;
use super::spread::Spread;
use super::{Ask, Options, machine, tell};
use crate::command;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// The name of the group, as `--only` takes it.
pub(super) const NAME: &str = "manifest-wasm";

const PACKAGE: &str = "bench-wasm";

const RUST: Ask = Ask { name: "in Rust", path: "/rust/add?a=17&b=25", body: None };

/// What stands beside the endpoint in Rust, and the least that it may reach of that.
const GUESTS: [(Ask, f64); 2] = [
    (Ask { name: "component, kept instance", path: "/wasm/kept?a=17&b=25", body: None }, 0.7),
    (Ask { name: "component, fresh instance each call", path: "/wasm/fresh?a=17&b=25", body: None }, 0.3),
];

/// Requests per CPU second: in Rust, kept, fresh.
type Round = [f64; 3];

pub(super) fn run(workspace: &Workspace, steps: &mut Steps, options: &Options) -> Result<()> {
    if !options.wants(NAME) {
        return Ok(());
    }
    let (seconds, rounds) = (options.seconds.unwrap_or(4), options.pairs.unwrap_or(3));
    steps.run(NAME, || {
        command::run(command::cargo(&workspace.root).args(["build", "--release", "--package", PACKAGE]))?;
        let before = machine::load()?;
        let found = measure(workspace, seconds, rounds)?;
        let circumstances = machine::circumstances(workspace, (seconds, rounds), before)?;
        let how = format!(
            "A compiled guest of 1 KB that looks for two numbers in the call and writes their sum, beside the same in Rust, \
             in one server with one worker; {CONNECTIONS} connections; rounds: {rounds}, {seconds} slices of a second in \
             turn for each, after a warm-up"
        );
        tell(workspace, NAME, &(circumstances.shown(&how) + &tables(&found)))
    })
}

fn measure(workspace: &Workspace, seconds: u64, rounds: u64) -> Result<Vec<Round>> {
    let server = Server::start(&workspace.target.join("release").join(PACKAGE), &RUST)?;
    let aims = [&RUST, &GUESTS[0].0, &GUESTS[1].0].map(Aim::from);
    for aim in &aims {
        wrk(&server, aim, CONNECTIONS, WARM_UP)?;
    }
    let mut found = Vec::new();
    for round in 1..=rounds {
        let mut slices = [Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..seconds {
            for (aim, slices) in aims.iter().zip(&mut slices) {
                slices.push(slice(&server, aim, CONNECTIONS, 1)?);
            }
        }
        let efficiency = slices.map(|slices| Sample::of(&slices).efficiency());
        println!("{round}/{rounds} requests per CPU second: {efficiency:.0?}");
        found.push(efficiency);
    }
    server.end()?;
    Ok(found)
}

fn tables(found: &[Round]) -> String {
    let of = |value: &dyn Fn(&Round) -> f64| Spread::of(found.iter().map(value));
    let mut out = "| endpoint | requests per CPU second | to Rust |\n|---|---|---|\n".to_owned();
    let mut targets = "\n| target | measured | |\n|---|---|---|\n".to_owned();
    let rust = of(&|round| round[0]).shown(0);
    writeln!(out, "| {} | {rust} | 1 |", RUST.name).expect("a String takes everything");
    for (at, (ask, least)) in GUESTS.iter().enumerate() {
        let (rate, ratio) = (of(&|round| round[at + 1]), of(&|round| round[at + 1] / round[0]));
        writeln!(out, "| {} | {} | {} |", ask.name, rate.shown(0), ratio.shown(2))
            .expect("a String takes everything");
        let met = if ratio.median() >= *least { "met" } else { "**missed**" };
        writeln!(targets, "| {} / in Rust ≥ {least} | {} | {met} |", ask.name, ratio.shown(2))
            .expect("a String takes everything");
    }
    out + &targets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missed_says_so() {
        let text = tables(&[[100.0, 71.0, 29.0]]);
        assert!(
            text.contains("| component, kept instance / in Rust ≥ 0.7 | 0.71 (0.71–0.71) | met |"),
            "{text}"
        );
        assert!(text.contains("≥ 0.3 | 0.29 (0.29–0.29) | **missed** |"), "{text}");
    }
}
