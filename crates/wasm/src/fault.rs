//! What goes wrong with guests, as errors of a request.

use ketch_manifest::one_line;
use ketch_model::Error;
use serde::Deserialize;
use wasmtime::PoolConcurrencyLimitError;

/// The most of a cause that goes to the log, in bytes.
const LONGEST: usize = 2_000;

/// A guest's call that ended in a trap, or could not begin.
pub(crate) fn failed(error: &wasmtime::Error) -> Error {
    if error.is::<PoolConcurrencyLimitError>() {
        return busy();
    }
    Error::new(500, "controller_failed", "what answers here has failed").because(cause(error))
}

/// There is no place for one more call.
pub(crate) fn busy() -> Error {
    let header = (http::header::RETRY_AFTER, http::HeaderValue::from_static("1"));
    Error::new(503, "busy", "too many such calls are running").header(header.0, header.1)
}

/// The time is over.
pub(crate) fn late(limit: std::time::Duration) -> Error {
    Error::new(504, "deadline_exceeded", format!("no reply was ready within {limit:?}"))
}

/// A guest answered what is no answer.
pub(crate) fn nonsense(why: &str) -> Error {
    let cause = format!("the component's answer {why}");
    Error::new(502, "bad_controller", "what answers here has answered nonsense").because(cause)
}

/// What a guest says of a failure that the client may know of.
#[derive(Deserialize)]
struct Told {
    status: u16,
    message: String,
    code: Option<String>,
}

/// A guest said that it failed, and why: text is for the log; an object with a `status` and a `message` is for the client.
pub(crate) fn said(message: &str) -> Error {
    match serde_json::from_str::<Told>(message) {
        Ok(told) if (400..600).contains(&told.status) => {
            let code = told.code.unwrap_or_else(|| "controller_error".to_owned());
            Error::new(told.status, code, told.message)
        }
        _ => {
            let said = one_line(&message[..message.floor_char_boundary(LONGEST)]);
            let cause = format!("the component says: {said}");
            Error::new(502, "bad_controller", "what answers here has failed").because(cause)
        }
    }
}

/// A cause as one line: what happened, and where in the guest.
pub(crate) fn cause(error: &wasmtime::Error) -> String {
    let mut text = format!("{error:#}").lines().map(str::trim).collect::<Vec<_>>().join(" | ");
    text.truncate(text.floor_char_boundary(LONGEST));
    one_line(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_guest_says_of_its_failure_is_one_line_of_the_log() {
        let cause = said("no\n2026 ERROR \u{1b}[2J").cause().map(ToString::to_string).unwrap_or_default();
        assert_eq!(cause, "the component says: no\\u{a}2026 ERROR \\u{1b}[2J");
        let error = wasmtime::Error::msg("a\u{1b}[2J").context("b\nc");
        assert_eq!(super::cause(&error), "b | c: a\\u{1b}[2J");
    }
}
