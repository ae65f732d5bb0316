//! What runs a server, starts it anew and ends with it.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ketch_edge::{StopSignal, bind, stop_signal};
use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop, ProcessGroup};
use tokio::io::{AsyncReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::timeout;

use super::Options;
use crate::terminal::say;
use crate::watch::{Watch, Watched};

/// How long an old server may take to answer what it was asked, before it is told to stop at once; and then again, before
/// it is killed.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a program may say on stdout when it is asked for its address, in bytes.
const ANSWER: u64 = 64 << 10;

/// A kind of project.
pub(super) trait Project {
    /// What makes a new server necessary.
    fn watched(&self) -> Arc<dyn Watched>;
    /// Makes the program ready that serves; none when that failed, which has been told then.
    async fn ready(&mut self, stop: &mut StopSignal) -> Result<Made>;
    /// Whether a server runs now.
    fn runs(&mut self, state: State);
}

/// Whether a server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Up,
    Down,
}

/// What came of making a program ready.
pub(super) enum Made {
    /// It can be run.
    Ready(Runnable),
    /// It is the same that runs already.
    Same,
    /// It is not, and why has been told.
    Failed,
    /// A signal to stop came meanwhile.
    Stopped,
}

/// A program and how it is run.
#[derive(Clone, Debug)]
pub(super) struct Runnable {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) folder: Option<PathBuf>,
}

/// Why waiting is over.
enum Woken {
    Changed,
    Stop,
    Ended(ExitStatus),
}

/// Runs a project until it is told to stop.
pub(super) async fn run(mut project: impl Project, options: &Options) -> Result<ExitCode> {
    let mut stop = stop_signal().context("cannot watch for signals")?;
    let mut watch = Watch::start(project.watched());
    let mut socket: Option<TcpListener> = None;
    let mut child: Option<Box<dyn ChildWrapper>> = None;
    loop {
        match renew(&mut project, options, (&mut socket, &mut child), &mut stop).await? {
            Renewed::Stopped => break,
            Renewed::Up => project.runs(State::Up),
            Renewed::Failed if child.is_some() => {
                say("The last good state is served on; waiting for a change.");
            }
            Renewed::Failed => {
                say("Nothing is served yet; waiting for a change.");
                project.runs(State::Down);
            }
        }
        let woken = loop {
            match wait(&mut watch, child.as_mut(), &mut stop).await {
                Woken::Ended(status) => {
                    say(&format!("The server ended: {status}. Waiting for a change; clients wait as well."));
                    child = None;
                    project.runs(State::Down);
                }
                woken => break woken,
            }
        };
        if matches!(woken, Woken::Stop) {
            break;
        }
    }
    if let Some(child) = child {
        end(child, Some(&mut stop)).await;
    }
    Ok(ExitCode::SUCCESS)
}

async fn wait(watch: &mut Watch, child: Option<&mut Box<dyn ChildWrapper>>, stop: &mut StopSignal) -> Woken {
    let ended = async {
        match child {
            Some(child) => child.wait().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = stop.next() => Woken::Stop,
        status = ended => Woken::Ended(status.unwrap_or_default()),
        _paths = watch.changed() => Woken::Changed,
    }
}

enum Renewed {
    Up,
    Failed,
    Stopped,
}

/// Makes a new program ready, checks it, and lets it take the place of the one that runs.
async fn renew(
    project: &mut impl Project,
    options: &Options,
    (socket, child): (&mut Option<TcpListener>, &mut Option<Box<dyn ChildWrapper>>),
    stop: &mut StopSignal,
) -> Result<Renewed> {
    let runnable = match project.ready(stop).await? {
        Made::Ready(runnable) => runnable,
        Made::Same if child.is_some() => return Ok(Renewed::Up),
        Made::Same | Made::Failed => return Ok(Renewed::Failed),
        Made::Stopped => return Ok(Renewed::Stopped),
    };
    let address = tokio::select! {
        address = runnable.check(options) => address?,
        () = stop.next() => return Ok(Renewed::Stopped),
    };
    let Some(address) = address else { return Ok(Renewed::Failed) };
    if socket.is_none() {
        *socket = Some(bind(address).map_err(|error| ketch_server::Error::Bind(address, error))?);
    }
    if let Some(old) = child.take() {
        end(old, None).await;
    }
    let listener = socket.as_ref().context("the socket was bound before")?;
    *child = Some(runnable.start(listener)?);
    Ok(Renewed::Up)
}

impl Runnable {
    fn command(&self, more: &[&str], set: impl FnOnce(&mut Command)) -> CommandWrap {
        let mut command = CommandWrap::with_new(&self.program, |command| {
            command.args(&self.arguments).args(more).env("KETCH_SUPERVISOR", std::process::id().to_string());
            if let Some(folder) = &self.folder {
                command.current_dir(folder);
            }
            set(command);
        });
        command.wrap(KillOnDrop).wrap(ProcessGroup::leader());
        command
    }

    /// Has it check everything; where it would listen, or none when it told what is wrong.
    async fn check(&self, options: &Options) -> Result<Option<SocketAddr>> {
        let mut command = self.command(&["--only-check"], |command| {
            command.stdin(Stdio::null()).stdout(Stdio::piped());
            if let Some(address) = &options.listen {
                command.env("KETCH_LISTEN", address);
            }
        });
        let mut child = command.spawn().with_context(|| format!("cannot run {}", self.program.display()))?;
        let mut said = String::new();
        if let Some(stdout) = child.stdout().take() {
            BufReader::new(stdout).take(ANSWER).read_to_string(&mut said).await?;
        }
        if !child.wait().await?.success() {
            return Ok(None);
        }
        let last = said.lines().last().unwrap_or_default();
        match last.trim().parse() {
            Ok(address) => Ok(Some(address)),
            Err(_) => bail!(
                "{} does not say where it listens: `dev` runs programs whose `main` is `ketch::main(server)`",
                self.program.display()
            ),
        }
    }

    /// Starts it on the socket.
    fn start(&self, listener: &TcpListener) -> Result<Box<dyn ChildWrapper>> {
        let socket = listener.as_fd().try_clone_to_owned().context("cannot hand on the socket")?;
        let mut command = self.command(&[], |command| {
            command.stdin(Stdio::from(socket)).env("KETCH_LISTEN", "stdin");
        });
        command.spawn().with_context(|| format!("cannot run {}", self.program.display()))
    }
}

/// Ends a server: it drains, and at another signal, or when that takes too long, stops at once.
async fn end(mut child: Box<dyn ChildWrapper>, mut stop: Option<&mut StopSignal>) {
    for _turn in 0..2 {
        // Only the server itself: what it started is its own to end.
        let _ended_already = child.inner().signal(libc::SIGTERM);
        let again = async {
            match &mut stop {
                Some(stop) => stop.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            done = timeout(PATIENCE, child.wait()) => if done.is_ok() { return },
            () = again => {}
        }
    }
    let _ended_already = child.start_kill();
    let _status = child.wait().await;
}

/// Runs a command to its end; none when a signal to stop came, and then nothing of it is left.
pub(super) async fn run_to_end(
    mut child: Box<dyn ChildWrapper>,
    stop: &mut StopSignal,
) -> Result<Option<ExitStatus>> {
    tokio::select! {
        status = child.wait() => return Ok(Some(status?)),
        () = stop.next() => {}
    }
    let _ended_already = child.start_kill();
    let _status = child.wait().await;
    Ok(None)
}
