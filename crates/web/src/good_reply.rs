//! What settings make of a good reply: `status` in place of 200, and `headers` that the endpoint did not set itself.
//!
//! It happens next to the handler, so that a cache keeps the reply as it is sent. Stubs apply their status themselves.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, StatusCode};
use ketch_model::{Answer, Effective, Endpoint, ReplySpec};

use crate::exchange::Response;
use crate::service::Handler;

/// Writes `status` into what the documents know of an endpoint's replies.
///
/// # Errors
/// When the reply's type says the status already, or no body can go with it.
pub(crate) fn describe_status(
    settings: &Effective,
    answer: Answer,
    replies: &mut [ReplySpec],
) -> Result<(), String> {
    let Some(status) = said(settings).filter(|_| answer != Answer::Stub) else { return Ok(()) };
    if bodiless(status) {
        if replies.iter().any(|reply| reply.status == status && reply.content.is_none()) {
            return Ok(());
        }
        let status = status.as_u16();
        return Err(format!(
            "`status = {status}` has no body, and what answers here has one: leave `status` out, or answer without a \
             body (SQL that returns `count`; in Rust, `NoContent` or a `Response`)"
        ));
    }
    let Some(reply) = replies.iter_mut().find(|reply| reply.status == StatusCode::OK) else {
        return Err(
            "the status is said by the type of the reply: leave out `status`, or return another type"
                .to_owned(),
        );
    };
    reply.status = status;
    Ok(())
}

/// The handler whose good replies get what the settings say.
pub(crate) fn with_settings(endpoint: &Endpoint, handler: Handler) -> Handler {
    let status = said(&endpoint.settings).filter(|_| endpoint.answer != Answer::Stub);
    let headers: Arc<[_]> = endpoint.settings.headers.iter().filter_map(|line| header(&line.value)).collect();
    if status.is_none() && headers.is_empty() {
        return handler;
    }
    Arc::new(move |input| {
        let (reply, headers) = (handler(input), Arc::clone(&headers));
        Box::pin(async move {
            let mut response = reply.await?;
            finish(status, &headers, &mut response);
            Ok(response)
        })
    })
}

fn finish(status: Option<StatusCode>, headers: &[(HeaderName, HeaderValue)], response: &mut Response) {
    if let Some(status) = status.filter(|_| response.status() == StatusCode::OK) {
        *response.status_mut() = status;
    }
    if response.status().is_success() || response.status().is_redirection() {
        // Asked before any is added, because a name may be said several times.
        let new: Vec<bool> = headers.iter().map(|(name, _)| !response.headers().contains_key(name)).collect();
        for ((name, value), new) in headers.iter().zip(new) {
            if new {
                response.headers_mut().append(name.clone(), value.clone());
            }
        }
    }
}

fn said(settings: &Effective) -> Option<StatusCode> {
    StatusCode::from_u16(settings.status.value?).ok()
}

/// 204 and 205 have no body, 206 has a part of one (RFC 9110, section 15.3).
fn bodiless(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::PARTIAL_CONTENT)
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    Some((HeaderName::try_from(name.trim()).ok()?, HeaderValue::try_from(value.trim()).ok()?))
}
