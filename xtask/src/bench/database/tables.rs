//! What is written of a group: its circumstances, its tables, and whether its targets are met.

use std::fmt::Write as _;

use super::super::load::THREADS;
use super::super::machine::Circumstances;
use super::super::measure::Sample;
use super::super::spread::Spread;
use super::super::within::Measure;
use super::rounds::{Round, WARM_UP, figure, ratio};
use super::{Group, ROWS, Target};

const TAKES: &str = "a String takes every write";

/// The whole of it.
pub(super) fn text(circumstances: &Circumstances, group: &Group, rounds: &[Round]) -> String {
    let Circumstances { seconds, pairs, .. } = circumstances;
    let workers = match group.workers {
        Some(1) => "1 server worker".to_owned(),
        Some(workers) => format!("{workers} server workers"),
        None => "as many server workers as each program takes by itself".to_owned(),
    };
    let mut out = circumstances.shown(&format!(
        "{ROWS} rows; rounds with fresh files: {pairs}, {seconds} s for each line in slices of 1 s, after a warm-up of \
         {WARM_UP} s; {workers}; wrk with {THREADS} thread"
    ));
    out += &sides(group, rounds);
    out += &direct(group, rounds);
    out += &targets(group, rounds);
    out
}

fn sides(group: &Group, rounds: &[Round]) -> String {
    let first = group.sides[0].name(false);
    let mut out = format!(
        "| request | server | requests/s | requests per CPU second | p50, ms | p99, ms | {first} / it, requests/s | \
         {first} / it, per CPU second |\n|---|---|---|---|---|---|---|---|\n"
    );
    let writes = group.cases.iter().any(|case| case.writes());
    for (at, case) in group.cases.iter().enumerate() {
        for (number, side) in group.sides.iter().enumerate() {
            let cell = |decimals, value| figure(rounds, at, number, value).shown(decimals);
            let beside = |measure: Measure| match number {
                0 => String::new(),
                _ => ratio(rounds, at, number, value(measure)).shown(2),
            };
            writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} | {} | {} |",
                case.name(),
                side.name(writes),
                cell(0, |sample| sample.requests_per_second),
                cell(0, Sample::efficiency),
                cell(3, |sample| sample.p50),
                cell(3, |sample| sample.p99),
                beside(Measure::Throughput),
                beside(Measure::Efficiency),
            )
            .expect(TAKES);
        }
    }
    out
}

fn direct(group: &Group, rounds: &[Round]) -> String {
    let mut out = String::new();
    if group.direct.is_empty() {
        return out;
    }
    out += "\n| SQLite called directly, on one thread | a second |\n|---|---|\n";
    for (at, direct) in group.direct.iter().enumerate() {
        writeln!(out, "| {} | {} |", direct.name(), directly(rounds, at).shown(0)).expect(TAKES);
    }
    out
}

fn targets(group: &Group, rounds: &[Round]) -> String {
    let mut out = String::new();
    if group.targets.is_empty() {
        return out;
    }
    out += "\n| target | measured | |\n|---|---|---|\n";
    let writes = group.cases.iter().any(|case| case.writes());
    for target in group.targets {
        let (aim, found, met) = match *target {
            Target::Least { case, side, measure, least } => {
                let found = ratio(rounds, case, side, value(measure));
                let (name, other) = (group.cases[case].name(), group.sides[side].name(writes));
                let aim = format!("{name}: {} ≥ {least:.2} of {other}", measure.name());
                let met = found.median() >= least;
                (aim, found, met)
            }
            Target::Times { case, direct, most } => {
                let found = Spread::of(
                    rounds
                        .iter()
                        .map(|round| round.direct[direct] / round.samples[case][0].requests_per_second),
                );
                let (name, other) = (group.cases[case].name(), group.direct[direct].name());
                let met = found.median() <= most;
                (format!("{name}: time for one ≤ {most:.1} of directly: {other}"), found, met)
            }
        };
        let met = if met { "met" } else { "**missed**" };
        writeln!(out, "| {aim} | {} | {met} |", found.shown(2)).expect(TAKES);
    }
    out
}

fn directly(rounds: &[Round], at: usize) -> Spread {
    Spread::of(rounds.iter().map(|round| round.direct[at]))
}

fn value(measure: Measure) -> fn(&Sample) -> f64 {
    match measure {
        Measure::Efficiency => Sample::efficiency,
        Measure::Throughput => |sample| sample.requests_per_second,
    }
}

#[cfg(test)]
mod tests {
    use super::super::INSERTS;
    use super::*;

    /// Every case of a group; the first side does so much a second, every other so much.
    fn round(first: f64, other: f64, direct: f64) -> Round {
        let sample = |rate: f64| Sample { cpu: 1e6 / rate, requests_per_second: rate, p50: 0.5, p99: 1.0 };
        let sides = || {
            let mut sides = vec![sample(first)];
            sides.extend((1..INSERTS.sides.len()).map(|_| sample(other)));
            sides
        };
        Round {
            samples: INSERTS.cases.iter().map(|_| sides()).collect(),
            direct: INSERTS.direct.iter().map(|_| direct).collect(),
        }
    }

    #[test]
    fn targets_are_judged_by_the_median_of_the_ratios_within_rounds() {
        let rounds = [round(100.0, 50.0, 120.0), round(300.0, 300.0, 390.0), round(900.0, 90.0, 1_800.0)];
        let text = targets(&INSERTS, &rounds);
        assert!(
            text.contains("≥ 1.00 of Ketch, `NORMAL`, a commit each | 2.00 (1.00–10.00) | met"),
            "{text}"
        );
        assert!(text.contains("≥ 10.00 of Ketch, `FULL`, a commit each | 2.00 (1.00–10.00) | **missed**"));
        assert!(text.contains("a commit each | 1.30 (1.20–2.00) | met"), "{text}");
    }

    #[test]
    fn the_first_side_is_not_compared_with_itself() {
        let text = sides(&INSERTS, &[round(100.0, 50.0, 1.0)]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2 + INSERTS.cases.len() * INSERTS.sides.len());
        assert!(
            lines[2].ends_with("|  |  |") && lines[3].ends_with("| 2.00 (2.00–2.00) | 2.00 (2.00–2.00) |")
        );
    }
}
