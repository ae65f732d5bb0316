//! PostgreSQL's errors as ours. No value becomes part of a message: the server quotes them, and messages end in logs.

use std::error::Error as _;

use tokio_postgres::Error as Theirs;
use tokio_postgres::error::{DbError, SqlState};

use crate::driver::Dialect;
use crate::error::Error;
use crate::tokens::{Kind, Tokens};

/// What the server says of a statement.
pub(super) fn of_statement(error: &Theirs, sql: &str) -> Error {
    let Some(db) = error.as_db_error() else { return Error::Unavailable(explained(error)) };
    let wrong = |message: String| Error::Statement { message, sql: sql.to_owned() };
    match *db.code() {
        SqlState::UNIQUE_VIOLATION | SqlState::EXCLUSION_VIOLATION => Error::Unique(unique(db)),
        SqlState::FOREIGN_KEY_VIOLATION | SqlState::RESTRICT_VIOLATION => Error::ForeignKey(constraint(db)),
        SqlState::NOT_NULL_VIOLATION => Error::NotNull(match (db.table(), db.column()) {
            (Some(table), Some(column)) => format!("{table}.{column}"),
            // A domain that takes no null.
            _ => db.datatype().unwrap_or("a column").to_owned(),
        }),
        SqlState::CHECK_VIOLATION => Error::Check(constraint(db)),
        // A function or trigger said so, as SQLite's `raise(abort, …)`.
        SqlState::RAISE_EXCEPTION => Error::Check(db.message().to_owned()),
        SqlState::STRING_DATA_RIGHT_TRUNCATION
        | SqlState::NUMERIC_VALUE_OUT_OF_RANGE
        | SqlState::INVALID_TEXT_REPRESENTATION
        | SqlState::INVALID_DATETIME_FORMAT
        | SqlState::DATETIME_FIELD_OVERFLOW
        | SqlState::UNTRANSLATABLE_CHARACTER
        | SqlState::INVALID_BINARY_REPRESENTATION
        | SqlState::CHARACTER_NOT_IN_REPERTOIRE => Error::Check(without_values(db.message())),
        SqlState::READ_ONLY_SQL_TRANSACTION => Error::Denied(format!("a read may not write: `{sql}`")),
        SqlState::DISK_FULL => Error::Full,
        SqlState::LOCK_NOT_AVAILABLE => Error::Busy,
        SqlState::QUERY_CANCELED | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => Error::Deadline,
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => Error::Conflict,
        _ => match db.code().code().get(..2) {
            Some("08" | "57" | "53") => Error::Unavailable(db.message().to_owned()),
            // Data that the statement cannot be run with: whose they are tells whether it has parameters.
            Some("22") if has_params(sql) => Error::BadValue(without_values(db.message())),
            Some("22") => wrong(without_values(db.message())),
            // So does a search that is read while the statement runs.
            Some("42") if is_of_search(db) && has_params(sql) => {
                Error::BadValue(without_values(db.message()))
            }
            _ if *db.code() == SqlState::INDETERMINATE_DATATYPE => {
                wrong(format!("{}: say it with a cast, `cast(:name as text)`", db.message()))
            }
            Some("XX" | "58") => Error::Engine(format!("{} (SQLSTATE {})", db.message(), db.code().code())),
            _ => wrong(match db.hint() {
                Some(hint) => format!("{} ({hint})", db.message()),
                None => db.message().to_owned(),
            }),
        },
    }
}

/// What the server, or the way to it, says when a connection is made.
pub(super) fn of_connect(error: &Theirs, shown: &str) -> Error {
    let why = format!("{shown}: {}", explained(error));
    match error.as_db_error().and_then(|db| db.code().code().get(..2)) {
        // It is starting, stopping, or has too many clients.
        Some("57" | "53" | "08") => Error::Unavailable(why),
        Some(_) => Error::Open(why),
        // A certificate that is not trusted does not get better by waiting.
        None if error.to_string().contains("TLS") || is_refused(error) => Error::Open(why),
        None => Error::Unavailable(why),
    }
}

/// Whether the client's own part of the log-in failed, such as a missing password.
fn is_refused(error: &Theirs) -> bool {
    let text = error.to_string();
    text.contains("configuration") || text.contains("authentication")
}

/// Whether the connection is gone: what was under way may or may not have been done.
pub(super) fn is_lost(error: &Theirs) -> bool {
    match error.as_db_error() {
        // 57P01 to 57P05: the server ends this connection; 57014 is a statement that was cancelled.
        Some(db) => {
            let code = db.code().code();
            code.starts_with("08") || code.starts_with("57P") || code == "25P03"
        }
        None => true,
    }
}

/// Whether the same may go well if the transaction is run again.
pub(super) fn is_conflict(error: &Theirs) -> bool {
    matches!(error.code(), Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED))
}

/// Whether a prepared statement fell behind the schema, or was dropped by a proxy: it is to be prepared again.
pub(super) fn is_stale(error: &Theirs) -> bool {
    error.as_db_error().is_some_and(|db| {
        *db.code() == SqlState::INVALID_SQL_STATEMENT_NAME
            || *db.code() == SqlState::FEATURE_NOT_SUPPORTED && db.routine() == Some("RevalidateCachedQuery")
    })
}

/// An error with its causes. The library keeps passwords out of them.
pub(super) fn explained(error: &Theirs) -> String {
    if let Some(db) = error.as_db_error() {
        return db.message().to_owned();
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(because) = cause {
        text.push_str(": ");
        text.push_str(&because.to_string());
        cause = because.source();
    }
    text
}

/// `boats.name`, as SQLite says it; an index of expressions by its name.
fn unique(db: &DbError) -> String {
    let table = db.table().unwrap_or_default();
    // "Key (harbour, name)=(7, Spray) already exists.": only the names may be told.
    let names =
        db.detail().and_then(|detail| detail.split_once(")=(")).and_then(|(key, _)| key.split_once('('));
    let plain = |name: &str| !name.is_empty() && name.chars().all(|it| it == '_' || it.is_alphanumeric());
    match names {
        Some((_, names)) if names.split(", ").all(plain) => {
            let all: Vec<_> = names.split(", ").map(|name| format!("{table}.{name}")).collect();
            all.join(", ")
        }
        _ => format!("index '{}'", db.constraint().unwrap_or_default()),
    }
}

fn constraint(db: &DbError) -> String {
    db.constraint().or(db.table()).unwrap_or("a constraint").to_owned()
}

/// Whether a text that was to be a search does not parse.
fn is_of_search(db: &DbError) -> bool {
    *db.code() == SqlState::SYNTAX_ERROR
        && ["tsquery", "tsvector", "jsonpath"].iter().any(|what| db.message().contains(what))
}

/// Whether a statement has parameters, as it is written or as it is sent.
fn has_params(sql: &str) -> bool {
    Tokens::new(sql, Dialect::Postgres).any(|token| matches!(token.kind, Kind::Parameter | Kind::Positional))
}

/// A message about a value, without the value, which is in quotes.
fn without_values(message: &str) -> String {
    match (message.find('"'), message.rfind('"')) {
        (Some(from), Some(to)) if from < to => format!("{}\"…\"{}", &message[..from], &message[to + 1..]),
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_about_a_value_does_not_tell_it() {
        let message = "invalid input syntax for type uuid: \"a \"secret\" one\"";
        assert_eq!(without_values(message), "invalid input syntax for type uuid: \"…\"");
        let message = "value \"99999\" is out of range for type smallint";
        assert_eq!(without_values(message), "value \"…\" is out of range for type smallint");
    }
}
