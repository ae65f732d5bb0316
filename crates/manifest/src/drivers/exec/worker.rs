//! One worker: a process that answers one request after the other.

use std::io;

use futures_util::FutureExt;
use ketch_web::RequestId;
use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::time::{Instant, timeout};

use super::errors::shown;
use super::protocol::{Ask, Bad, Failure, reply};
use super::spawn::{Launch, NotStarted, Running};
use super::stderr::{self, Current};

/// A process of a pool. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Worker {
    running: Running,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    /// The requests that it was given, which is also the id of the last.
    pub(super) calls: u64,
    pub(super) idle_since: Instant,
    current: Current,
}

/// Why a process cannot be asked any more.
#[derive(Debug)]
pub(super) enum Broken {
    /// It ended, with what it had written of a line.
    Ended(Vec<u8>),
    /// Its line is longer than may be.
    TooLong(Vec<u8>),
    /// Its line is no reply to the request.
    Line(Bad, Vec<u8>),
    /// It replied before it had read the request.
    Early,
    /// Its pipe failed.
    Failed(io::Error),
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ended(line) if line.is_empty() => f.write_str("ended before it had replied"),
            Self::Ended(line) => write!(f, "ended in the middle of a line: {}", shown(line)),
            Self::TooLong(line) => write!(f, "a line is longer than may be: {}", shown(line)),
            Self::Line(bad, line) => write!(f, "{bad}: {}", shown(line)),
            Self::Early => f.write_str("replied before it had read the request"),
            Self::Failed(error) => write!(f, "cannot be read: {error}"),
        }
    }
}

impl Worker {
    /// Starts one.
    ///
    /// # Errors
    /// As [`Launch::start`].
    pub(super) async fn start(launch: &Launch) -> Result<Self, NotStarted> {
        let mut running = launch.start(&[]).await?;
        let current = Current::default();
        stderr::log(running.stderr.take(), &launch.program, current.clone(), running.ended.clone());
        let no_pipe = || NotStarted::Failed(io::Error::other("it has no standard output"));
        let stdout = BufReader::new(running.stdout.take().ok_or_else(no_pipe)?);
        let stdin = running.stdin.take();
        Ok(Self { running, stdin, stdout, calls: 0, idle_since: Instant::now(), current })
    }

    /// Asks it. When this fails, or is dropped before it is done, the process is of no use any more.
    ///
    /// # Errors
    /// How it broke the rules.
    pub(super) async fn ask(
        &mut self,
        ask: &Ask<'_>,
        request: Option<RequestId>,
        most: usize,
    ) -> Result<Result<Value, Failure>, Broken> {
        self.calls += 1;
        self.current.set(request);
        let message = ask.line(self.calls);
        let mut written = false;
        let feed = async {
            if let Some(stdin) = &mut self.stdin {
                // What is wrong with it, standard output says better.
                written = stdin.write_all(&message).await.is_ok();
            }
            std::future::pending::<std::convert::Infallible>().await
        };
        let line = tokio::select! {
            biased;
            never = feed => match never {},
            line = line(&mut self.stdout, most) => line?,
        };
        let said = reply(&line, self.calls).map_err(|bad| Broken::Line(bad, line))?;
        if written { Ok(said) } else { Err(Broken::Early) }
    }

    /// What an idle process says without being asked: nothing, if it is as it should be.
    ///
    /// # Errors
    /// That it has ended, or what it wrote.
    pub(super) fn quiet(&mut self) -> Result<(), Broken> {
        match self.stdout.fill_buf().now_or_never() {
            // Others may have its output open still.
            None if self.running.ended.is_over() => Err(Broken::Ended(Vec::new())),
            None => Ok(()),
            Some(Ok([])) => Err(Broken::Ended(Vec::new())),
            Some(Ok(bytes)) => Err(Broken::Line(Bad::Stray, bytes.to_vec())),
            Some(Err(error)) => Err(Broken::Failed(error)),
        }
    }

    /// Lets it end by itself, and kills it after this time.
    pub(super) async fn retire(mut self, grace: std::time::Duration) {
        self.stdin = None;
        let _killed_then = timeout(grace, self.running.ended.status()).await;
    }

    /// Kills it, and waits until it is gone.
    pub(super) async fn end(self) {
        let Self { running, .. } = self;
        let mut ended = running.ended.clone();
        drop(running);
        ended.status().await;
    }
}

/// The next line, without its end.
pub(super) async fn line<R: AsyncBufRead + Unpin>(stdout: &mut R, most: usize) -> Result<Vec<u8>, Broken> {
    let mut line = Vec::new();
    loop {
        let bytes = stdout.fill_buf().await.map_err(Broken::Failed)?;
        if bytes.is_empty() {
            return Err(Broken::Ended(line));
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let part = &bytes[..end.unwrap_or(bytes.len())];
        line.extend_from_slice(part);
        let used = part.len() + usize::from(end.is_some());
        stdout.consume(used);
        if line.len() > most {
            return Err(Broken::TooLong(line));
        }
        if end.is_some() {
            return Ok(line);
        }
    }
}
