//! A manifest of 500 endpoints that is loaded anew while it is asked: no request fails, and what that costs the others.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::load::{Aim, CONNECTIONS, Load, wrk};
use super::server::{Server, WORKERS};
use super::spread::Spread;
use super::{Ask, Options, machine, tell};
use crate::command;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// The name of the group, as `--only` takes it.
pub(super) const NAME: &str = "manifest-reload";

/// Endpoints of the manifest.
const ENDPOINTS: usize = 500;

/// From one reload to the next. One in five finds a manifest that cannot be loaded.
const EVERY: Duration = Duration::from_millis(250);

/// How long a reload may take until it is taken for lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// What one round found.
struct Round {
    before: Load,
    during: Load,
    /// Milliseconds from the signal until the new version answers, of each reload.
    times: Vec<f64>,
    refused: usize,
}

pub(super) fn run(workspace: &Workspace, steps: &mut Steps, options: &Options, program: &Path) -> Result<()> {
    if !options.wants(NAME) {
        return Ok(());
    }
    let (seconds, rounds) = (options.seconds.unwrap_or(4), options.pairs.unwrap_or(3));
    steps.run(NAME, || {
        let before = machine::load()?;
        let folder = workspace.target.join("bench-reload");
        let found: Vec<Round> =
            (1..=rounds).map(|round| one(&folder, program, seconds, (round, rounds))).collect::<Result<_>>()?;
        fs::remove_dir_all(&folder)?;
        let circumstances = machine::circumstances(workspace, (seconds, rounds), before)?;
        let how = format!(
            "A manifest of {ENDPOINTS} endpoints that a Rust function answers; {CONNECTIONS} connections ask one of them, of a \
             server with {WORKERS} thread; every {} ms the manifest is written anew and the server signalled, one in five \
             cannot be loaded; rounds: {rounds}, {seconds} s without reloads, then {seconds} s with them, after a warm-up of \
             1 s. The time of a reload is that from the signal until the new version answers, under load",
            EVERY.as_millis()
        );
        tell(workspace, NAME, &(circumstances.shown(&how) + &table(&found)))
    })
}

fn one(folder: &Path, program: &Path, seconds: u64, (round, rounds): (u64, u64)) -> Result<Round> {
    fs::create_dir_all(folder)?;
    write(folder, 0)?;
    let mut launch = command::program(program, folder);
    launch.args(["serve", "--no-watch"]).env("TOKIO_WORKER_THREADS", WORKERS.to_string());
    launch.env("BENCH_PROGRAMS", folder);
    let server = Server::launch(launch)?;
    let ask = Ask { name: "version", path: "/e7", body: None };
    wrk(&server, &Aim::from(&ask), CONNECTIONS, 1)?;
    let before = wrk(&server, &Aim::from(&ask), CONNECTIONS, seconds)?;
    let over = AtomicBool::new(false);
    let (during, reloaded) = thread::scope(|scope| {
        let reloads = scope.spawn(|| reload_until(&over, folder, &server, &ask));
        let during = wrk(&server, &Aim::from(&ask), CONNECTIONS, seconds);
        over.store(true, Ordering::Relaxed);
        (during, reloads.join())
    });
    // A reply that is no 2xx, or a broken connection, was an error of `wrk`.
    let during = during?;
    let (times, refused) = reloaded.map_err(|_| anyhow::anyhow!("the reloads panicked"))??;
    server.end()?;
    let (p99, median) = (during.p99 / before.p99, Spread::of(times.clone()).median());
    println!(
        "{round}/{rounds}: {} reloads, {refused} refused, {median:.0} ms each, p99 {p99:.2} times",
        times.len()
    );
    Ok(Round { before, during, times, refused })
}

/// Reloads until it is over; how long each took, and how many manifests could not be loaded.
fn reload_until(over: &AtomicBool, folder: &Path, server: &Server, ask: &Ask) -> Result<(Vec<f64>, usize)> {
    let (mut times, mut refused) = (Vec::new(), 0);
    for version in 1.. {
        let next = Instant::now() + EVERY;
        if version % 5 == 0 {
            fs::write(folder.join("api.json"), "{ \"/\": { \"e7\": [] } }")?;
            server.signal("HUP")?;
            refused += 1;
        } else {
            write(folder, version)?;
            let begun = Instant::now();
            server.signal("HUP")?;
            let wanted = format!("\"version\":{version}");
            while !server.ask(ask)?.contains(&wanted) {
                ensure!(begun.elapsed() < PATIENCE, "version {version} is not served after {PATIENCE:?}");
            }
            times.push(begun.elapsed().as_secs_f64() * 1_000.0);
        }
        thread::sleep(next.saturating_duration_since(Instant::now()));
        if over.load(Ordering::Relaxed) {
            return Ok((times, refused));
        }
    }
    unreachable!("versions do not end")
}

/// Writes a manifest whose endpoints answer with its version.
fn write(folder: &Path, version: u64) -> Result<()> {
    let mut api = String::from("{ \"/\": {");
    for endpoint in 0..ENDPOINTS {
        let comma = if endpoint == 0 { "" } else { "," };
        write!(
            api,
            "{comma}\n\"e{endpoint}\": {{ \"GET\": {{ \"info\": \"Says the version.\", \"run\": \"native:echo\", \"in\": {{ \
             \"GET@version\": {{ \"info\": \"the version\", \"type\": \"?int\", \"default\": {version} }} }}, \"out\": {{ \
             \"version\": {{ \"info\": \"the version\", \"type\": \"int\" }} }} }} }}"
        )
        .expect("a String takes everything");
    }
    let new: PathBuf = folder.join("api.json.new");
    fs::write(&new, api + "\n} }\n")?;
    fs::rename(&new, folder.join("api.json")).context("the manifest is replaced whole")
}

fn table(found: &[Round]) -> String {
    let of = |value: fn(&Round) -> f64| Spread::of(found.iter().map(value));
    let (times, refused): (Vec<f64>, usize) = (
        found.iter().flat_map(|round| round.times.clone()).collect(),
        found.iter().map(|round| round.refused).sum(),
    );
    let requests: u64 = found.iter().map(|round| round.during.requests).sum();
    let reloads = times.len();
    format!(
        "| what | without reloads | with reloads | ratio |\n|---|---|---|---|\n\
         | requests/s | {} | {} | {} |\n| p99, ms | {} | {} | {} |\n\n\
         A reload took {} ms.\n\n| target | measured | |\n|---|---|---|\n\
         | failed requests during reloads of {ENDPOINTS} endpoints: 0 | 0 of {requests}, {reloads} reloads, {refused} manifests \
         refused | met |\n",
        of(|it| it.before.requests_per_second).shown(0),
        of(|it| it.during.requests_per_second).shown(0),
        of(|it| it.during.requests_per_second / it.before.requests_per_second).shown(2),
        of(|it| it.before.p99).shown(2),
        of(|it| it.during.p99).shown(2),
        of(|it| it.during.p99 / it.before.p99).shown(2),
        Spread::of(times).shown(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_told_in_ratios() {
        let load = |requests_per_second, p99| Load { requests: 1_000, requests_per_second, p50: 1.0, p99 };
        let round =
            Round { before: load(100.0, 2.0), during: load(80.0, 3.0), times: vec![5.0, 7.0], refused: 1 };
        let text = table(&[round]);
        assert!(text.contains("| requests/s | 100 (100–100) | 80 (80–80) | 0.80 (0.80–0.80) |"), "{text}");
        assert!(text.contains("1.50 (1.50–1.50)"), "{text}");
        assert!(text.contains("0 of 1000, 2 reloads, 1 manifests refused | met"), "{text}");
    }
}
