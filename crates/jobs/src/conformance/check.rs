//! How a case says what it expects.

use std::fmt;
use std::panic::Location;

use crate::error::JobError;

/// What a case comes to.
pub(super) type Checked = Result<(), Failure>;

/// Why a case does not pass, and which of its lines says so.
#[derive(Debug)]
pub(super) struct Failure {
    what: String,
    at: &'static Location<'static>,
}

impl Failure {
    #[track_caller]
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), at: Location::caller() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.at.file().rsplit(['/', '\\']).next().unwrap_or_default();
        write!(f, "{} ({file}:{})", self.what, self.at.line())
    }
}

/// An error that the case did not expect.
impl From<ketch_db::Error> for Failure {
    #[track_caller]
    fn from(error: ketch_db::Error) -> Self {
        Self::new(format!("unexpected error: {error} [{error:?}]"))
    }
}

impl From<crate::Error> for Failure {
    #[track_caller]
    fn from(error: crate::Error) -> Self {
        Self::new(format!("unexpected error: {error} [{error:?}]"))
    }
}

impl From<JobError> for Failure {
    #[track_caller]
    fn from(error: JobError) -> Self {
        Self::new(format!("unexpected error: {error:?}"))
    }
}

/// Both are equal.
#[track_caller]
pub(super) fn same<T: PartialEq + fmt::Debug>(what: &str, found: &T, expected: &T) -> Checked {
    if found == expected {
        return Ok(());
    }
    Err(Failure::new(format!("{what}: expected {expected:?}, found {found:?}")))
}

/// It is so.
#[track_caller]
pub(super) fn holds(what: &str, so: bool) -> Checked {
    if so { Ok(()) } else { Err(Failure::new(format!("expected that {what}"))) }
}

/// `fails!("what was done", result, Error::NoJob(_))`
macro_rules! fails {
    ($what:expr, $result:expr, $($kind:tt)+) => {
        match $result {
            Err(error) if matches!(&error, $($kind)+) => Ok(error),
            other => Err($crate::conformance::check::Failure::new(format!(
                "{}: expected `{}`, found {other:?}", $what, stringify!($($kind)+)
            ))),
        }
    };
}
pub(super) use fails;
