//! How a job fails.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// What a job comes to.
pub type JobResult = Result<(), JobError>;

/// Why a job failed, and what is to be done about it. Any error becomes one with `?`, and is tried again.
///
/// It is not an error type itself, so that every other can become one.
#[derive(Debug)]
pub struct JobError {
    pub(crate) message: String,
    pub(crate) then: Then,
    /// What the log says instead, when the message holds parts of a payload.
    pub(crate) logged: Option<&'static str>,
}

/// What follows a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Another attempt, after the job's back-off.
    Retry,
    /// Another attempt, after this time.
    RetryIn(Duration),
    /// None.
    GiveUp,
}

impl JobError {
    /// A failure that is tried again.
    pub fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), then: Then::Retry, logged: None }
    }

    /// The same, and another attempt would not help: the job is dead at once.
    #[must_use]
    pub fn give_up(self) -> Self {
        Self { then: Then::GiveUp, ..self }
    }

    /// The same, and the next attempt comes after this time, for what says itself how long it is away.
    #[must_use]
    pub fn retry_in(self, time: Duration) -> Self {
        Self { then: Then::RetryIn(time), ..self }
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for JobError {
    /// With all its sources.
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message += ": ";
            message += &cause.to_string();
            source = cause.source();
        }
        Self { message, then: Then::Retry, logged: None }
    }
}

/// A text as it can be stored: PostgreSQL takes no U+0000, and what is too long is cut.
pub(crate) fn clean(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}
