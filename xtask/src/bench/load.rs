//! The load: `wrk`, how it is installed, called and read.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, bail, ensure};

use super::Ask;
use super::server::Server;
use crate::command;
use crate::tools::{Need, install_system_packages};

/// One thread, because the server has one worker and the machine may have two cores: neither takes the other's.
pub(super) const THREADS: u32 = 1;
/// Enough to keep a worker busy, few enough that they fit into its caches.
pub(super) const CONNECTIONS: u32 = 32;

/// Tells `wrk` to send a body.
const POST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bench/post.lua");

/// Tells `wrk` to send requests that differ.
const VARY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bench/vary.lua");

/// What `wrk` is to ask for: a path, and a script with its arguments when that is more than GETs of the same.
pub(super) struct Aim {
    path: String,
    script: Option<(&'static str, Vec<String>)>,
}

impl From<&Ask> for Aim {
    fn from(ask: &Ask) -> Self {
        let script = ask.body.map(|body| (POST, vec![body.to_owned()]));
        Self { path: ask.path.to_owned(), script }
    }
}

/// Requests that differ: reads of a random key, and bodies with a random number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Varied {
    /// Keys are from 1 to this.
    pub(super) keys: u32,
    /// How many of 100 requests are POSTs.
    pub(super) posts: u32,
    /// A path with a place for the key, as C's `printf` writes it.
    pub(super) get: String,
    pub(super) post: String,
    /// A body with a place for a number.
    pub(super) body: String,
}

impl From<&Varied> for Aim {
    fn from(varied: &Varied) -> Self {
        // Another order of keys each time, but the same ones in the next run.
        static SEED: AtomicU32 = AtomicU32::new(1);
        let seed = SEED.fetch_add(1, Ordering::Relaxed);
        let Varied { keys, posts, get, post, body } = varied;
        let numbers = [seed, *keys, *posts].map(|number| number.to_string());
        let texts = [get, post, body].map(String::clone);
        Self { path: "/".to_owned(), script: Some((VARY, numbers.into_iter().chain(texts).collect())) }
    }
}

/// What one run of `wrk` found.
#[derive(Debug, PartialEq)]
pub(super) struct Load {
    pub(super) requests: u64,
    pub(super) requests_per_second: f64,
    /// Milliseconds.
    pub(super) p50: f64,
    /// Milliseconds.
    pub(super) p99: f64,
}

/// Installs `wrk` from apt when it is missing.
pub(super) fn install(root: &Path) -> Result<()> {
    // `wrk -v` prints its version and then fails, so the shell is asked whether it is there.
    let probe = &["sh", "-c", "command -v wrk"];
    install_system_packages(root, &[Need { package: "wrk", probe, why: "it puts the load on the servers" }])
}

/// Asks a server for so many seconds, over so many connections. A reply that is no 2xx or 3xx, or a broken connection,
/// is an error.
pub(super) fn wrk(server: &Server, aim: &Aim, connections: u32, seconds: u64) -> Result<Load> {
    let mut wrk = command::program("wrk", Path::new("."));
    wrk.args([
        format!("-t{THREADS}"),
        format!("-c{connections}"),
        format!("-d{seconds}s"),
        "--latency".to_owned(),
    ]);
    let url = server.url(&aim.path);
    match &aim.script {
        Some((script, arguments)) => wrk.args(["-s", script, &url, "--"]).args(arguments),
        None => wrk.arg(&url),
    };
    parse(&command::output(&mut wrk)?)
}

fn parse(text: &str) -> Result<Load> {
    for trouble in ["Socket errors", "Non-2xx"] {
        if let Some(line) = text.lines().find(|line| line.contains(trouble)) {
            bail!("wrk met trouble: {}", line.trim());
        }
    }
    let after = |label: &str| {
        let value = text.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim);
        value.with_context(|| format!("wrk printed no `{label}`:\n{text}"))
    };
    let requests =
        text.lines().find_map(|line| line.trim().split_once(" requests in ")).map(|(count, _)| count);
    let requests =
        requests.with_context(|| format!("wrk printed no number of requests:\n{text}"))?.parse()?;
    ensure!(requests > 0, "wrk got no reply at all");
    let requests_per_second = after("Requests/sec:")?.parse()?;
    Ok(Load {
        requests,
        requests_per_second,
        p50: milliseconds(after("50%")?)?,
        p99: milliseconds(after("99%")?)?,
    })
}

fn milliseconds(text: &str) -> Result<f64> {
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1_000.0), ("m", 60_000.0)];
    for (unit, factor) in units {
        if let Some(Ok(number)) = text.strip_suffix(unit).map(str::parse::<f64>) {
            return Ok(number * factor);
        }
    }
    bail!("`{text}` is no duration that wrk prints")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "Running 5s test @ http://127.0.0.1:8080/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   635.91us    0.89ms  12.92ms   93.69%
    Req/Sec    56.20k     8.07k   62.00k    86.54%
  Latency Distribution
     50%  250.00us
     75%  491.00us
     90%  700.00us
     99%    5.80ms
  284657 requests in 5.00s, 17.76MB read
Requests/sec:  56931.41
Transfer/sec:      3.55MB
";

    #[test]
    fn what_wrk_prints_is_read() {
        let load = Load { requests: 284_657, requests_per_second: 56_931.41, p50: 0.25, p99: 5.8 };
        assert_eq!(parse(GOOD).unwrap(), load);
    }

    #[test]
    fn all_units_of_wrk_are_read() {
        let read: Vec<f64> =
            ["10.00us", "1.50ms", "2.00s", "1.00m"].map(|text| milliseconds(text).unwrap()).into();
        assert_eq!(read, [0.01, 1.5, 2_000.0, 60_000.0]);
        assert!(milliseconds("1.00h").is_err());
    }

    #[test]
    fn a_run_with_trouble_is_no_result() {
        let refused = format!("{GOOD}  Non-2xx or 3xx responses: 284657\n");
        assert!(parse(&refused).unwrap_err().to_string().contains("Non-2xx"));
        let broken = format!("  Socket errors: connect 0, read 3, write 0, timeout 0\n{GOOD}");
        assert!(parse(&broken).unwrap_err().to_string().contains("read 3"));
        assert!(parse("unable to connect to 127.0.0.1:1").is_err());
    }
}
