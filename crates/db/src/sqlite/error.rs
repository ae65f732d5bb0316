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

/// What SQLite says while a statement runs, where a value may be at fault. What it understood when it was prepared, and cannot
/// do with the parameters that it was given: `match :q` with half a search, `json_extract(:document, …)` with none.
pub(super) fn of_step(error: &Theirs, params: usize) -> Option<Error> {
    let Theirs::SqliteFailure(failure, message) = error else { return None };
    let is_of_value =
        matches!(failure.extended_code, ffi::SQLITE_ERROR | ffi::SQLITE_MISMATCH | ffi::SQLITE_TOOBIG);
    let told = message.as_deref().unwrap_or("it does not fit");
    (is_of_value && params > 0).then(|| Error::BadValue(without_values(told)))
}

/// A message up to where it may quote a value: `fts5: syntax error near "…` is a syntax error.
fn without_values(message: &str) -> String {
    let (what, rest) = match message.strip_prefix("fts5: ") {
        Some(rest) => ("fts5: ", rest),
        None => ("", message),
    };
    let end = rest.find(['"', '\'', '`', ':', '<']).unwrap_or(rest.len());
    format!("{what}{}", rest[..end].trim_end())
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
        // Of `on delete restrict` it speaks as of a trigger.
        ffi::SQLITE_CONSTRAINT_TRIGGER if message == "FOREIGN KEY constraint failed" => {
            Error::ForeignKey(what)
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_about_a_value_does_not_tell_it() {
        for (message, told) in [
            ("fts5: syntax error near \"secret\"", "fts5: syntax error near"),
            ("no such column: secret", "no such column"),
            ("bad JSON path: '$secret'", "bad JSON path"),
            ("malformed JSON", "malformed JSON"),
        ] {
            assert_eq!(without_values(message), told);
        }
    }
}
