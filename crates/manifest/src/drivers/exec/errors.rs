//! How a program fails, for the client and for the log. A client is told nothing of the cause.

use std::path::Path;
use std::time::Duration;

use ketch_model::Error;

use super::gate::busy;
use super::spawn::NotStarted;
pub(super) use crate::one_line::{SHOWN, shown};

/// What a program is for, as its errors are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Controller,
    Middleware,
    Checker,
}

impl Part {
    /// 502: the program did not do what it has to.
    pub(super) fn bad(self, program: &Path, cause: impl std::fmt::Display) -> Error {
        let (code, message) = match self {
            Self::Controller => ("bad_controller", "the controller did not answer as it should"),
            Self::Middleware => ("bad_middleware", "a middleware did not answer as it should"),
            Self::Checker => ("bad_checker", "a type checker did not answer as it should"),
        };
        Error::new(502, code, message).because(format!("{}: {cause}", program.display()))
    }

    /// What is said of a process that could not be started.
    pub(super) fn not_started(self, program: &Path, why: NotStarted) -> Error {
        match why {
            NotStarted::Full => busy(Duration::ZERO).because("as many processes run as may in one server"),
            NotStarted::Failed(error) => self.bad(program, format_args!("cannot be started: {error}")),
        }
    }
}

/// 504: a program took too long.
pub(super) fn late(program: &Path, limit: Duration) -> Error {
    Error::new(504, "deadline_exceeded", format!("no reply was ready within {limit:?}"))
        .because(format!("{}: killed after {limit:?}", program.display()))
}
