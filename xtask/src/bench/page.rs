//! What is written of the comparison without a database: circumstances, tables, and whether the targets are met.

use std::fmt::Write as _;

use super::load::{CONNECTIONS, THREADS};
use super::machine::Circumstances;
use super::measure::{CROWD, Life, Pair, Sample, WARM_UP};
use super::server::WORKERS;
use super::spread::Spread;
use super::table::Table;
use super::within::{COMPARISONS, Compared};
use super::{Ask, ENDPOINTS};

/// Requests for each second of computing, as a part of the baseline's.
const LEAST_EFFICIENCY: f64 = 0.90;
/// Look-up among 1,000 endpoints, in look-ups among 10.
const MOST_TABLE: f64 = 1.3;
/// Megabytes (10⁶ bytes).
const MOST_IDLE: f64 = 25.0;
/// Megabytes, with a crowd.
const MOST_CROWDED: f64 = 100.0;

const MEGA: f64 = 1e6;

/// The whole of it.
pub(super) fn text(
    circumstances: &Circumstances,
    pairs: &[Pair],
    within: &[Compared],
    table: &Table,
    sizes: [u64; 2],
) -> String {
    let mut out = head(circumstances);
    out += &endpoints(pairs);
    out += &beside_itself(within);
    out += &processes(pairs, sizes);
    out += &targets(pairs, within, table);
    out
}

fn head(circumstances: &Circumstances) -> String {
    let Circumstances { seconds, pairs, .. } = circumstances;
    let how = format!(
        "{pairs} pairs, {seconds} s for each endpoint and side in slices of 1 s, after a warm-up of {WARM_UP} s; \
         {WORKERS} server worker; wrk with {THREADS} thread and {CONNECTIONS} connections"
    );
    circumstances.shown(&how)
}

fn endpoints(pairs: &[Pair]) -> String {
    let mut out = String::from(
        "| endpoint | measure | baseline | candidate | candidate / baseline |\n|---|---|---|---|---|\n",
    );
    type Measure = (&'static str, usize, fn(&Sample) -> f64);
    let measures: [Measure; 5] = [
        ("requests per CPU second", 0, Sample::efficiency),
        ("CPU µs per request", 2, |sample| sample.cpu),
        ("requests/s", 0, |sample| sample.requests_per_second),
        ("p50, ms", 3, |sample| sample.p50),
        ("p99, ms", 3, |sample| sample.p99),
    ];
    for (at, Ask { name: endpoint, .. }) in ENDPOINTS.iter().enumerate() {
        for (measure, decimals, value) in measures {
            let row = Row::of(pairs, |life| value(&life.samples[at]));
            row.write(&mut out, &format!("| {endpoint} | {measure} |"), decimals);
        }
    }
    out
}

fn beside_itself(within: &[Compared]) -> String {
    let mut out = String::from(
        "\n| Ketch beside itself | connections | measure | first | second | first / second |\n\
         |---|---|---|---|---|---|\n",
    );
    for (comparison, Compared { first, second, ratio }) in COMPARISONS.iter().zip(within) {
        let (names, measure) = (comparison.names(), comparison.measure.name());
        let (first, second, ratio) = (first.shown(0), second.shown(0), ratio.shown(2));
        writeln!(out, "| {names} | {} | {measure} | {first} | {second} | {ratio} |", comparison.connections)
            .expect("a String takes every write");
    }
    out
}

fn processes(pairs: &[Pair], sizes: [u64; 2]) -> String {
    let mut out =
        String::from("\n| process | baseline | candidate | candidate / baseline |\n|---|---|---|---|\n");
    Row::of(pairs, idle).write(&mut out, "| resident memory idle, MB |", 1);
    Row::of(pairs, |life| life.loaded as f64 / MEGA).write(&mut out, "| resident memory under load, MB |", 1);
    let start = format!("| resident memory under load of {CROWD} connections, MB |");
    Row::of(pairs, crowded).write(&mut out, &start, 1);
    let first_reply = |life: &Life| life.first_reply.as_secs_f64() * 1e3;
    Row::of(pairs, first_reply).write(&mut out, "| start to first reply, ms |", 1);
    let [baseline, candidate] = sizes.map(|bytes| bytes as f64 / MEGA);
    writeln!(out, "| binary, stripped, MB | {baseline:.1} | {candidate:.1} | {:.2} |", candidate / baseline)
        .expect("a String takes every write");
    out
}

fn targets(pairs: &[Pair], within: &[Compared], table: &Table) -> String {
    let mut out = String::from("\n| target | measured | |\n|---|---|---|\n");
    let mut row = |target: &str, measured: &str, met: bool| {
        let met = if met { "met" } else { "**missed**" };
        writeln!(out, "| {target} | {measured} | {met} |").expect("a String takes every write");
    };
    for (at, Ask { name: endpoint, .. }) in ENDPOINTS.iter().enumerate() {
        let ratio = Row::of(pairs, |life| life.samples[at].efficiency()).ratio;
        let target = format!("{endpoint}: requests per CPU second ≥ {LEAST_EFFICIENCY:.2} of the baseline's");
        row(&target, &ratio.shown(2), ratio.median() >= LEAST_EFFICIENCY);
    }
    for (comparison, Compared { ratio, .. }) in COMPARISONS.iter().zip(within) {
        if let Some(least) = comparison.least {
            let target = format!("{}: {} ≥ {least:.2}", comparison.names(), comparison.measure.name());
            row(&target, &ratio.shown(2), ratio.median() >= least);
        }
    }
    let found = format!(
        "{} ns among 1,000, {} ns among 10: {}",
        table.large.shown(0),
        table.small.shown(0),
        table.ratio.shown(2)
    );
    row(
        &format!("look-up among 1,000 endpoints ≤ {MOST_TABLE} of 10"),
        &found,
        table.ratio.median() <= MOST_TABLE,
    );
    type Memory = (&'static str, fn(&Life) -> f64, f64);
    let memories: [Memory; 2] = [("idle", idle, MOST_IDLE), ("under load", crowded, MOST_CROWDED)];
    for (when, memory, most) in memories {
        let memory = Row::of(pairs, memory).candidate;
        let shown = format!("{} MB", memory.shown(1));
        row(&format!("memory {when} < {most} MB"), &shown, memory.median() < most);
    }
    out
}

fn idle(life: &Life) -> f64 {
    life.idle as f64 / MEGA
}

fn crowded(life: &Life) -> f64 {
    life.crowded as f64 / MEGA
}

/// One measure on both sides, and the ratios within each pair.
struct Row {
    baseline: Spread,
    candidate: Spread,
    ratio: Spread,
}

impl Row {
    fn of(pairs: &[Pair], value: impl Fn(&Life) -> f64) -> Self {
        Self {
            baseline: Spread::of(pairs.iter().map(|[baseline, _]| value(baseline))),
            candidate: Spread::of(pairs.iter().map(|[_, candidate]| value(candidate))),
            ratio: Spread::of(pairs.iter().map(|[baseline, candidate]| value(candidate) / value(baseline))),
        }
    }

    fn write(&self, out: &mut String, start: &str, decimals: usize) {
        let (baseline, candidate) = (self.baseline.shown(decimals), self.candidate.shown(decimals));
        writeln!(out, "{start} {baseline} | {candidate} | {} |", self.ratio.shown(2))
            .expect("a String takes every write");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn life(cpu: f64) -> Life {
        let sample = || Sample { cpu, requests_per_second: 1e6 / cpu, p50: 0.5, p99: 1.0 };
        let samples = ENDPOINTS.iter().map(|_| sample()).collect();
        let (idle, loaded, crowded) = (12_000_000, 15_000_000, 120_000_000);
        Life { first_reply: Duration::from_millis(5), idle, loaded, crowded, samples }
    }

    #[test]
    fn ratios_are_taken_within_pairs_and_judged_by_their_median() {
        let pairs = [[life(8.0), life(10.0)], [life(20.0), life(20.0)], [life(9.0), life(10.0)]];
        let row = Row::of(&pairs, |life| life.samples[0].efficiency());
        assert_eq!(row.ratio, Spread::of([0.8, 1.0, 0.9]));
        let steady = |value| Spread::of([value]);
        let table = Table { small: steady(50.0), large: steady(70.0), ratio: steady(1.4) };
        let compared = || Compared { first: steady(1.0), second: steady(1.0), ratio: steady(1.0) };
        let within: Vec<_> = COMPARISONS.iter().map(|_| compared()).collect();
        let text = targets(&pairs, &within, &table);
        assert!(text.contains("0.90 (0.80–1.00) | met"), "{text}");
        assert!(text.contains("1.40 (1.40–1.40) | **missed**"), "{text}");
        assert!(text.contains("requests per CPU second ≥ 0.40 | 1.00 (1.00–1.00) | met"), "{text}");
        assert!(text.contains("memory under load < 100 MB | 120.0 (120.0–120.0) MB | **missed**"), "{text}");
    }
}
