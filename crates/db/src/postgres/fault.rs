//! What can go wrong with one statement, before it is known what its caller is told.

use tokio_postgres::Error as Theirs;

use super::error::{is_lost, of_statement};
use crate::error::Error;

/// What can go wrong with one statement.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server says so, or the way to it.
    Server(Theirs),
    /// The parameters, or the sink: the server knows of no error.
    Ours(Error),
    /// The connection was gone before anything was sent.
    Gone,
    /// There is no answer, even though it was cancelled.
    Silent,
}

impl From<Theirs> for Fault {
    fn from(error: Theirs) -> Self {
        Self::Server(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl Fault {
    pub(super) fn is(&self, what: impl Fn(&Theirs) -> bool) -> bool {
        matches!(self, Self::Server(error) if what(error))
    }

    /// Whether the connection is gone.
    pub(super) fn lost(&self) -> bool {
        matches!(self, Self::Gone) || self.is(is_lost)
    }

    pub(super) fn into_error(self, sql: &str) -> Error {
        match self {
            Self::Server(error) => of_statement(&error, sql),
            Self::Ours(error) => error,
            Self::Gone => Error::Unavailable("the connection was lost".to_owned()),
            Self::Silent => Error::Deadline,
        }
    }
}
