//! Reading a body whole, within the endpoint's limit.

use std::error::Error as StdError;
use std::pin::pin;

use axum::body::Body;
use bytes::Bytes;
use futures_util::FutureExt;
use http::header::CONTENT_LENGTH;
use http_body::Body as _;
use http_body_util::BodyExt;
use ketch_model::Error;

use crate::exchange::{Exchange, Input};

/// The whole body.
///
/// # Errors
/// 413 when it is larger than the endpoint's `limit` (before any of it is read, when its length is declared); 400
/// when it broke off or its framing is wrong; what `edge` says when it came too slowly.
pub(crate) async fn whole(input: &mut Input) -> Result<Bytes, Error> {
    let limit = input.exchange.endpoint().settings.limit.value;
    let declared =
        input.parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let limit_here = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut body = input.take_body();
    let mut whole = Vec::new();
    let mut held = Vec::new();
    while let Some(frame) = next(&mut body, &input.exchange).await? {
        let Ok(data) = frame.map_err(|error| broken(error.into()))?.into_data() else { continue };
        if whole.len() + data.len() > limit_here {
            return Err(too_large(limit));
        }
        if whole.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        // Room is taken before it grows, and twice what is needed, as a growing vector does.
        if whole.capacity() < whole.len() + data.len() {
            let more = (whole.len() + data.len()).max(4 << 10);
            held.push(input.exchange.admission().hold(more)?);
            whole.reserve_exact(more);
        }
        // Copied, because a frame keeps the whole buffer it was read into: a body of tiny chunks would hold many
        // times its size.
        whole.extend_from_slice(&data);
    }
    Ok(whole.into())
}

/// The next frame. While it is waited for, the request's place is somebody else's.
async fn next(body: &mut Body, exchange: &Exchange) -> Result<Option<Frame>, Error> {
    let mut frame = pin!(body.frame());
    if let Some(here) = frame.as_mut().now_or_never() {
        return Ok(here);
    }
    exchange.admission().pause();
    let frame = frame.await;
    exchange.admission().resume()?;
    Ok(frame)
}

type Frame = Result<http_body::Frame<Bytes>, axum::Error>;

/// What a connection's body may fail with to decide the reply itself, such as "too slow".
fn broken(mut error: Box<dyn StdError + Send + Sync>) -> Error {
    loop {
        error = match error.downcast::<Error>() {
            Ok(decided) => return *decided,
            Err(other) => match other.downcast::<axum::Error>() {
                Ok(wrapped) => wrapped.into_inner(),
                Err(other) => {
                    return Error::new(
                        400,
                        "broken_body",
                        "the request's body broke off or is not framed as it should be",
                    )
                    .because(other)
                    .closing();
                }
            },
        };
    }
}

fn too_large(limit: u64) -> Error {
    Error::new(
        413,
        "body_too_large",
        format!("the request's body is larger than the {limit} bytes that are read here"),
    )
    .closing()
}
