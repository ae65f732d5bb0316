//! Whether the disk is still to be trusted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use rusqlite::ErrorCode;

use super::error::explained;
use crate::error::Error;

/// What broke, if something did. Nothing is written any more until the database is opened again: after a failed fsync
/// the system may count pages as written that never reached the disk, and a second fsync would say that all is well
/// (<https://wiki.postgresql.org/wiki/Fsync_Errors>).
#[derive(Debug, Default)]
pub(super) struct Broken {
    why: RwLock<Option<String>>,
    /// Only a new process may open it again.
    for_good: AtomicBool,
    /// Its name leads to nothing, or to another file.
    gone: AtomicBool,
}

impl Broken {
    /// The error that every write is to end with.
    pub(super) fn error(&self) -> Option<Error> {
        self.why.read().unwrap_or_else(PoisonError::into_inner).clone().map(Error::Broken)
    }

    /// The first reason is kept.
    pub(super) fn set(&self, why: String) {
        let mut broken = self.why.write().unwrap_or_else(PoisonError::into_inner);
        if broken.is_none() {
            if self.gone.load(Ordering::Acquire) {
                tracing::error!(why, "the database's file is gone: writes are refused");
            } else {
                tracing::error!(
                    why,
                    "the database's disk failed: writes are refused until it is opened again"
                );
            }
            *broken = Some(why);
        }
    }

    /// The file is no longer where it was opened. To open its name again would begin an empty one, or take another, as if
    /// nothing had been lost: that is for people to decide.
    pub(super) fn gone(&self, why: String) {
        self.gone.store(true, Ordering::Release);
        self.set(why);
    }

    /// It has been opened again.
    pub(super) fn mend(&self) {
        *self.why.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A checkpoint failed. It may be that pages which an earlier one copied were lost with it: SQLite does not sync
    /// what it copies beside readers and a writer, and does not copy it again as long as any connection of this process
    /// is open. The next process copies the whole log.
    pub(super) fn of_checkpoint(&self) {
        self.for_good.store(true, Ordering::Release);
    }

    /// Why it may not be opened again by this process, if it may not.
    pub(super) fn for_good(&self) -> Option<Error> {
        let why = || self.why.read().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default();
        if self.gone.load(Ordering::Acquire) {
            return Some(Error::Open(why()));
        }
        self.for_good.load(Ordering::Acquire).then(|| {
            let why = why();
            Error::Open(format!(
                "{why}; what was copied into the file before may be lost with it, so this process cannot go on: \
                 restart it, and the whole log is copied again"
            ))
        })
    }
}

/// What is wrong with the disk, if that is why a commit or a checkpoint failed.
pub(super) fn of_disk(error: &rusqlite::Error) -> Option<String> {
    let code = error.sqlite_error_code()?;
    matches!(code, ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        .then(|| explained(error))
}
