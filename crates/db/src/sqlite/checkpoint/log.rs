//! How long the write-ahead log is, and who waits for what: the writer and the checkpointer meet here.

use std::ffi::c_int;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::options::Options;

/// Without a commit for as long, the log is emptied.
const IDLE: Duration = Duration::from_secs(1);

/// How long the writer waits for room beyond its patience with readers: for the disk.
const COPY_TIME: Duration = Duration::from_secs(1);

/// A frame has a page and this header (<https://sqlite.org/fileformat2.html#walformat>).
const FRAME_HEADER: u64 = 24;

/// What the writer tells the checkpointer, and the other way round.
#[derive(Debug)]
pub(in super::super) struct Log {
    checkpoint_at: u64,
    pub(super) most: u64,
    state: Mutex<State>,
    /// The checkpointer has something to do.
    wanted: Condvar,
    /// The writer need not wait any more.
    made: Condvar,
}

#[derive(Debug)]
struct State {
    /// Bytes of the log that are in use, as of the last commit.
    bytes: u64,
    commits: u64,
    /// Bytes from which the log is copied next.
    copy_at: u64,
    /// Bytes from which the writer waits for the log to begin anew.
    hold_at: u64,
    /// Something has been committed since the log was last emptied.
    used: bool,
    /// The writer waits for room, with patience until then.
    room: Option<Instant>,
    stop: bool,
}

/// Why the checkpointer is woken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wake {
    Stop,
    /// The writer waits until the log can begin anew, or until then.
    Room(Instant),
    /// It is time to copy.
    Copy,
    /// Nothing has been committed for a while.
    Idle,
}

impl Log {
    pub(super) fn new(options: &Options) -> Self {
        let state = State {
            bytes: 0,
            commits: 0,
            copy_at: options.checkpoint_at,
            hold_at: options.wal / 2,
            used: false,
            room: None,
            stop: false,
        };
        Self {
            checkpoint_at: options.checkpoint_at,
            most: options.wal,
            state: Mutex::new(state),
            wanted: Condvar::new(),
            made: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a connection tell of its commits.
    pub(in super::super) fn hear(self: &Arc<Self>, connection: &mut Connection) -> rusqlite::Result<()> {
        let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let frame = page.unsigned_abs() + FRAME_HEADER;
        let log = Arc::clone(self);
        connection.wal_hook(Some(move |_: &mut _, frames: c_int| {
            log.committed(u64::from(frames.unsigned_abs()) * frame);
            Ok(())
        }))
    }

    fn committed(&self, bytes: u64) {
        let mut state = self.lock();
        if bytes < state.bytes {
            self.begun_anew(&mut state);
        }
        state.bytes = bytes;
        state.commits += 1;
        let first = !std::mem::replace(&mut state.used, true);
        if first || bytes >= state.copy_at {
            self.wanted.notify_one();
        }
    }

    fn begun_anew(&self, state: &mut State) {
        state.bytes = 0;
        state.copy_at = self.checkpoint_at;
        state.hold_at = self.most / 2;
    }

    /// Waits until the log can begin anew, if it is so long that it has to: a checkpoint beside a writer that never
    /// pauses never copies the last frame, so the log would only grow. What readers hold is waited for a little, and
    /// the longer the log is the longer.
    pub(in super::super) fn make_room(&self) {
        let mut state = self.lock();
        if state.bytes < state.hold_at || state.stop {
            return;
        }
        let patience = match state.bytes / self.most {
            0 => Duration::from_millis(50),
            1 => Duration::from_millis(250),
            _ => Duration::from_secs(2),
        };
        state.room = Some(Instant::now() + patience);
        self.wanted.notify_one();
        let waited = self
            .made
            .wait_timeout_while(state, patience + COPY_TIME, |state| state.room.is_some() && !state.stop);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.room = None;
        if state.bytes >= state.hold_at {
            // In vain: not again before it has grown.
            state.hold_at = state.bytes + self.checkpoint_at.max(self.most / 8);
        }
    }

    /// Bytes of the log that are in use, and how many commits there were.
    pub(super) fn now(&self) -> (u64, u64) {
        let state = self.lock();
        (state.bytes, state.commits)
    }

    /// The log has been copied as far as it was that long.
    pub(super) fn copied(&self, bytes: u64) {
        let mut state = self.lock();
        state.copy_at = bytes + self.checkpoint_at;
    }

    /// The log begins anew with the next commit, unless there were commits since.
    pub(super) fn emptied(&self, commits: u64) {
        let mut state = self.lock();
        if state.commits == commits {
            self.begun_anew(&mut state);
            state.used = false;
        }
    }

    /// The writer need not wait any more.
    pub(super) fn answer(&self) {
        self.lock().room = None;
        self.made.notify_one();
    }

    pub(super) fn stop(&self) {
        self.lock().stop = true;
        self.wanted.notify_one();
        self.made.notify_one();
    }

    /// Waits for something to do. Without commits since the log was emptied nothing wakes it but the writer.
    pub(super) fn wait(&self) -> Wake {
        let mut state = self.lock();
        loop {
            if state.stop {
                return Wake::Stop;
            }
            if let Some(until) = state.room {
                return Wake::Room(until);
            }
            if state.bytes >= state.copy_at {
                return Wake::Copy;
            }
            if !state.used {
                state = self.wanted.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let commits = state.commits;
            let (next, waited) =
                self.wanted.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = next;
            if waited.timed_out() && state.commits == commits {
                return Wake::Idle;
            }
        }
    }

    /// Waits a moment, or until it is to stop; whether it is.
    pub(super) fn pause(&self, moment: Duration) -> bool {
        let state = self.lock();
        let waited = self.wanted.wait_timeout_while(state, moment, |state| !state.stop);
        waited.unwrap_or_else(PoisonError::into_inner).0.stop
    }
}
