//! Controllers that are programs: as a process for each call, and as workers. The same files of the candidate, asked over HTTP.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::load::{Aim, wrk};
use super::server::{Server, WORKERS};
use super::spread::Spread;
use super::{Ask, Options, machine, tell};
use crate::command;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// The name of the group, as `--only` takes it.
pub(super) const NAME: &str = "manifest-exec";

/// Requests at a time: more than there are workers, fewer than may wait.
const CONNECTIONS: u32 = 8;

/// How many calls of a worker there are at least for one of a process.
const LEAST: f64 = 100.0;

/// Languages: what they are called, their interpreter, and what makes that say where it is.
const LANGUAGES: [(&str, &str, &str, &str); 2] = [
    ("Python", "python3", "-c", "import sys; print(sys.executable)"),
    ("Node", "node", "-p", "process.execPath"),
];

/// Requests a second of a language: oneshot, worker.
type Pair = [f64; 2];

pub(super) fn run(workspace: &Workspace, steps: &mut Steps, options: &Options, program: &Path) -> Result<()> {
    if !options.wants(NAME) {
        return Ok(());
    }
    let (seconds, rounds) = (options.seconds.unwrap_or(4), options.pairs.unwrap_or(3));
    steps.run(NAME, || {
        let before = machine::load()?;
        let found: Vec<[Pair; 2]> =
            (1..=rounds).map(|round| one(workspace, program, seconds, round, rounds)).collect::<Result<_>>()?;
        let circumstances = machine::circumstances(workspace, (seconds, rounds), before)?;
        let how = format!(
            "One program a language, with its kit: a name in, a JSON object out; {CONNECTIONS} connections, a server with \
             {WORKERS} thread, pools of two workers, as many processes at a time as come; a server for each round, whose \
             four endpoints are asked in turn; rounds: {rounds}, {seconds} s for each, after a warm-up of 1 s"
        );
        tell(workspace, NAME, &(circumstances.shown(&how) + &tables(&found)))
    })
}

fn one(workspace: &Workspace, program: &Path, seconds: u64, round: u64, rounds: u64) -> Result<[Pair; 2]> {
    let mut launch = command::program(program, &workspace.root);
    launch.env("TOKIO_WORKER_THREADS", WORKERS.to_string());
    launch.env("BENCH_PROGRAMS", workspace.root.join("benches/candidate/programs"));
    launch.env("PATH", interpreters(workspace)?);
    let server = Server::launch(launch)?;
    let mut found = [[0.0; 2]; 2];
    for ((name, ..), pair) in LANGUAGES.iter().zip(&mut found) {
        for (mode, rate) in ["oneshot", "worker"].iter().zip(pair) {
            let path = format!("/programs/{}/{mode}?name=ada", name.to_lowercase());
            let path: &'static str = path.leak();
            let ask = Ask { name: mode, path, body: None };
            wrk(&server, &Aim::from(&ask), CONNECTIONS, 1)?;
            *rate = wrk(&server, &Aim::from(&ask), CONNECTIONS, seconds)?.requests_per_second;
            println!("{round}/{rounds} {name}, {mode}: {rate:.0} a second");
        }
    }
    server.end()?;
    Ok(found)
}

/// The path with the interpreters themselves first: what stands before them on a developer's machine takes time of its own.
fn interpreters(workspace: &Workspace) -> Result<std::ffi::OsString> {
    let mut folders = Vec::new();
    for (_, program, option, question) in LANGUAGES {
        let told = command::output(command::program(program, &workspace.root).args([option, question]))?;
        let path = PathBuf::from(told.trim());
        folders.push(path.parent().with_context(|| format!("{program} is nowhere"))?.to_owned());
    }
    folders.extend(["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from));
    Ok(std::env::join_paths(folders)?)
}

fn tables(found: &[[Pair; 2]]) -> String {
    let mut out =
        "| program | oneshot, calls/s | worker, calls/s | worker / oneshot |\n|---|---|---|---|\n".to_owned();
    let mut targets = "\n| target | measured | |\n|---|---|---|\n".to_owned();
    for (at, (name, ..)) in LANGUAGES.iter().enumerate() {
        let of = |value: fn(&Pair) -> f64| Spread::of(found.iter().map(|round| value(&round[at])));
        let ratio = of(|[oneshot, worker]| worker / oneshot);
        let (oneshot, worker) = (of(|pair| pair[0]).shown(0), of(|pair| pair[1]).shown(0));
        writeln!(out, "| {name} | {oneshot} | {worker} | {} |", ratio.shown(0))
            .expect("a String takes everything");
        let met = if ratio.median() >= LEAST { "met" } else { "**missed**" };
        writeln!(targets, "| {name}: worker / oneshot ≥ {LEAST:.0} | {} | {met} |", ratio.shown(0))
            .expect("a String takes everything");
    }
    out + &targets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missed_says_so() {
        let text = tables(&[[[10.0, 2_000.0], [10.0, 500.0]]]);
        assert!(text.contains("| Python: worker / oneshot ≥ 100 | 200 (200–200) | met |"), "{text}");
        assert!(text.contains("| Node: worker / oneshot ≥ 100 | 50 (50–50) | **missed** |"), "{text}");
    }
}
