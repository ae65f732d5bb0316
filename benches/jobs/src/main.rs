//! The queue of jobs measured in one process, without HTTP.
//!
//! Each call measures one thing on a fresh file and prints numbers on one line, which `cargo xtask bench` reads:
//!
//! - `make FILE` makes the tables and nothing else.
//! - `throughput FILE MILLIS LIMIT KIND`: enqueued a second, completed a second, µs of CPU for
//!   each, jobs for each commit.
//! - `latency FILE COUNT`: of one commit, of an enqueue, and from an enqueue to the start of the job: p50 and p99, µs.
//! - `fill FILE KIND ROWS` makes a queue of that depth; `depth FILE KIND MILLIS`: µs of a claim, µs of a cycle's
//!   statements, jobs a second.

mod depth;
mod latency;
mod place;
mod throughput;
mod timed;

use std::error::Error;
use std::io::Write;
use std::path::Path;

type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let numbers = match words.as_slice() {
        ["make", file] => place::make(Path::new(file)).await?,
        ["throughput", file, millis, limit, kind] => {
            let kind = throughput::Kind::named(kind).ok_or("there is no such kind of throughput")?;
            throughput::measure(Path::new(file), millis.parse()?, limit.parse()?, kind).await?
        }
        ["latency", file, count] => latency::measure(Path::new(file), count.parse()?).await?,
        ["fill", file, kind, rows] => {
            let kind = depth::Kind::named(kind).ok_or("there is no such kind of depth")?;
            depth::fill(Path::new(file), kind, rows.parse()?).await?
        }
        ["depth", file, kind, millis] => {
            let kind = depth::Kind::named(kind).ok_or("there is no such kind of depth")?;
            depth::measure(Path::new(file), kind, millis.parse()?).await?
        }
        _ => return Err(format!("`{}` is nothing that this program does", words.join(" ")).into()),
    };
    let shown: Vec<String> = numbers.iter().map(|number| format!("{number:.3}")).collect();
    Ok(writeln!(std::io::stdout(), "{}", shown.join(" "))?)
}
