//! How long reads take at a fixed rate while something else goes on in the same database.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::super::load::{Aim, wrk};
use super::super::machine::{self, Circumstances};
use super::super::server::Server;
use super::super::spread::Spread;
use super::super::tell;
use super::lab::Lab;
use super::paced::{Latency, Paced};
use super::side::What;
use super::{KETCH, ROWS};

pub(super) const NAME: &str = "database-latency";

const RATE: u32 = 5_000;
const CONNECTIONS: u32 = 16;

/// In latencies of reads with nothing beside them.
const MOST_P99: f64 = 2.0;
/// Milliseconds.
const MOST: f64 = 50.0;

/// How long the long ones take.
const LONG: Duration = Duration::from_secs(2);

/// Clients that keep the writer busy, and how many rows each of their writes has.
const WRITERS: usize = 4;
const BULK: u32 = 500;

/// Connections of inserts that keep the whole machine busy.
const INSERTERS: u32 = 64;

/// Between the start of what is beside and the first read.
const SETTLE: Duration = Duration::from_millis(200);

/// What goes on beside the reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    Writer,
    LongWrite,
    LongQuery,
    /// Not judged: on two cores it leaves none for whoever measures.
    Inserts,
}

const ALL: [Beside; 5] =
    [Beside::Nothing, Beside::Writer, Beside::LongWrite, Beside::LongQuery, Beside::Inserts];

impl Beside {
    fn name(self) -> String {
        match self {
            Self::Nothing => "alone".to_owned(),
            Self::Writer => {
                format!("beside a writer with no pause: {WRITERS} clients, {BULK} rows in each write")
            }
            Self::LongWrite => "beside write transactions of 2 s, one after the other".to_owned(),
            Self::LongQuery => "beside queries of 2 s, one after the other".to_owned(),
            Self::Inserts => format!("beside {INSERTERS} connections of inserts, which take all cores"),
        }
    }

    fn judged(self) -> bool {
        !matches!(self, Self::Nothing | Self::Inserts)
    }

    /// Goes on until it is told to stop.
    fn go_on(self, server: &Server, steps: u64, stop: &AtomicBool, seconds: u64) -> Result<()> {
        let long = LONG.as_millis();
        match self {
            Self::Nothing => Ok(()),
            Self::Writer => {
                let path = format!("/trials/write?rows={BULK}");
                let client = || again(server, "POST", &path, stop);
                thread::scope(|scope| {
                    let clients: Vec<_> = (0..WRITERS).map(|_| scope.spawn(client)).collect();
                    let mut done = clients.into_iter().map(|it| it.join().expect("a client does not panic"));
                    done.try_for_each(|done| done)
                })
            }
            Self::LongWrite => again(server, "POST", &format!("/trials/write-long?millis={long}"), stop),
            Self::LongQuery => again(server, "GET", &format!("/trials/query-long?steps={steps}"), stop),
            Self::Inserts => {
                wrk(server, &Aim::from(&KETCH.asked(What::Insert)), INSERTERS, seconds + 1).map(drop)
            }
        }
    }
}

/// Asks again and again.
fn again(server: &Server, method: &str, path: &str, stop: &AtomicBool) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        let reply = server.exchange(method, path, "", None)?;
        ensure!(reply.starts_with("HTTP/1.1 200 "), "{path} was answered with:\n{reply}");
    }
    Ok(())
}

pub(super) fn measured(lab: &Lab<'_>, seconds: u64, rounds: u64) -> Result<()> {
    let before = machine::load()?;
    // A long one has room in it.
    let seconds = seconds.max(3);
    let found: Vec<Vec<Latency>> =
        (1..=rounds).map(|round| one(lab, seconds, &format!("{round}/{rounds}"))).collect::<Result<_>>()?;
    let circumstances = machine::circumstances(lab.workspace, (seconds, rounds), before)?;
    tell(lab.workspace, NAME, &text(&circumstances, &found))
}

/// One round, with a fresh file: a latency for each of [`ALL`].
fn one(lab: &Lab<'_>, seconds: u64, number: &str) -> Result<Vec<Latency>> {
    let server = lab.start(&KETCH, 0, None)?;
    let reads = Paced { path: "/boats/%d", keys: ROWS, rate: RATE, connections: CONNECTIONS, seconds };
    Paced { seconds: 1, ..reads }.run(server.address())?;
    let steps = steps(&server)?;
    ALL.iter()
        .map(|beside| {
            let stop = AtomicBool::new(false);
            let latency = thread::scope(|scope| {
                let noise = scope.spawn(|| beside.go_on(&server, steps, &stop, seconds));
                thread::sleep(SETTLE);
                let latency = reads.run(server.address());
                stop.store(true, Ordering::Relaxed);
                noise.join().expect("what is beside does not panic")?;
                latency
            })?;
            let Latency { p50, p99, most } = latency;
            println!("{number} {}: p50 {p50:.3}, p99 {p99:.3}, max {most:.2} ms", beside.name());
            Ok(latency)
        })
        .collect()
}

/// Up to which number a query counts that takes as long as [`LONG`] here.
fn steps(server: &Server) -> Result<u64> {
    let (tried, started) = (1_000_000_u32, Instant::now());
    let path = format!("/trials/query-long?steps={tried}");
    let reply = server.exchange("GET", &path, "", None)?;
    ensure!(reply.ends_with(&tried.to_string()), "{path} was answered with:\n{reply}");
    Ok((f64::from(tried) * LONG.as_secs_f64() / started.elapsed().as_secs_f64()) as u64)
}

fn text(circumstances: &Circumstances, rounds: &[Vec<Latency>]) -> String {
    let Circumstances { seconds, pairs, .. } = circumstances;
    let mut out = circumstances.shown(&format!(
        "{RATE} reads of one row a second among {ROWS} rows, over {CONNECTIONS} connections; rounds with fresh files: \
         {pairs}, {seconds} s for each line; as many server workers as Ketch takes by itself"
    ));
    out += "| reads | p50, ms | p99, ms | max, ms | p99 / alone |\n|---|---|---|---|---|\n";
    let mut targets = String::from("\n| target | measured | |\n|---|---|---|\n");
    for (at, beside) in ALL.iter().enumerate() {
        let name = beside.name();
        let of = |value: fn(&Latency) -> f64| Spread::of(rounds.iter().map(|round| value(&round[at])));
        let (p50, p99, most) = (of(|it| it.p50), of(|it| it.p99), of(|it| it.most));
        let ratio = Spread::of(rounds.iter().map(|round| round[at].p99 / round[0].p99));
        let beside_alone = if at == 0 { String::new() } else { ratio.shown(2) };
        let (p50, p99, shown) = (p50.shown(3), p99.shown(3), most.shown(2));
        writeln!(out, "| {name} | {p50} | {p99} | {shown} | {beside_alone} |")
            .expect("a String takes every write");
        if beside.judged() {
            let met = |met: bool| if met { "met" } else { "**missed**" };
            let (good, quick) = (met(ratio.median() <= MOST_P99), met(most.most() <= MOST));
            writeln!(targets, "| {name}: p99 ≤ {MOST_P99:.1} of alone | {} | {good} |", ratio.shown(2))
                .and_then(|()| {
                    writeln!(targets, "| {name}: max of all rounds ≤ {MOST} ms | {shown} | {quick} |")
                })
                .expect("a String takes every write");
        }
    }
    out + &targets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::database::tests::circumstances;

    #[test]
    fn the_p99_is_judged_by_the_median_and_the_maximum_by_the_worst_round() {
        let round = |p99, most| {
            let beside = Latency { p50: 0.1, p99, most };
            let mut round = vec![Latency { p50: 0.1, p99: 1.0, most: 1.0 }];
            round.extend((1..ALL.len()).map(|_| beside));
            round
        };
        let text = text(&circumstances(), &[round(1.5, 9.0), round(5.0, 60.0), round(1.8, 10.0)]);
        assert!(text.contains("one after the other: p99 ≤ 2.0 of alone | 1.80 (1.50–5.00) | met"), "{text}");
        assert!(text.contains("max of all rounds ≤ 50 ms | 10.00 (9.00–60.00) | **missed**"), "{text}");
        assert!(!text.contains("which take all cores: p99"), "{text}");
    }
}
