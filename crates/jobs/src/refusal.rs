//! Why the queue refuses what it is asked for, and what a client sees of it.

use std::fmt;

use ketch_db::Error as DbError;
use ketch_model::Error as ApiError;

use crate::row::Status;

/// Why something was not done to a job.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// There is no job with this number.
    NoJob(i64),
    /// The job stands so that it cannot be done.
    NotNow {
        /// Its number.
        id: i64,
        /// How it stands.
        status: Status,
        /// What was asked, and what can be done instead.
        why: &'static str,
    },
    /// Another job has its unique key.
    Taken {
        /// The job that was to be run again.
        id: i64,
        /// The one that has the key, if it has it still.
        by: Option<i64>,
    },
    /// What was asked for cannot be; what is wrong with it.
    Invalid(String),
    /// What the database says.
    Database(DbError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoJob(id) => write!(f, "there is no job {id}; jobs that ended are purged after a time"),
            Self::NotNow { id, status, why } => write!(f, "job {id} is {status}: {why}"),
            Self::Taken { id, by: Some(by) } => {
                write!(f, "job {id} cannot wait again: job {by} has its unique key, and has not ended")
            }
            Self::Taken { id, by: None } => {
                write!(f, "job {id} cannot wait again: another job had its unique key; try again")
            }
            Self::Invalid(why) => f.write_str(why),
            Self::Database(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<DbError> for Error {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Check(why) => Self::Invalid(why),
            other => Self::Database(other),
        }
    }
}

/// What a client sees: 404 for a job that is not there, 409 for one that stands otherwise, 422 for what cannot be.
impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let (status, code) = match error {
            Error::NoJob(_) => (404, "no_such_job"),
            Error::NotNow { .. } => (409, "job_not_ready"),
            Error::Taken { .. } => (409, "unique_key_taken"),
            Error::Invalid(_) => (422, "invalid_job"),
            Error::Database(error) => return error.into(),
        };
        Self::new(status, code, error.to_string())
    }
}
