//! Whether the disk is still to be trusted.

use std::sync::{PoisonError, RwLock};

use rusqlite::ErrorCode;

use super::error::explained;
use crate::error::Error;

/// What broke, if something did. Nothing is written any more until the database is opened again: after a failed fsync
/// the system may count pages as written that never reached the disk, and a second fsync would say that all is well
/// (<https://wiki.postgresql.org/wiki/Fsync_Errors>).
#[derive(Debug, Default)]
pub(super) struct Broken(RwLock<Option<String>>);

impl Broken {
    /// The error that every write is to end with.
    pub(super) fn error(&self) -> Option<Error> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone().map(Error::Broken)
    }

    /// The first reason is kept.
    pub(super) fn set(&self, why: String) {
        let mut broken = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if broken.is_none() {
            tracing::error!(why, "the database's disk failed: writes are refused until it is opened again");
            *broken = Some(why);
        }
    }

    /// It has been opened again.
    pub(super) fn mend(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// What is wrong with the disk, if that is why a commit or a checkpoint failed.
pub(super) fn of_disk(error: &rusqlite::Error) -> Option<String> {
    let code = error.sqlite_error_code()?;
    matches!(code, ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        .then(|| explained(error))
}
