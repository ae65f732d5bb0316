//! The measurements: pairs of baseline and candidate, one right after the other, so that what else happens on the
//! machine meets both.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::ENDPOINTS;
use super::load::{Load, wrk};
use super::server::Server;

/// Seconds of load before each measurement.
pub(super) const WARM_UP: u64 = 2;

/// How long a server is left alone before its idle memory is read.
const SETTLE: Duration = Duration::from_millis(500);

/// Between two looks at the memory of a loaded server.
const LOOK: Duration = Duration::from_millis(200);

/// One measurement of one endpoint.
pub(super) struct Sample {
    /// Microseconds of computing for one request, in user and kernel mode.
    pub(super) cpu: f64,
    pub(super) load: Load,
}

/// One server, from its start to its end.
pub(super) struct Life {
    pub(super) first_reply: Duration,
    /// Bytes.
    pub(super) idle: u64,
    /// Bytes, at most.
    pub(super) loaded: u64,
    /// In the order of [`ENDPOINTS`].
    pub(super) samples: Vec<Sample>,
}

/// Baseline and candidate, started together and loaded in turns.
pub(super) type Pair = [Life; 2];

/// Measures so many pairs. Every other pair begins with the candidate.
pub(super) fn pairs(programs: &[PathBuf; 2], seconds: u64, count: u64) -> Result<Vec<Pair>> {
    (0..count).map(|number| pair(programs, seconds, number, count)).collect()
}

fn pair(programs: &[PathBuf; 2], seconds: u64, number: u64, count: u64) -> Result<Pair> {
    let order = if number.is_multiple_of(2) { [0, 1] } else { [1, 0] };
    let [mut baseline, mut candidate] = [start(&programs[0])?, start(&programs[1])?];
    for (name, path) in ENDPOINTS {
        for side in order {
            let (server, life) = if side == 0 { &mut baseline } else { &mut candidate };
            let sample = sample(server, life, path, seconds)?;
            let side = ["baseline", "candidate"][side];
            println!("{}/{count} {name}, {side}: {:.2} µs of CPU a request", number + 1, sample.cpu);
            life.samples.push(sample);
        }
    }
    Ok([baseline.1, candidate.1])
}

fn start(program: &Path) -> Result<(Server, Life)> {
    let server = Server::start(program, ENDPOINTS[0].1)?;
    thread::sleep(SETTLE);
    let life =
        Life { first_reply: server.first_reply(), idle: server.resident()?, loaded: 0, samples: Vec::new() };
    Ok((server, life))
}

fn sample(server: &Server, life: &mut Life, path: &str, seconds: u64) -> Result<Sample> {
    let url = server.url(path);
    wrk(&url, WARM_UP)?;
    let before = server.cpu_seconds()?;
    let load = thread::scope(|scope| {
        let running = scope.spawn(|| wrk(&url, seconds));
        while !running.is_finished() {
            life.loaded = life.loaded.max(server.resident()?);
            thread::sleep(LOOK);
        }
        running.join().expect("reading what wrk prints does not panic")
    })?;
    let computed = server.cpu_seconds()? - before;
    Ok(Sample { cpu: computed * 1e6 / load.requests as f64, load })
}
