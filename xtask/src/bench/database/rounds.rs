//! The measurements of a group: all sides at a time, each loaded a second in turn, in rounds with fresh files.

use std::path::PathBuf;

use anyhow::Result;

use super::super::load::{Aim, wrk};
use super::super::measure::{Sample, slice};
use super::super::server::Server;
use super::super::spread::Spread;
use super::Group;
use super::lab::Lab;

/// Seconds of load before a side is measured.
pub(super) const WARM_UP: u64 = 1;

/// What one round found.
pub(super) struct Round {
    /// For each case of the group its sides.
    pub(super) samples: Vec<Vec<Sample>>,
    /// How many a second, in the median of the slices.
    pub(super) direct: Vec<f64>,
}

pub(super) fn measure(lab: &Lab<'_>, group: &Group, seconds: u64, rounds: u64) -> Result<Vec<Round>> {
    (1..=rounds).map(|round| one(lab, group, seconds, &format!("{round}/{rounds}"))).collect()
}

fn one(lab: &Lab<'_>, group: &Group, seconds: u64, number: &str) -> Result<Round> {
    let sides = group.sides.iter().enumerate();
    let servers: Vec<Server> =
        sides.map(|(number, side)| lab.start(side, number, group.workers)).collect::<Result<_>>()?;
    let direct = (0..group.direct.len()).map(|number| lab.copy(&format!("direct-{number}")));
    let direct: Vec<PathBuf> = direct.collect::<Result<_>>()?;
    let (mut samples, mut rates) = (Vec::new(), vec![Vec::new(); direct.len()]);
    for (at, case) in group.cases.iter().enumerate() {
        for (side, server) in group.sides.iter().zip(&servers) {
            wrk(server, &Aim::from(&side.asked(case.what)), case.connections, WARM_UP)?;
        }
        let mut slices: Vec<_> = servers.iter().map(|_| Vec::new()).collect();
        for second in 0..seconds {
            for side in turn(servers.len(), second) {
                let aim = Aim::from(&group.sides[side].asked(case.what));
                slices[side].push(slice(&servers[side], &aim, case.connections, 1)?);
            }
            // What is done directly takes its turns with the first case, with which it is compared.
            for number in turn(if at == 0 { direct.len() } else { 0 }, second) {
                rates[number].push(group.direct[number].slice(lab, &direct[number])?);
            }
        }
        let found: Vec<Sample> = slices.iter().map(|slices| Sample::of(slices)).collect();
        let shown: Vec<_> = found.iter().map(|sample| format!("{:.0}", sample.requests_per_second)).collect();
        println!("{number} {}: {} requests/s", case.name(), shown.join(", "));
        samples.push(found);
    }
    Ok(Round { samples, direct: rates.into_iter().map(|rates| Spread::of(rates).median()).collect() })
}

/// Every other turn goes backwards, so that no side is always the first.
fn turn(sides: usize, number: u64) -> Vec<usize> {
    if number.is_multiple_of(2) { (0..sides).collect() } else { (0..sides).rev().collect() }
}

/// One figure of one case and side, over all rounds.
pub(super) fn figure(rounds: &[Round], case: usize, side: usize, value: fn(&Sample) -> f64) -> Spread {
    Spread::of(rounds.iter().map(|round| value(&round.samples[case][side])))
}

/// The first side to another, within rounds.
pub(super) fn ratio(rounds: &[Round], case: usize, side: usize, value: fn(&Sample) -> f64) -> Spread {
    Spread::of(rounds.iter().map(|round| {
        let samples = &round.samples[case];
        value(&samples[0]) / value(&samples[side])
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_side_is_always_the_first() {
        assert_eq!(turn(3, 0), [0, 1, 2]);
        assert_eq!(turn(3, 1), [2, 1, 0]);
    }
}
