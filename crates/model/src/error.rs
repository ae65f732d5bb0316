//! The error that a client sees. One shape for arguments, routing, middleware, drivers and handlers.
//!
//! It holds what may leave the process (`status`, `code`, `message`, `fields`) apart from what may not (the cause,
//! which goes to the log). Turning it into a reply happens in one place, in `web`.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value};

use crate::In;

/// A handler's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, for the client; and why, for the log.
#[derive(Debug)]
pub struct Error {
    status: StatusCode,
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    fields: Vec<FieldError>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
    closes: bool,
    /// Few errors have any, so they are elsewhere.
    more: Option<Box<More>>,
}

/// What few errors have.
#[derive(Debug, Default)]
struct More {
    headers: Vec<(HeaderName, HeaderValue)>,
    members: Map<String, Value>,
}

/// What is wrong with one argument, or one member of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Where the value was looked for.
    pub place: In,
    /// The argument's name; for a member of the body its JSON Pointer (RFC 6901).
    pub name: String,
    /// The code that programs go by: `missing`, `invalid`, `repeated`, or `rule` for a value that can be read but
    /// breaks a stated rule.
    pub code: &'static str,
    /// What to send instead.
    pub message: String,
}

impl FieldError {
    /// The code of a value that can be read but breaks a stated rule.
    pub const RULE: &'static str = "rule";
}

impl Error {
    /// The members that the body of every error has, or may have, for what they are.
    pub const MEMBERS: [&'static str; 9] =
        ["type", "title", "status", "detail", "instance", "code", "message", "request_id", "errors"];

    /// An error with a status, a code for programs and a message for people. A status below 400 is a mistake of the
    /// program and becomes a 500.
    ///
    /// ```
    /// use ketch_model::Error;
    /// let error = Error::new(404, "no_such_boat", "no boat has the id 7");
    /// assert_eq!(error.status(), 404);
    /// ```
    pub fn new(
        status: u16,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        let status = StatusCode::from_u16(status)
            .ok()
            .filter(|status| status.is_client_error() || status.is_server_error())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self {
            status,
            code: code.into(),
            message: message.into(),
            fields: Vec::new(),
            cause: None,
            closes: false,
            more: None,
        }
    }

    /// A 500 whose cause goes to the log and never to the client.
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(500, "internal_error", "something went wrong on our side").because(cause)
    }

    /// An error of arguments, one entry each: 400 when any of them cannot be read, 422 when all that is wrong is that
    /// they break stated [rules](FieldError::RULE).
    pub fn arguments(fields: Vec<FieldError>) -> Self {
        let broken = fields.iter().filter(|field| field.code == FieldError::RULE).count();
        let (status, code, several) = match broken {
            0 => (400, "invalid_arguments", "arguments cannot be read"),
            all if all == fields.len() => (422, "rules_broken", "values break their rules"),
            _ => (400, "invalid_arguments", "arguments cannot be read or break their rules"),
        };
        let message = match fields.as_slice() {
            [one] => one.message.clone(),
            all => format!("{} {several}", all.len()),
        };
        Self { fields, ..Self::new(status, code, message) }
    }

    /// Adds a cause, for the log.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Adds a header to the reply.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.more.get_or_insert_default().headers.push((name, value));
        self
    }

    /// Adds a member to the error's body (an extension member of RFC 9457). The members that every error has are not to
    /// be had in this way: [`MEMBERS`](Self::MEMBERS) are left as they are.
    ///
    /// ```
    /// use ketch_model::Error;
    /// let error = Error::new(409, "taken", "the name is taken").member("free", "ada2").member("status", 200);
    /// assert_eq!(error.members().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["free"]);
    /// ```
    #[must_use]
    pub fn member(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let name = name.into();
        if !Self::MEMBERS.contains(&name.as_str()) {
            self.more.get_or_insert_default().members.insert(name, value.into());
        }
        self
    }

    /// Closes the connection after the reply, because what follows on it cannot be trusted.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.closes = true;
        self
    }

    /// The status of the reply, 400 to 599.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The code that programs go by.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The message for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What is wrong with which argument.
    pub fn fields(&self) -> &[FieldError] {
        &self.fields
    }

    /// Headers of the reply.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        self.more.as_ref().map(|more| more.headers.as_slice()).unwrap_or_default()
    }

    /// Members of the body beside those that every error has.
    pub fn members(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.more.iter().flat_map(|more| more.members.iter())
    }

    /// The cause, for the log only.
    pub fn cause(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.cause.as_deref()
    }

    /// Whether the connection must not be used again.
    pub fn closes(&self) -> bool {
        self.closes
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.code, self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_status_is_no_error() {
        assert_eq!(Error::new(200, "x", "y").status(), 500);
        assert_eq!(Error::new(42, "x", "y").status(), 500);
    }
}
