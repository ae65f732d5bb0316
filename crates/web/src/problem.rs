//! The one place that turns an error into a reply: problem details (RFC 9457).

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt::Write;

use http::HeaderValue;
use http::header::{CONNECTION, CONTENT_TYPE};
use ketch_model::{Error, FieldError, In};
use serde::Serialize;
use serde_json::{Value, json};

use crate::exchange::{RequestId, Response};

/// The reply for an error; a cause is logged with the request's id and goes no further.
///
/// The body is `type title status detail code message request_id`, and `errors` with one entry for each bad
/// argument; then whatever members the error has of its own. `detail` and `message` are the same text, for readers of RFC 9457 and for readers of an envelope.
pub fn problem(error: &Error, id: RequestId) -> Response {
    log(error, id);
    let status = error.status();
    let body = Body {
        kind: "about:blank",
        title: status.canonical_reason().unwrap_or("Error"),
        status: status.as_u16(),
        detail: error.message(),
        code: error.code(),
        message: error.message(),
        request_id: id.as_str(),
        errors: error.fields().iter().map(field).collect(),
        members: error.members().collect(),
    };
    let body = serde_json::to_vec(&body).expect("text and numbers can be written");
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if error.closes() {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    headers.extend(error.headers().iter().cloned());
    response
}

/// The body, in the order it is written.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    message: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Value>,
    #[serde(flatten)]
    members: BTreeMap<&'a String, &'a Value>,
}

/// A member of the body is named by `pointer`, as RFC 9457 does; other arguments by `parameter` and `in`.
fn field(field: &FieldError) -> Value {
    match field.place {
        In::Body => {
            json!({ "pointer": format!("#{}", field.name), "code": field.code, "message": field.message })
        }
        place => json!({
            "parameter": field.name, "in": place.name(), "code": field.code, "message": field.message,
        }),
    }
}

fn log(error: &Error, id: RequestId) {
    let Some(cause) = error.cause() else { return };
    let causes = chain(cause);
    if error.status().is_server_error() {
        tracing::error!(request_id = %id, code = error.code(), cause = %causes, "request failed");
    } else {
        tracing::debug!(request_id = %id, code = error.code(), cause = %causes, "request refused");
    }
}

/// A cause with its causes, `a: b: c`.
fn chain(cause: &(dyn StdError + 'static)) -> String {
    let mut text = cause.to_string();
    let mut next = cause.source();
    while let Some(cause) = next {
        write!(text, ": {cause}").expect("a String takes everything");
        next = cause.source();
    }
    text
}
