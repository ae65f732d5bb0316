//! The measurements: pairs of baseline and candidate, in slices of a second that take turns, so that what else happens
//! on the machine, and on the machine around a virtual one, meets both.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::ENDPOINTS;
use super::load::{Aim, CONNECTIONS, Load, wrk};
use super::server::Server;
use super::spread::Spread;

/// Seconds of load before an endpoint is measured.
pub(super) const WARM_UP: u64 = 2;

/// How long a server is left alone before its idle memory is read.
const SETTLE: Duration = Duration::from_millis(500);

/// Between two looks at the memory of a loaded server.
const LOOK: Duration = Duration::from_millis(100);

/// Connections of the crowd that memory is measured with, in all; wrk's descriptors must not run out.
pub(super) const CROWD: u32 = 1_000;

/// Seconds that the crowd stays.
const CROWD_TIME: u64 = 3;

/// One endpoint of one server, measured in slices of a second.
pub(super) struct Sample {
    /// Microseconds of computing for one request, in user and kernel mode, over all slices.
    pub(super) cpu: f64,
    pub(super) requests_per_second: f64,
    /// Milliseconds, in the median of the slices.
    pub(super) p50: f64,
    /// Milliseconds, in the median of the slices.
    pub(super) p99: f64,
}

/// One server, from its start to its end.
pub(super) struct Life {
    pub(super) first_reply: Duration,
    /// Bytes.
    pub(super) idle: u64,
    /// Bytes, at most, while the endpoints were measured.
    pub(super) loaded: u64,
    /// Bytes, at most, with [`CROWD`] connections.
    pub(super) crowded: u64,
    /// In the order of [`ENDPOINTS`].
    pub(super) samples: Vec<Sample>,
}

/// Baseline and candidate, started together.
pub(super) type Pair = [Life; 2];

/// Measures so many pairs.
pub(super) fn pairs(programs: &[PathBuf; 2], seconds: u64, count: u64) -> Result<Vec<Pair>> {
    (1..=count).map(|number| pair(programs, seconds, &format!("{number}/{count}"))).collect()
}

fn pair(programs: &[PathBuf; 2], seconds: u64, number: &str) -> Result<Pair> {
    let mut sides = [start(&programs[0])?, start(&programs[1])?];
    for ask in &ENDPOINTS {
        let (name, aim) = (ask.name, Aim::from(ask));
        let mut slices = [Vec::new(), Vec::new()];
        for (server, _) in &sides {
            wrk(server, &aim, CONNECTIONS, WARM_UP)?;
        }
        for second in 0..seconds {
            // Every other slice begins with the candidate.
            for side in if second.is_multiple_of(2) { [0, 1] } else { [1, 0] } {
                let (server, life) = &mut sides[side];
                let slice = slice(server, &aim, CONNECTIONS, 1)?;
                life.loaded = life.loaded.max(slice.resident);
                slices[side].push(slice);
            }
        }
        let samples = slices.map(|slices| Sample::of(&slices));
        println!("{number} {name}: {:.2} and {:.2} µs of CPU a request", samples[0].cpu, samples[1].cpu);
        for ((_, life), sample) in sides.iter_mut().zip(samples) {
            life.samples.push(sample);
        }
    }
    for (server, life) in &mut sides {
        life.crowded = slice(server, &Aim::from(&ENDPOINTS[0]), CROWD, CROWD_TIME)?.resident;
    }
    Ok(sides.map(|(_, life)| life))
}

fn start(program: &Path) -> Result<(Server, Life)> {
    let server = Server::start(program, &ENDPOINTS[0])?;
    thread::sleep(SETTLE);
    let (first_reply, idle) = (server.first_reply(), server.resident()?);
    Ok((server, Life { first_reply, idle, loaded: 0, crowded: 0, samples: Vec::new() }))
}

/// Some time of load.
pub(super) struct Slice {
    /// Seconds that the server computed.
    pub(super) computed: f64,
    /// Bytes, at most.
    pub(super) resident: u64,
    pub(super) load: Load,
}

/// Loads a server and looks at its process meanwhile.
pub(super) fn slice(server: &Server, aim: &Aim, connections: u32, seconds: u64) -> Result<Slice> {
    let (before, mut resident) = (server.cpu_seconds()?, 0);
    let load = thread::scope(|scope| {
        let running = scope.spawn(|| wrk(server, aim, connections, seconds));
        while !running.is_finished() {
            resident = server.resident()?.max(resident);
            thread::sleep(LOOK);
        }
        running.join().expect("reading what wrk prints does not panic")
    })?;
    Ok(Slice { computed: server.cpu_seconds()? - before, resident, load })
}

impl Sample {
    pub(super) fn of(slices: &[Slice]) -> Self {
        let computed: f64 = slices.iter().map(|slice| slice.computed).sum();
        let requests: f64 = slices.iter().map(|slice| slice.load.requests as f64).sum();
        let median =
            |value: fn(&Load) -> f64| Spread::of(slices.iter().map(|slice| value(&slice.load))).median();
        Self {
            cpu: computed * 1e6 / requests,
            requests_per_second: median(|load| load.requests_per_second),
            p50: median(|load| load.p50),
            p99: median(|load| load.p99),
        }
    }

    /// Requests for each second of computing.
    pub(super) fn efficiency(&self) -> f64 {
        1e6 / self.cpu
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_weigh_as_much_as_the_requests_in_them() {
        let slice = |computed, requests, p99| {
            let load = Load { requests, requests_per_second: requests as f64, p50: 0.1, p99 };
            Slice { computed, resident: 0, load }
        };
        let sample = Sample::of(&[slice(0.9, 90_000, 1.0), slice(0.3, 10_000, 9.0), slice(0.3, 50_000, 2.0)]);
        assert!((sample.cpu - 10.0).abs() < 1e-9, "{}", sample.cpu);
        assert_eq!((sample.requests_per_second, sample.p50, sample.p99), (50_000.0, 0.1, 2.0));
    }
}
