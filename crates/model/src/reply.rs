//! What an endpoint answers: replies and errors as data.

use http::StatusCode;
use serde_json::Value;

/// One kind of reply of an endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplySpec {
    /// The status.
    pub status: StatusCode,
    /// What it means, in a few words.
    pub description: String,
    /// The body, if there is one.
    pub content: Option<Content>,
}

/// The body of a reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// Its media type.
    pub media_type: &'static str,
    /// Its JSON Schema (2020-12); references point into [`Api::schemas`](crate::Api::schemas).
    pub schema: Value,
}

/// One error that an endpoint may answer, beyond those that every endpoint may.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ErrorSpec {
    /// The status.
    pub status: u16,
    /// The code that programs go by.
    pub code: &'static str,
    /// When it is answered.
    pub description: &'static str,
}
