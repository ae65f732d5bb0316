//! The checkpointer: one thread that copies the write-ahead log into the file, and keeps it short.
//!
//! Beside the writer it copies what it can. When the log is half of what it may be, the writer pauses for it, so that
//! the next commit begins the log anew; when it is all of that, reads that keep it are ended. When nothing is written
//! any more the log is emptied, and the thread sleeps.

mod log;

use std::path::Path;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode, MAIN_DB};

use super::broken::{Broken, of_disk};
use super::connection;
use super::counts::{Counts, count};
use super::error::explained;
use super::revoke::Revocations;
use crate::error::{Error, Result};
use crate::options::Options;

pub(super) use log::Log;
use log::Wake;

/// A read that is younger is not ended: it will be over in a moment.
pub(super) const OLD_READ: Duration = Duration::from_secs(1);

/// Between two attempts while the writer waits.
const PAUSE: Duration = Duration::from_millis(5);

/// The thread, which ends with this.
#[derive(Debug)]
pub(super) struct Checkpointer {
    pub(super) log: Arc<Log>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread works with and tells.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) counts: Arc<Counts>,
    pub(super) broken: Arc<Broken>,
    pub(super) revocations: Arc<Revocations>,
}

impl Checkpointer {
    pub(super) fn start(path: &Path, options: &Options, told: Told) -> Result<Self> {
        let connection = connection::checkpointer(path, options)?;
        let log = Arc::new(Log::new(options));
        let thread = Thread { connection, log: Arc::clone(&log), told };
        let spawned = Builder::new().name("ketch-checkpoint".to_owned()).spawn(move || thread.run());
        let thread = spawned.map_err(|error| Error::Open(format!("cannot start a thread: {error}")))?;
        Ok(Self { log, thread: Some(thread) })
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.log.stop();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the checkpointer's thread panicked");
        }
    }
}

struct Thread {
    connection: Connection,
    log: Arc<Log>,
    told: Told,
}

/// How a checkpoint ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Came {
    /// All that was asked has been done.
    Done,
    /// As much as readers allow.
    Partly,
    Failed,
}

impl Thread {
    fn run(self) {
        loop {
            match self.log.wait() {
                Wake::Stop => return,
                Wake::Room(until) => {
                    self.make_room(until);
                    self.log.answer();
                }
                Wake::Copy => {
                    let (bytes, _) = self.log.now();
                    if self.checkpoint(CheckpointMode::PASSIVE) == Came::Partly {
                        self.revoke();
                    }
                    self.log.copied(bytes);
                }
                Wake::Idle => {
                    if self.empty() == Came::Partly {
                        self.revoke();
                    }
                }
            }
        }
    }

    /// Has the next commit begin the log anew. The writer waits meanwhile.
    fn make_room(&self, until: Instant) {
        let (bytes, commits) = self.log.now();
        loop {
            match self.checkpoint(CheckpointMode::RESTART) {
                Came::Done => return self.log.emptied(commits),
                Came::Failed => return,
                Came::Partly => self.revoke(),
            }
            if Instant::now() >= until || self.log.pause(PAUSE) {
                break;
            }
        }
        if bytes > self.log.most {
            tracing::warn!(
                bytes,
                "the write-ahead log is longer than it may be: a read that cannot be ended keeps it"
            );
        }
    }

    /// Empties the log, if nobody reads what is in it.
    fn empty(&self) -> Came {
        let (_, commits) = self.log.now();
        // Copied beside the writer first: to empty it keeps the writer out, and is then done in no time.
        let mut came = self.checkpoint(CheckpointMode::PASSIVE);
        if came == Came::Done {
            came = self.checkpoint(CheckpointMode::TRUNCATE);
        }
        if came == Came::Done {
            self.log.emptied(commits);
        }
        came
    }

    fn checkpoint(&self, mode: CheckpointMode) -> Came {
        if self.told.broken.error().is_some() {
            return Came::Failed;
        }
        match self.connection.wal_checkpoint_v2(Some(MAIN_DB), mode) {
            Ok((frames, copied)) => {
                count(&self.told.counts.checkpoints);
                if copied < frames { Came::Partly } else { Came::Done }
            }
            Err(error) if is_busy(&error) => Came::Partly,
            Err(error) => {
                match of_disk(&error) {
                    Some(why) => {
                        self.told.broken.of_checkpoint();
                        self.told.broken.set(format!("a checkpoint failed: {why}"));
                    }
                    None => tracing::warn!(
                        error = explained(&error),
                        "a checkpoint failed; the log keeps what it has"
                    ),
                }
                Came::Failed
            }
        }
    }

    /// Ends the reads that keep the log, when it is longer than it may be.
    fn revoke(&self) {
        let (bytes, _) = self.log.now();
        if bytes > self.log.most {
            self.told.revocations.revoke_older_than(OLD_READ);
        }
    }
}

/// Copies the whole log into the file and empties it, before anything is served.
///
/// A process that died after a failed fsync may have left frames that the system's cache shows and the disk does not
/// have. Recovery cannot tell them from good ones, and whatever was committed after them would be lost with them at a
/// power cut. Written into the file and synced there, they no longer matter
/// (<https://wiki.postgresql.org/wiki/Fsync_Errors>).
pub(super) fn empty_log(connection: &Connection, path: &Path, broken: &Broken) -> Result<()> {
    let failed =
        |why: String| Error::Open(format!("{}: its log cannot be copied into it: {why}", path.display()));
    match connection.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::TRUNCATE) {
        Ok(_) => Ok(()),
        Err(error) if is_busy(&error) => Err(failed("somebody is reading it; end that first".to_owned())),
        Err(error) => {
            if of_disk(&error).is_some() {
                broken.of_checkpoint();
            }
            Err(failed(explained(&error)))
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
