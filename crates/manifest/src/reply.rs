//! From what a controller answers to a reply.

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use ketch_model::Error;
use ketch_web::Response;
use serde_json::Value;

use crate::call::Answer;

/// Shapes a reply.
///
/// # Errors
/// 502 when the controller's answer cannot be one.
pub(crate) fn shape(answer: Answer) -> Result<Response, Error> {
    let (status, body) = match answer {
        Answer::Reply(reply) => return Ok(reply),
        Answer::Json(bytes) => (StatusCode::OK, Body::from(bytes)),
        Answer::Fields(mut fields) => {
            let status = fields.remove("_STATUS_").and_then(|it| it.as_u64()).unwrap_or(200);
            let status = u16::try_from(status).ok().and_then(|code| StatusCode::from_u16(code).ok());
            let status =
                status.ok_or_else(|| Error::new(502, "bad_controller", "the controller set no status"))?;
            (status, Body::from(Value::Object(fields).to_string()))
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
