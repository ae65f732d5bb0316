//! What can go wrong with a database, and what a client sees of it.

use std::fmt;

use ketch_model::Error as ApiError;

/// A result of the database.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. Text of values is never part of a message, because messages end in logs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The handle has no database yet: the server connects it when it starts.
    NotConnected,
    /// The database has been closed.
    Closed,
    /// The URL of a database cannot be used; what is wrong with it.
    Url(String),
    /// The database cannot be opened; why.
    Open(String),
    /// Another process has the file open, or this one has it open already.
    Locked(String),
    /// The engine is too old to be trusted with data; what it is and what it must be.
    TooOld(String),
    /// The statement is wrong: a mistake of the program.
    Statement {
        /// What the engine says.
        message: String,
        /// The statement's text.
        sql: String,
    },
    /// Parameters and statement do not match; how. A mistake of the program.
    Params(String),
    /// A row is not what the program expects; how.
    Row(String),
    /// A row was asked for and there is none.
    NoRow,
    /// More rows came than were asked for or are allowed; how many are.
    TooManyRows(usize),
    /// A value is there already that may be there once; the constraint as the engine names it.
    Unique(String),
    /// What a row refers to is not there, or what is to go is still referred to; the constraint, if the engine names it.
    ForeignKey(String),
    /// A value is missing that must be there; the column.
    NotNull(String),
    /// A value breaks a rule of its table; the constraint.
    Check(String),
    /// The engine can make nothing of a value as it is written: a search that does not parse, text that is no JSON, a
    /// divisor of zero; what it says, without the value.
    BadValue(String),
    /// Too many are waiting for the same.
    Busy,
    /// It was not done in its time, and was rolled back.
    Deadline,
    /// It met other writes again and again, and gave up; nothing of it remains.
    Conflict,
    /// The disk, or the space that is allowed, is full. Nothing of the write remains; when there is room, writes go on.
    Full,
    /// The disk failed in a way that leaves unknown what it holds. Nothing is written any more until the database is
    /// opened again; what happened.
    Broken(String),
    /// The database cannot be reached, or lost the connection; why.
    Unavailable(String),
    /// The work panicked, and was rolled back; what it said.
    Panicked(String),
    /// The engine cannot do this; what.
    Unsupported(String),
    /// Statements that the database keeps for itself were used: transaction control, `attach`, `pragma`; what.
    Denied(String),
    /// The closure of a write or read ended with an error of its own, which its caller has.
    RolledBack,
    /// Anything else that the engine says.
    Engine(String),
}

impl Error {
    /// Whether the same may go well if it is tried again a little later.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Busy
                | Self::Deadline
                | Self::Conflict
                | Self::Full
                | Self::Unavailable(_)
                | Self::Broken(_)
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected => {
                f.write_str("the database is not connected yet: the server connects it when it starts")
            }
            Self::Closed => f.write_str("the database has been closed"),
            Self::Url(why) => write!(f, "not the URL of a database: {why}"),
            Self::Open(why) => write!(f, "cannot open the database: {why}"),
            Self::Locked(why) => write!(f, "the database is in use: {why}"),
            Self::TooOld(why) => write!(f, "the database engine is too old: {why}"),
            Self::Statement { message, sql } => write!(f, "{message} in `{sql}`"),
            Self::Params(why) => write!(f, "parameters: {why}"),
            Self::Row(why) => write!(f, "unexpected row: {why}"),
            Self::NoRow => f.write_str("there is no such row"),
            Self::TooManyRows(most) => {
                write!(f, "more rows than {most}: narrow the query, add a `limit`, or stream it")
            }
            Self::Unique(what) => write!(f, "it is there already: {what}"),
            Self::ForeignKey(what) => write!(f, "a reference leads nowhere: {what}"),
            Self::NotNull(what) => write!(f, "a value is missing: {what}"),
            Self::Check(what) => write!(f, "a value breaks a rule: {what}"),
            Self::BadValue(what) => write!(f, "nothing can be made of a value: {what}"),
            Self::Busy => f.write_str("too many are waiting for the database"),
            Self::Deadline => f.write_str("it took too long and was rolled back"),
            Self::Conflict => f.write_str("it met other writes again and again"),
            Self::Full => f.write_str("the disk is full"),
            Self::Broken(why) => write!(f, "the file or its disk failed, nothing is written any more: {why}"),
            Self::Unavailable(why) => write!(f, "the database cannot be reached: {why}"),
            Self::Panicked(what) => write!(f, "the work panicked: {what}"),
            Self::Unsupported(what) => write!(f, "this database cannot do that: {what}"),
            Self::Denied(what) => write!(f, "the database keeps this for itself: {what}"),
            Self::RolledBack => f.write_str("it was rolled back by its own error"),
            Self::Engine(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {}

/// What a client sees: 409 for what is there already, 422 for what breaks another constraint, 503 with `Retry-After`
/// for what passes, 504 for what took too long, 507 for a full disk, 500 for the rest. The details go to the log.
impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let (status, code, message) = match &error {
            Error::Unique(_) => (409, "already_exists", "it is there already"),
            Error::ForeignKey(_) => {
                (422, "no_such_reference", "it refers to what is not there, or is referred to")
            }
            Error::NotNull(_) => (422, "value_missing", "a value is missing"),
            Error::Check(_) => (422, "rule_broken", "a value breaks a rule of the database"),
            Error::BadValue(_) => (
                422,
                "bad_value",
                "the database can make nothing of a value as it is written: write it otherwise",
            ),
            Error::NoRow => (404, "not_found", "there is no such thing"),
            Error::Busy | Error::Conflict => (503, "busy", "too busy; try again in a moment"),
            Error::Broken(_) | Error::Unavailable(_) | Error::NotConnected | Error::Closed => {
                (503, "unavailable", "the database cannot be used at the moment")
            }
            Error::Deadline => (504, "too_slow", "it took too long"),
            Error::Full => (507, "disk_full", "there is no room to store it"),
            _ => return ApiError::internal(error),
        };
        let retry = status == 503;
        let reply = ApiError::new(status, code, message).because(error);
        if retry {
            reply.header(http::header::RETRY_AFTER, http::HeaderValue::from_static("1"))
        } else {
            reply
        }
    }
}
