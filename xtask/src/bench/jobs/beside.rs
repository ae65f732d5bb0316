//! What reads feel of a queue that is worked on as fast as it goes, and what one costs that nobody uses.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::super::database::ROWS;
use super::super::database::lab::Lab;
use super::super::database::paced::{Latency, Paced};
use super::super::server::Server;
use super::{Found, Targets, over, row};

const RATE: u32 = 5_000;
const CONNECTIONS: u32 = 16;

/// In latencies of reads with nothing beside them.
const MOST_P99: f64 = 2.0;

/// CPU of a server whose queue is empty: ms a second.
const MOST_IDLE: f64 = 2.0;

/// Between the start of what is beside and the first read, and after the last before it ends.
const SETTLE: Duration = Duration::from_millis(200);

/// What goes on beside the reads: its name, and how the server calls it.
const CASES: [(&str, Option<&str>); 4] = [
    ("alone", None),
    ("beside jobs, enqueued 100 to a write by 4 tasks of the server, and run", Some("bulk")),
    ("beside jobs, enqueued one to a write by 64 tasks of the server, and run", Some("single")),
    // Last, because the others count what waits by what they enqueue.
    ("beside jobs of a queue that was filled before, and is worked off", Some(STAND)),
];

/// Of [`CASES`]: nothing is enqueued meanwhile.
const STAND: &str = "stand";

/// Jobs that are there then, for each second: more than can be run.
const STOCK: u64 = 40_000;

/// What one round found.
struct Round {
    /// For each case: the reads, and jobs run a second.
    cases: Vec<(Latency, f64)>,
    /// ms of CPU a second with no request and no job.
    idle: f64,
}

pub(super) fn measured(lab: &Lab<'_>, seconds: u64, rounds: u64) -> Result<Found> {
    let found: Vec<Round> =
        (1..=rounds).map(|round| one(lab, seconds, &format!("{round}/{rounds}"))).collect::<Result<_>>()?;
    let how = format!(
        "{RATE} reads of one row a second among {ROWS} rows, over {CONNECTIONS} connections; jobs that do nothing, 16 at \
         a time, at most 4,096 waiting, in the same server and the same file; rounds with fresh files: {rounds}, \
         {seconds} s for each line; as many server workers as Ketch takes by itself"
    );
    Ok(Found { how, tables: tables(&found) })
}

/// One round, with a fresh file.
fn one(lab: &Lab<'_>, seconds: u64, number: &str) -> Result<Round> {
    let file = lab.copy("beside")?;
    let mut command = lab.candidate(&file);
    command.env("BENCH_JOBS", "yes");
    let server = Server::launch(command)?;
    let reads = Paced { path: "/boats/%d", keys: ROWS, rate: RATE, connections: CONNECTIONS, seconds };
    Paced { seconds: 1, ..reads }.run(server.address())?;
    let mut cases = Vec::new();
    for (name, pace) in CASES {
        if pace == Some(STAND) {
            let rows = STOCK * (seconds + 3);
            let reply = server.exchange("POST", &format!("/toils/fill?rows={rows}"), "", None)?;
            ensure!(reply.starts_with("HTTP/1.1 200 "), "the queue was not filled:\n{reply}");
            // The log of so large a write is copied.
            thread::sleep(Duration::from_millis(1_500));
        }
        let (latency, jobs) = thread::scope(|scope| {
            let noise = scope.spawn(|| noise(&server, pace, seconds));
            thread::sleep(SETTLE);
            let latency = reads.run(server.address());
            let jobs = noise.join().expect("what is beside does not panic");
            Ok::<_, anyhow::Error>((latency?, jobs?))
        })?;
        let Latency { p50, p99, most } = latency;
        println!("{number} {name}: p50 {p50:.3}, p99 {p99:.3}, max {most:.2} ms; {jobs:.0} jobs/s");
        cases.push((latency, jobs));
    }
    let idle = idle(&server, &file, seconds)?;
    println!("{number} idle: {idle:.2} ms of CPU a second");
    Ok(Round { cases, idle })
}

/// Keeps the queue busy a little longer than the reads last; how many jobs were run a second.
fn noise(server: &Server, pace: Option<&str>, seconds: u64) -> Result<f64> {
    let Some(pace) = pace else { return Ok(0.0) };
    let time = Duration::from_secs(seconds) + 3 * SETTLE;
    let path = format!("/toils/{pace}?millis={}", time.as_millis());
    let reply = server.exchange("POST", &path, "", None)?;
    ensure!(reply.starts_with("HTTP/1.1 200 "), "{path} was answered with:\n{reply}");
    let (_, body) = reply.split_once("\r\n\r\n").context("a reply has a body")?;
    let [_enqueued, run] = super::numbers(body)?;
    Ok(run / time.as_secs_f64())
}

/// ms of CPU a second of a server that is asked nothing. It writes nothing then.
fn idle(server: &Server, file: &Path, seconds: u64) -> Result<f64> {
    // The last jobs are run, and the log that they left is emptied.
    thread::sleep(Duration::from_secs(4));
    let log = file.with_extension("db-wal");
    let written =
        || Ok::<_, anyhow::Error>((fs::metadata(&log)?.modified()?, fs::metadata(file)?.modified()?));
    let (before, began, cpu) = (written()?, Instant::now(), server.threads_seconds()?);
    thread::sleep(Duration::from_secs(seconds.max(5)));
    let used = (server.threads_seconds()? - cpu) * 1e3 / began.elapsed().as_secs_f64();
    ensure!(before == written()?, "a server whose queue is empty has written to {}", file.display());
    Ok(used)
}

fn tables(rounds: &[Round]) -> String {
    let mut out = String::from(
        "| reads | p50, ms | p99, ms | max, ms | p99 / alone | jobs/s |\n|---|---|---|---|---|---|\n",
    );
    let mut targets = Targets::default();
    for (at, (name, pace)) in CASES.iter().enumerate() {
        let of = |value: fn(&Latency) -> f64| over(rounds, |round| value(&round.cases[at].0));
        let [p50, p99] = [of(|it| it.p50), of(|it| it.p99)].map(|it| it.shown(3));
        let most = of(|it| it.most).shown(2);
        let ratio = over(rounds, |round| round.cases[at].0.p99 / round.cases[0].0.p99);
        let jobs = over(rounds, |round| round.cases[at].1).shown(0);
        if pace.is_some() {
            row(&mut out, &[name, &p50, &p99, &most, &ratio.shown(2), &jobs]);
            targets.most(&format!("{name}: p99 / alone"), &ratio, MOST_P99);
        } else {
            row(&mut out, &[name, &p50, &p99, &most, "", ""]);
        }
    }
    let idle = over(rounds, |round| round.idle);
    targets.most("CPU of a server whose queue is empty, ms a second", &idle, MOST_IDLE);
    out + &targets.shown()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_beside_jobs_are_judged_within_rounds() {
        let reads = |p99| (Latency { p50: 0.1, p99, most: 9.0 }, 20_000.0);
        let round = |alone, beside| Round {
            cases: vec![reads(alone), reads(beside), reads(beside * 2.0), reads(beside / 2.0)],
            idle: 0.5,
        };
        let text = tables(&[round(1.0, 1.5), round(2.0, 3.0), round(1.0, 8.0)]);
        assert!(
            text.contains("by 4 tasks of the server, and run: p99 / alone ≤ 2.0 | 1.50 (1.50–8.00) | met |"),
            "{text}"
        );
        assert!(
            text.contains(
                "by 64 tasks of the server, and run: p99 / alone ≤ 2.0 | 3.00 (3.00–16.00) | **missed** |"
            ),
            "{text}"
        );
        assert!(text.contains("ms a second ≤ 2.0 | 0.50 (0.50–0.50) | met |"), "{text}");
    }
}
