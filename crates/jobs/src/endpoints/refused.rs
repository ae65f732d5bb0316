//! What the endpoints refuse, so that the documents of each say which errors it has.

use ketch_model::{Error as WireError, ErrorSpec};
use ketch_web::ApiError;

use crate::refusal::Error;

/// What an endpoint refuses, as the documents know it.
pub(super) struct Refused<const WHAT: u8>(Error);

/// Of [`Refused`]: what the database says, and nothing else.
pub(super) const NOTHING: u8 = 0;
/// A job that is not there.
pub(super) const MISSING: u8 = 1;
/// That, or one that stands otherwise.
pub(super) const STANDS: u8 = 2;
/// That, or one whose unique key is taken.
pub(super) const TAKEN: u8 = 3;
/// What cannot be.
pub(super) const INVALID: u8 = 4;

const NO_SUCH_JOB: ErrorSpec = ErrorSpec {
    status: 404,
    code: "no_such_job",
    description: "There is no such job; those that ended are deleted after a time",
};
const NOT_READY: ErrorSpec = ErrorSpec {
    status: 409,
    code: "job_not_ready",
    description: "The job stands so that this cannot be done; the message says how, and what to do",
};
const KEY_TAKEN: ErrorSpec = ErrorSpec {
    status: 409,
    code: "unique_key_taken",
    description: "Another job of the type has its unique key, and has not ended",
};
const INVALID_JOB: ErrorSpec = ErrorSpec {
    status: 422,
    code: "invalid_job",
    description: "What was asked for cannot be; the message says what is wrong with it",
};

impl<const WHAT: u8> ApiError for Refused<WHAT> {
    const ERRORS: &'static [ErrorSpec] = match WHAT {
        NOTHING => &[],
        MISSING => &[NO_SUCH_JOB],
        STANDS => &[NO_SUCH_JOB, NOT_READY],
        TAKEN => &[NO_SUCH_JOB, NOT_READY, KEY_TAKEN],
        _ => &[INVALID_JOB],
    };

    fn into_error(self) -> WireError {
        self.0.into()
    }
}

impl<const WHAT: u8, E: Into<Error>> From<E> for Refused<WHAT> {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}
