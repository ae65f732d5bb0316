//! The generated part of `docs/performance.md`: circumstances, tables, and whether the targets are met.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::ENDPOINTS;
use super::load::{CONNECTIONS, THREADS};
use super::machine::Circumstances;
use super::measure::{Life, Pair, Sample, WARM_UP};
use super::server::WORKERS;
use super::spread::Spread;
use super::table::Table;

const BEGIN: &str = "<!-- begin: written by `cargo xtask bench` -->";
const END: &str = "<!-- end: written by `cargo xtask bench` -->";

/// Requests for each second of computing, as a part of the baseline's.
const LEAST_EFFICIENCY: f64 = 0.90;
/// Look-up among 1,000 endpoints, in look-ups among 10.
const MOST_TABLE: f64 = 1.3;
/// Megabytes (10⁶ bytes).
const MOST_IDLE: f64 = 25.0;

const MEGA: f64 = 1e6;

/// The whole of it.
pub(super) fn text(circumstances: &Circumstances, pairs: &[Pair], table: &Table, sizes: [u64; 2]) -> String {
    let mut out = head(circumstances);
    out += &endpoints(pairs);
    out += &processes(pairs, sizes);
    out += &targets(pairs, table);
    out
}

fn head(circumstances: &Circumstances) -> String {
    let Circumstances { machine, toolchain, commit, load, seconds, pairs } = circumstances;
    format!(
        "- Machine: {machine}; load average {:.2} before and {:.2} after.\n\
         - Commit {commit}; {toolchain}.\n\
         - {pairs} pairs, {seconds} s for each endpoint and side in slices of 1 s, after a warm-up of {WARM_UP} s; {WORKERS} server worker; wrk with {THREADS} \
         thread and {CONNECTIONS} connections.\n\
         - Cells show the median, and in parentheses the least and the most of all pairs.\n\n",
        load.0, load.1
    )
}

fn endpoints(pairs: &[Pair]) -> String {
    let mut out = String::from(
        "| endpoint | measure | baseline | candidate | candidate / baseline |\n|---|---|---|---|---|\n",
    );
    type Measure = (&'static str, usize, fn(&Sample) -> f64);
    let measures: [Measure; 5] = [
        ("requests per CPU second", 0, efficiency),
        ("CPU µs per request", 2, |sample| sample.cpu),
        ("requests/s", 0, |sample| sample.requests_per_second),
        ("p50, ms", 3, |sample| sample.p50),
        ("p99, ms", 3, |sample| sample.p99),
    ];
    for (at, (endpoint, _)) in ENDPOINTS.into_iter().enumerate() {
        for (measure, decimals, value) in measures {
            let row = Row::of(pairs, |life| value(&life.samples[at]));
            row.write(&mut out, &format!("| {endpoint} | {measure} |"), decimals);
        }
    }
    out
}

fn processes(pairs: &[Pair], sizes: [u64; 2]) -> String {
    let mut out =
        String::from("\n| process | baseline | candidate | candidate / baseline |\n|---|---|---|---|\n");
    Row::of(pairs, idle).write(&mut out, "| resident memory idle, MB |", 1);
    Row::of(pairs, |life| life.loaded as f64 / MEGA).write(&mut out, "| resident memory under load, MB |", 1);
    let first_reply = |life: &Life| life.first_reply.as_secs_f64() * 1e3;
    Row::of(pairs, first_reply).write(&mut out, "| start to first reply, ms |", 1);
    let [baseline, candidate] = sizes.map(|bytes| bytes as f64 / MEGA);
    writeln!(out, "| binary, stripped, MB | {baseline:.1} | {candidate:.1} | {:.2} |", candidate / baseline)
        .expect("a String takes every write");
    out
}

fn targets(pairs: &[Pair], table: &Table) -> String {
    let mut out = String::from("\n| target | measured | |\n|---|---|---|\n");
    let mut row = |target: &str, measured: &str, met: bool| {
        let met = if met { "met" } else { "**missed**" };
        writeln!(out, "| {target} | {measured} | {met} |").expect("a String takes every write");
    };
    for (at, (endpoint, _)) in ENDPOINTS.into_iter().enumerate() {
        let ratio = Row::of(pairs, |life| efficiency(&life.samples[at])).ratio;
        let target = format!("{endpoint}: requests per CPU second ≥ {LEAST_EFFICIENCY:.2} of the baseline's");
        row(&target, &ratio.shown(2), ratio.median() >= LEAST_EFFICIENCY);
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
    let idle = Row::of(pairs, idle).candidate;
    row(
        &format!("memory idle < {MOST_IDLE} MB"),
        &format!("{} MB", idle.shown(1)),
        idle.median() < MOST_IDLE,
    );
    out
}

fn efficiency(sample: &Sample) -> f64 {
    1e6 / sample.cpu
}

fn idle(life: &Life) -> f64 {
    life.idle as f64 / MEGA
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

/// Replaces what stands between the markers.
pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    let page = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let page = replaced(&page, text).with_context(|| format!("{} has lost its markers", path.display()))?;
    fs::write(path, page).with_context(|| format!("cannot write {}", path.display()))
}

fn replaced(page: &str, text: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", text.trim()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn life(cpu: f64) -> Life {
        let sample = || Sample { cpu, requests_per_second: 1e6 / cpu, p50: 0.5, p99: 1.0 };
        let samples = ENDPOINTS.map(|_| sample()).into();
        Life { first_reply: Duration::from_millis(5), idle: 12_000_000, loaded: 15_000_000, samples }
    }

    #[test]
    fn ratios_are_taken_within_pairs_and_judged_by_their_median() {
        let pairs = [[life(8.0), life(10.0)], [life(20.0), life(20.0)], [life(9.0), life(10.0)]];
        let row = Row::of(&pairs, |life| efficiency(&life.samples[0]));
        assert_eq!(row.ratio, Spread::of([0.8, 1.0, 0.9]));
        let steady = |value| Spread::of([value]);
        let table = Table { small: steady(50.0), large: steady(70.0), ratio: steady(1.4) };
        let text = targets(&pairs, &table);
        assert!(text.contains("0.90 (0.80–1.00) | met"), "{text}");
        assert!(text.contains("1.40 (1.40–1.40) | **missed**"), "{text}");
    }

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let page = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        assert_eq!(replaced(&page, "new\n").unwrap(), format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"));
        assert_eq!(replaced("no markers", "new"), None);
    }
}
