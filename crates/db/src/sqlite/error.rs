//! SQLite's errors as ours.

use rusqlite::ffi;
use rusqlite::{Error as Theirs, ErrorCode};

use crate::error::Error;

/// What SQLite says of a statement.
pub(super) fn of_statement(error: Theirs, sql: &str) -> Error {
    let wrong = |message: String| Error::Statement { message, sql: sql.to_owned() };
    match error {
        Theirs::SqliteFailure(failure, message) => {
            let message = message.unwrap_or_else(|| failure.to_string());
            match failure.code {
                ErrorCode::ConstraintViolation => constraint(failure.extended_code, message),
                ErrorCode::DiskFull => Error::Full,
                ErrorCode::OperationInterrupted => Error::Deadline,
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Error::Busy,
                ErrorCode::AuthorizationForStatementDenied => Error::Denied(format!("{message} in `{sql}`")),
                // Not the damage of one virtual table, such as a search index that is to be built again.
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase
                    if failure.extended_code != ffi::SQLITE_CORRUPT_VTAB =>
                {
                    Error::Broken(message)
                }
                // A long write may sync the log before its commit.
                ErrorCode::SystemIoFailure if is_of_sync(failure.extended_code) => Error::Broken(message),
                ErrorCode::ReadOnly => Error::Denied(format!("a read may not write: `{sql}`")),
                ErrorCode::Unknown => wrong(message),
                _ => Error::Engine(message),
            }
        }
        Theirs::SqlInputError { msg, .. } => wrong(msg),
        Theirs::MultipleStatement => wrong("there is more than one statement".to_owned()),
        other => Error::Engine(other.to_string()),
    }
}

/// Whether something did not reach the disk that was to be there.
fn is_of_sync(extended: i32) -> bool {
    matches!(extended, ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC)
}

/// The same where no statement of an application is concerned.
pub(super) fn of_engine(error: Theirs) -> Error {
    match of_statement(error, "") {
        Error::Statement { message, .. } => Error::Engine(message),
        other => other,
    }
}

/// An error in full, for messages about opening.
pub(super) fn explained(error: &Theirs) -> String {
    match error {
        Theirs::SqliteFailure(failure, Some(message)) => {
            format!("{message} (SQLite code {})", failure.extended_code)
        }
        other => other.to_string(),
    }
}

fn constraint(extended: i32, message: String) -> Error {
    // "UNIQUE constraint failed: boats.name"
    let what = message.split_once(": ").map_or_else(|| message.clone(), |(_, what)| what.to_owned());
    match extended {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            Error::Unique(what)
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Error::ForeignKey(what),
        ffi::SQLITE_CONSTRAINT_NOTNULL => Error::NotNull(what),
        // A trigger's RAISE, and a value that does not fit a STRICT table, say it in full.
        ffi::SQLITE_CONSTRAINT_CHECK => Error::Check(what),
        _ => Error::Check(message),
    }
}

/// What SQLite says of a statement of [`Sqlite::read`](super::Sqlite::read).
impl From<Theirs> for Error {
    fn from(error: Theirs) -> Self {
        match error {
            Theirs::QueryReturnedNoRows => Self::NoRow,
            other => of_engine(other),
        }
    }
}
