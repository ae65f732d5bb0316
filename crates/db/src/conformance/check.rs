//! How a case says what it expects.

use std::fmt;
use std::panic::Location;

use crate::error::{Error, Result};

/// What a case comes to.
pub(super) type Checked = std::result::Result<(), Failure>;

/// Why a case does not pass, and which of its lines says so.
#[derive(Debug)]
pub(super) enum Failure {
    /// Something else was found than was expected.
    Wrong { what: String, at: &'static Location<'static> },
    /// The engine says that it cannot do it.
    Unsupported { what: String, at: &'static Location<'static> },
}

impl Failure {
    #[track_caller]
    pub(super) fn wrong(what: impl Into<String>) -> Self {
        Self::Wrong { what: what.into(), at: Location::caller() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, at) = match self {
            Self::Wrong { what, at } | Self::Unsupported { what, at } => (what, at),
        };
        let file = at.file().rsplit(['/', '\\']).next().unwrap_or_default();
        write!(f, "{what} ({file}:{})", at.line())
    }
}

/// An error that the case did not expect.
impl From<Error> for Failure {
    #[track_caller]
    fn from(error: Error) -> Self {
        let at = Location::caller();
        match error {
            Error::Unsupported(what) => Self::Unsupported { what, at },
            other => Self::Wrong { what: format!("unexpected error: {other} [{other:?}]"), at },
        }
    }
}

/// Both are equal. Long texts and bytes are cut in the message.
#[track_caller]
pub(super) fn same<T: PartialEq + fmt::Debug>(what: &str, found: &T, expected: &T) -> Checked {
    if found == expected {
        return Ok(());
    }
    Err(Failure::wrong(format!("{what}: expected {}, found {}", short(expected), short(found))))
}

/// It is so.
#[track_caller]
pub(super) fn holds(what: &str, so: bool) -> Checked {
    if so { Ok(()) } else { Err(Failure::wrong(format!("expected that {what}"))) }
}

/// It failed as expected. What the engine cannot do at all is told apart.
#[track_caller]
pub(super) fn failed<T: fmt::Debug>(
    what: &str,
    result: Result<T>,
    kind: &str,
    expected: impl Fn(&Error) -> bool,
) -> std::result::Result<Error, Failure> {
    match result {
        Err(error) if expected(&error) => Ok(error),
        Err(Error::Unsupported(what)) => Err(Error::Unsupported(what).into()),
        other => Err(Failure::wrong(format!("{what}: expected `{kind}`, found {}", short(&other)))),
    }
}

/// `fails!("what was done", result, Error::Unique(_))`
macro_rules! fails {
    ($what:expr, $result:expr, $($kind:tt)+) => {
        $crate::conformance::check::failed(
            $what,
            $result,
            stringify!($($kind)+),
            |error| matches!(error, $($kind)+),
        )
    };
}
pub(super) use fails;

fn short(it: &impl fmt::Debug) -> String {
    const MOST: usize = 300;
    let text = format!("{it:?}");
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}… ({} characters)", &text[..end], text.chars().count()),
        None => text,
    }
}
