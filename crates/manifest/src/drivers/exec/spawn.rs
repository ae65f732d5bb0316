//! The one place where processes of programs begin and end.
//!
//! A process leads a group of its own. It ends when its [`Running`] is dropped: the group is killed with SIGKILL, which
//! nothing can ignore, and the process is waited for, so that no zombie stays. The limits are set from outside just after the start, because setting them inside would take unsafe code.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[cfg(unix)]
use process_wrap::tokio::ProcessGroup;
use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::{sleep, timeout};

use super::options::{Mode, Options};
use crate::environment::own;

/// Variables that every program gets, as the server has them.
const PASSED: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];

/// Processes at a time in one server, of all programs.
pub(super) const MOST: usize = 512;

/// How often a program that is being written is tried again, and how long after.
const BUSY: (u32, Duration) = (10, Duration::from_millis(20));

/// A program and how it is run.
#[derive(Clone, Debug)]
pub(super) struct Launch {
    pub(super) program: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) options: Options,
    /// One for each process of the server.
    pub(super) slots: Arc<Semaphore>,
}

/// A process that runs. Dropping it kills the group.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: Option<ChildStdout>,
    pub(super) stderr: Option<ChildStderr>,
    pub(super) ended: Ended,
    _end: oneshot::Sender<()>,
}

/// How a process ended, once it has.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    /// Set as soon as it has, when others of its group may be there yet.
    over: Arc<AtomicBool>,
    status: watch::Receiver<Option<ExitStatus>>,
}

/// What becomes of processes that have left the group, which costs a look at every process of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leavers {
    /// They are killed however the process ended: workers end seldom.
    Killed,
    /// They are killed when the process was ended, not when it ended by itself.
    KilledIfOrdered,
}

/// Why no process was started.
#[derive(Debug)]
pub(super) enum NotStarted {
    /// The server runs too many already.
    Full,
    /// The system would not.
    Failed(io::Error),
}

impl Launch {
    /// Starts a process. Needs a runtime.
    ///
    /// # Errors
    /// When there are too many, or the system refuses.
    pub(super) async fn start(&self, args: &[OsString]) -> Result<Running, NotStarted> {
        let slot = timeout(self.options.wait, Arc::clone(&self.slots).acquire_owned()).await;
        let slot = slot.ok().and_then(Result::ok).ok_or(NotStarted::Full)?;
        let mut tries = 0;
        let child = loop {
            match self.spawn(args) {
                // Whoever writes the program has it open still, or a process that is just being started has.
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY.0 => {
                    tries += 1;
                    sleep(BUSY.1).await;
                }
                started => break started.map_err(NotStarted::Failed)?,
            }
        };
        let what_left =
            if self.options.mode == Mode::Worker { Leavers::Killed } else { Leavers::KilledIfOrdered };
        Ok(Running::of(child, slot, what_left))
    }

    fn spawn(&self, args: &[OsString]) -> io::Result<Group> {
        // The server may have been started with descriptors that nobody has marked.
        #[cfg(unix)]
        close_fds::set_fds_cloexec_threadsafe(3, &[]);
        #[cfg(target_os = "linux")]
        let mark = super::sweep::Mark::new();
        let mut command = CommandWrap::with_new(&self.program, |command| {
            command.args(args).current_dir(&self.folder).env_clear();
            command.envs(PASSED.iter().filter_map(|name| Some((name, own(name)?))));
            command.envs(&self.options.env.0);
            #[cfg(target_os = "linux")]
            command.env(super::sweep::NAME, mark.value());
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        });
        command.wrap(KillOnDrop);
        #[cfg(unix)]
        command.wrap(ProcessGroup::leader());
        let child = Group {
            child: command.spawn()?,
            over: false,
            #[cfg(target_os = "linux")]
            mark,
        };
        #[cfg(target_os = "linux")]
        limit(&child, &self.options)?;
        Ok(child)
    }
}

/// Sets the limits of a process; none is above what the server itself has.
#[cfg(target_os = "linux")]
fn limit(child: &Group, options: &Options) -> io::Result<()> {
    use rlimit::{Resource, getrlimit, prlimit};
    let Some(id) = child.child.id().and_then(|id| i32::try_from(id).ok()) else { return Ok(()) };
    let limits = [
        (Resource::CORE, Some((0, 0))),
        (Resource::NOFILE, Some((options.files, options.files))),
        (Resource::DATA, options.memory.map(|bytes| (bytes, bytes))),
        // SIGXCPU first, which says in the log what it was; a second later SIGKILL.
        (Resource::CPU, options.cpu.map(|seconds| (seconds, seconds + 1))),
    ];
    for (resource, wanted) in limits {
        let Some((soft, hard)) = wanted else { continue };
        let (_, most) = getrlimit(resource)?;
        prlimit(id, resource, Some((soft.min(most), hard.min(most))), None)?;
    }
    Ok(())
}

/// A process and its group, which is killed when this is dropped.
#[derive(Debug)]
struct Group {
    child: Box<dyn ChildWrapper>,
    /// Whether all of it was waited for; its number may be another's then.
    over: bool,
    #[cfg(target_os = "linux")]
    mark: super::sweep::Mark,
}

impl Group {
    fn kill(&mut self) {
        // That there is nobody left to kill is no failure.
        let _gone = self.child.start_kill();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.over {
            self.kill();
        }
    }
}

impl Running {
    fn of(mut child: Group, slot: OwnedSemaphorePermit, leavers: Leavers) -> Self {
        let (stdin, stdout, stderr) =
            (child.child.stdin().take(), child.child.stdout().take(), child.child.stderr().take());
        let (end, asked) = oneshot::channel();
        let (told, status) = watch::channel(None);
        let over = Arc::new(AtomicBool::new(false));
        tokio::spawn(watch_over(child, asked, (Arc::clone(&over), told), slot, leavers));
        Self { stdin, stdout, stderr, ended: Ended { over, status }, _end: end }
    }
}

/// Waits for a process to end or for the order to end it, kills what is left of its group, and takes its status.
async fn watch_over(
    mut child: Group,
    asked: oneshot::Receiver<()>,
    (over, told): (Arc<AtomicBool>, watch::Sender<Option<ExitStatus>>),
    slot: OwnedSemaphorePermit,
    leavers: Leavers,
) {
    // The leader alone: its group is waited for only once it has been killed.
    let leader = child.child.inner_mut();
    let ordered = tokio::select! {
        _status = leader.wait() => false,
        _dropped = asked => true,
    };
    over.store(true, Ordering::Release);
    child.kill();
    match child.child.wait().await {
        Ok(status) => {
            child.over = true;
            let _nobody_asks = told.send(Some(status));
        }
        Err(error) => tracing::error!(%error, "a process could not be waited for"),
    }
    #[cfg(target_os = "linux")]
    if ordered || leavers == Leavers::Killed {
        let mark = child.mark.clone();
        let _swept = tokio::task::spawn_blocking(move || mark.sweep()).await;
    }
    #[cfg(not(target_os = "linux"))]
    let _nothing_to_sweep = (ordered, leavers);
    drop(slot);
}

impl Ended {
    /// Whether it has ended, or is being ended.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Waits for the end; none when its status could not be had.
    pub(super) async fn status(&mut self) -> Option<ExitStatus> {
        let status = self.status.wait_for(Option::is_some).await;
        status.ok().and_then(|status| *status)
    }
}
