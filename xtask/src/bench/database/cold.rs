//! What a file that does not fit into memory does to endpoints that need no database: the server runs in a control group
//! with little memory, and random rows are read that come from the disk.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::super::machine::{self, Circumstances};
use super::super::server::Server;
use super::super::spread::Spread;
use super::super::tell;
use super::lab::Lab;
use super::paced::{Latency, Paced};
use crate::command;

pub(super) const NAME: &str = "database-cold";

/// Bytes of memory for the server and its share of the page cache.
const CAP: u64 = 96 << 20;
/// Rows of the file, each of which fills a page of 4 KiB: four times the cap.
const ROWS: u32 = 98_304;

const RATE: u32 = 1_000;
/// Reads of random rows a second: enough to keep the disk busy, few enough to leave the processor alone.
const COLD_RATE: u32 = 2_000;
const READERS: u32 = 16;

/// In latencies with nothing beside them.
const MOST_P99: f64 = 2.0;

const TEXT: &str = "/plain/text/ada?times=3";

/// What one round found.
struct Found {
    alone: Latency,
    beside: Latency,
    cold: Latency,
    /// Megabytes that came from the disk in each second.
    disk: f64,
}

pub(super) fn measured(lab: &Lab<'_>, seconds: u64, rounds: u64) -> Result<()> {
    let group = match Memory::limited_to(CAP) {
        Ok(group) => group,
        Err(error) => {
            println!(
                "\nNOT MEASURED: {NAME}: no control group with little memory can be made here: {error:#}\n"
            );
            return Ok(());
        }
    };
    let folder = lab.folder.join("cold");
    super::lab::fresh(&folder)?;
    let file = folder.join("app.db");
    command::output(lab.direct().arg("freight").arg(&file).arg(ROWS.to_string()))?;
    let before = machine::load()?;
    let found: Vec<Found> = (1..=rounds)
        .map(|round| one(lab, &group, &file, seconds, &format!("{round}/{rounds}")))
        .collect::<Result<_>>()?;
    let circumstances = machine::circumstances(lab.workspace, (seconds, rounds), before)?;
    tell(lab.workspace, NAME, &text(&circumstances, &found))
}

fn one(lab: &Lab<'_>, group: &Memory, file: &Path, seconds: u64, number: &str) -> Result<Found> {
    forget(file)?;
    let server = Server::launch(group.command(&lab.candidate(file)))?;
    let texts = Paced { path: TEXT, keys: 1, rate: RATE, connections: 8, seconds };
    Paced { seconds: 1, ..texts }.run(server.address())?;
    let alone = texts.run(server.address())?;
    let path = "/trials/freight/%d";
    let random = Paced { path, keys: ROWS, rate: COLD_RATE, connections: READERS, seconds: seconds + 1 };
    let read_before = server.read_from_disk()?;
    let (cold, beside) = thread::scope(|scope| {
        let noise = scope.spawn(|| random.run(server.address()));
        thread::sleep(Duration::from_millis(500));
        let beside = texts.run(server.address());
        (noise.join().expect("what is beside does not panic"), beside)
    });
    let (cold, beside) = (cold?, beside?);
    let disk = (server.read_from_disk()? - read_before) as f64 / 1e6 / (seconds + 1) as f64;
    ensure!(disk > 1.0, "the rows came from memory: only {disk:.2} MB a second were read from the disk");
    println!(
        "{number} {NAME}: p99 {:.3} alone, {:.3} ms beside cold reads with {:.3}, {disk:.0} MB/s from the disk",
        alone.p99, beside.p99, cold.p99
    );
    Ok(Found { alone, beside, cold, disk })
}

/// Lets the system forget what it keeps of a file.
fn forget(file: &Path) -> Result<()> {
    let mut input = OsString::from("if=");
    input.push(file);
    let mut dd = command::program("dd", Path::new("."));
    command::output(dd.arg(input).args(["iflag=nocache", "count=0", "status=none"])).map(drop)
}

fn text(circumstances: &Circumstances, rounds: &[Found]) -> String {
    let Circumstances { seconds, pairs, .. } = circumstances;
    let megabytes = |bytes: u64| bytes >> 20;
    let mut out = circumstances.shown(&format!(
        "{RATE} texts a second over 8 connections, from a server with {} MiB of memory, page cache included; beside \
         them {COLD_RATE} random rows a second over {READERS} connections of a file of {} MiB; rounds of {seconds} s: {pairs}",
        megabytes(CAP),
        megabytes(u64::from(ROWS) * 4_096)
    ));
    let of = |value: fn(&Found) -> f64| Spread::of(rounds.iter().map(value));
    let ratio = of(|it| it.beside.p99 / it.alone.p99);
    out += "| text | p50, ms | p99, ms | max, ms | p99 / alone |\n|---|---|---|---|---|\n";
    let mut row = |name: &str, of: [Spread; 3], ratio: &str| {
        let [p50, p99, most] = of;
        let (p50, p99, most) = (p50.shown(3), p99.shown(3), most.shown(2));
        writeln!(out, "| {name} | {p50} | {p99} | {most} | {ratio} |").expect("a String takes every write");
    };
    row("alone", [of(|it| it.alone.p50), of(|it| it.alone.p99), of(|it| it.alone.most)], "");
    let beside = [of(|it| it.beside.p50), of(|it| it.beside.p99), of(|it| it.beside.most)];
    row("beside reads from the disk", beside, &ratio.shown(2));
    row("the reads themselves", [of(|it| it.cold.p50), of(|it| it.cold.p99), of(|it| it.cold.most)], "");
    let disk = of(|it| it.disk).shown(0);
    let met = if ratio.median() <= MOST_P99 { "met" } else { "**missed**" };
    write!(
        out,
        "\nThey had {disk} MB a second read from the disk.\n\n\
         | target | measured | |\n|---|---|---|\n\
         | text beside reads from the disk: p99 ≤ {MOST_P99:.1} of alone | {} | {met} |\n",
        ratio.shown(2)
    )
    .expect("a String takes every write");
    out
}

/// A control group whose memory is limited. Dropping it removes it.
struct Memory {
    folder: PathBuf,
}

impl Memory {
    /// Version 1 or 2 of the kernel's control groups, whichever there is; both are for root.
    fn limited_to(bytes: u64) -> Result<Self> {
        let name = format!("ketch-bench-{}", process::id());
        let root = Path::new("/sys/fs/cgroup");
        let (parent, limit) = if root.join("memory").is_dir() {
            (root.join("memory"), "memory.limit_in_bytes")
        } else {
            (root.to_owned(), "memory.max")
        };
        let folder = parent.join(name);
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let group = Self { folder };
        let path = group.folder.join(limit);
        fs::write(&path, bytes.to_string()).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(group)
    }

    /// The same command, from inside.
    fn command(&self, of: &Command) -> Command {
        let mut command = command::program("sh", of.get_current_dir().unwrap_or(Path::new(".")));
        command.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]);
        command.arg(self.folder.join("cgroup.procs")).arg(of.get_program()).args(of.get_args());
        for (name, value) in of.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // The server in it has ended; should the kernel not know yet, an empty group stays behind, which does no harm.
        let _busy = fs::remove_dir(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::database::tests::circumstances;

    #[test]
    fn the_p99_beside_cold_reads_is_judged_within_rounds() {
        let latency = |p99| Latency { p50: 0.1, p99, most: 9.0 };
        let round = |alone, beside| Found {
            alone: latency(alone),
            beside: latency(beside),
            cold: latency(5.0),
            disk: 40.0,
        };
        let text = text(&circumstances(), &[round(1.0, 1.5), round(2.0, 3.0), round(1.0, 8.0)]);
        assert!(text.contains("≤ 2.0 of alone | 1.50 (1.50–8.00) | met"), "{text}");
        assert!(text.contains("a file of 384 MiB"), "{text}");
    }

    #[test]
    fn a_command_is_the_same_inside_a_group() {
        let folder = std::env::temp_dir();
        let group = Memory { folder: folder.join("no-such-group") };
        let mut inner = command::program("env", &folder);
        inner.env("BENCH_DATABASE", "a file").arg("--null");
        let command = group.command(&inner);
        let arguments: Vec<_> = command.get_args().skip(2).collect();
        assert_eq!(
            arguments,
            [group.folder.join("cgroup.procs").as_os_str(), "env".as_ref(), "--null".as_ref()]
        );
        assert_eq!(command.get_envs().count(), 1);
    }
}
