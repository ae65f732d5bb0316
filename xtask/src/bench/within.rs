//! The candidate beside itself: what one way to write an endpoint costs next to another, in one process and in slices
//! that take turns.

use std::path::Path;

use anyhow::Result;

use super::Ask;
use super::load::{Aim, CONNECTIONS, wrk};
use super::measure::{Sample, WARM_UP, slice};
use super::server::Server;
use super::spread::Spread;

/// Two endpoints of the candidate, and how the first is to compare with the second.
pub(super) struct Comparison {
    pub(super) first: Ask,
    pub(super) second: Ask,
    pub(super) connections: u32,
    pub(super) measure: Measure,
    /// The least that the ratio of first to second may be; none when it is only shown.
    pub(super) least: Option<f64>,
}

/// What is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// Requests for each second of computing.
    Efficiency,
    /// Requests a second, at this number of connections: for endpoints that wait.
    Throughput,
}

/// All of them.
pub(super) const COMPARISONS: &[Comparison] = &[
    Comparison::of(PLAIN_FN, TEXT).at_least(0.4),
    Comparison::of(PLAIN_FN, TEXT).by_throughput(CONNECTIONS).at_least(0.4),
    Comparison::of(CACHED, TEXT).at_least(0.88),
    Comparison::of(CACHED, SLOW).by_throughput(8).at_least(20.0),
    Comparison::of(LIMITED, TEXT),
];

const TEXT: Ask = Ask { name: "`async fn`", path: "/plain/text/ada?times=3", body: None };
const PLAIN_FN: Ask = Ask { name: "`fn`", path: "/plain/blocking/ada?times=3", body: None };
const LIMITED: Ask = Ask { name: "rate limit", path: "/plain/limited/ada?times=3", body: None };
const CACHED: Ask = Ask { name: "cached", path: "/slow/cached/ada?times=3", body: None };
const SLOW: Ask = Ask { name: "5 ms of waiting, not cached", path: "/slow/text/ada?times=3", body: None };

impl Comparison {
    const fn of(first: Ask, second: Ask) -> Self {
        Self { first, second, connections: CONNECTIONS, measure: Measure::Efficiency, least: None }
    }

    const fn by_throughput(self, connections: u32) -> Self {
        Self { connections, measure: Measure::Throughput, ..self }
    }

    const fn at_least(self, ratio: f64) -> Self {
        Self { least: Some(ratio), ..self }
    }

    /// Both names, as the tables say them.
    pub(super) fn names(&self) -> String {
        format!("{} beside {}", self.first.name, self.second.name)
    }
}

/// What came of one comparison, over all rounds.
pub(super) struct Compared {
    pub(super) first: Spread,
    pub(super) second: Spread,
    /// First to second, of the same round.
    pub(super) ratio: Spread,
}

/// Measures each comparison so many rounds; in the order of [`COMPARISONS`].
pub(super) fn measure(program: &Path, seconds: u64, rounds: u64) -> Result<Vec<Compared>> {
    COMPARISONS.iter().map(|comparison| one(program, comparison, seconds, rounds)).collect()
}

fn one(program: &Path, comparison: &Comparison, seconds: u64, rounds: u64) -> Result<Compared> {
    let asks = [&comparison.first, &comparison.second];
    let (mut pairs, server) = (Vec::new(), Server::start(program, asks[0])?);
    let aims = asks.map(Aim::from);
    for aim in &aims {
        wrk(&server, aim, comparison.connections, WARM_UP)?;
    }
    for _ in 0..rounds {
        let mut slices = [Vec::new(), Vec::new()];
        for second in 0..seconds {
            // Every other slice begins with the second.
            for side in if second.is_multiple_of(2) { [0, 1] } else { [1, 0] } {
                slices[side].push(slice(&server, &aims[side], comparison.connections, 1)?);
            }
        }
        pairs.push(slices.map(|slices| comparison.measure.of(&Sample::of(&slices))));
    }
    let compared = Compared::of(&pairs);
    println!("{} beside {}: {}", asks[0].name, asks[1].name, compared.ratio.shown(2));
    Ok(compared)
}

impl Measure {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Efficiency => "requests per CPU second",
            Self::Throughput => "requests/s",
        }
    }

    fn of(self, sample: &Sample) -> f64 {
        match self {
            Self::Efficiency => sample.efficiency(),
            Self::Throughput => sample.requests_per_second,
        }
    }
}

impl Compared {
    fn of(pairs: &[[f64; 2]]) -> Self {
        Self {
            first: Spread::of(pairs.iter().map(|[first, _]| *first)),
            second: Spread::of(pairs.iter().map(|[_, second]| *second)),
            ratio: Spread::of(pairs.iter().map(|[first, second]| first / second)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_within_rounds() {
        let compared = Compared::of(&[[50.0, 100.0], [90.0, 100.0], [60.0, 80.0]]);
        assert_eq!(compared.ratio, Spread::of([0.5, 0.75, 0.9]));
        assert_eq!((compared.first.median(), compared.second.median()), (60.0, 100.0));
    }
}
