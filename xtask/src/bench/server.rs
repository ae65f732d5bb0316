//! A server under test as a child process, and what the kernel tells of it. Linux only, because of `/proc`.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::command;
use crate::workspace::Workspace;

/// See [`THREADS`](super::load::THREADS).
pub(super) const WORKERS: u32 = 1;

/// Clock ticks a second in `/proc`: Linux promises 100 to programs, whatever the kernel counts in (`USER_HZ`).
const TICKS: f64 = 100.0;

const PATIENCE: Duration = Duration::from_secs(10);

/// A running server. Dropping it kills it.
pub(super) struct Server {
    child: Child,
    address: SocketAddr,
    /// From the start of the process to the end of its first reply.
    pub(super) first_reply: Duration,
    /// Kept open, so that the server can go on writing.
    _stderr: BufReader<ChildStderr>,
}

impl Server {
    /// Starts a server and asks it for `path`.
    pub(super) fn start(program: &Path, path: &str) -> Result<Self> {
        let started = Instant::now();
        let mut command = command::program(program, Path::new("."));
        command.env("TOKIO_WORKER_THREADS", WORKERS.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        let mut stderr = BufReader::new(child.stderr.take().context("stderr is piped")?);
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        // From here on the process is killed whatever happens.
        let mut server = Self { child, address: nowhere, first_reply: Duration::ZERO, _stderr: stderr_of(&mut stderr)? };
        server.address = address(&mut server._stderr).with_context(|| format!("{} did not start", program.display()))?;
        server.get(path)?;
        server.first_reply = started.elapsed();
        Ok(server)
    }
}
