//! Request bodies: within the endpoint's limit, with the request's place given up while they are waited for, and read
//! whole.
//!
//! Not here: what is in them. Deadlines for slow ones are the edge's.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use ketch_model::{Error, FieldError, In};
use tokio::sync::OwnedSemaphorePermit;

use crate::exchange::{Exchange, Input};

/// The whole body.
///
/// # Errors
/// 415 when it is encoded; 413 when it is larger than the endpoint's `limit` (before any of it is read, when its
/// length is declared); 400 when it broke off or its framing is wrong; what `edge` says when it came too slowly.
pub(crate) async fn whole(input: &mut Input) -> Result<Bytes, Error> {
    plain(&input.parts.headers)?;
    let body = input.take_body();
    collect(Limited::new(body, &input.parts.headers, &input.exchange)?).await
}

/// The rest of a limited body.
///
/// # Errors
/// As [`whole`].
pub(crate) async fn collect(mut body: Limited) -> Result<Bytes, Error> {
    let mut whole = Held::default();
    while let Some(data) = body.data().await? {
        if whole.bytes.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        whole.extend(&data, &body.exchange)?;
    }
    Ok(whole.bytes.into())
}

/// The whole of a body that came as a raw [`Request`](crate::Request)'s.
///
/// # Errors
/// 413 when it is larger than the endpoint's `limit`, 400 when it broke off, 408 when it came too slowly.
pub async fn read_body(body: Body) -> Result<Bytes, Error> {
    Ok(body.collect().await.map_err(|error| broken(error.into()))?.to_bytes())
}

/// Bytes that are kept, with room taken for them among all bodies.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) bytes: Vec<u8>,
    room: Vec<OwnedSemaphorePermit>,
}

impl Held {
    /// Room is taken before it grows, and twice what is needed, as a growing vector does. Bytes are copied, because a
    /// frame keeps the whole buffer it was read into: a body of tiny chunks would hold many times its size.
    pub(crate) fn extend(&mut self, data: &[u8], exchange: &Exchange) -> Result<(), Error> {
        let needed = self.bytes.len() + data.len();
        if self.bytes.capacity() < needed {
            let more = needed.max(4 << 10);
            self.room.push(exchange.admission().hold(more)?);
            self.bytes.reserve_exact(more);
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }
}

/// A body within its endpoint's limit. While it is waited for, the request's place is somebody else's.
pub(crate) struct Limited {
    body: Body,
    limit: u64,
    left: u64,
    exchange: Exchange,
    waits: bool,
    /// Where its failure is left for somebody who sees only that it failed.
    failure: Option<Failure>,
}

/// Where the failure of a body is left.
pub(crate) type Failure = Arc<Mutex<Option<Error>>>;

impl Limited {
    /// # Errors
    /// 413 when the declared length is over the limit.
    pub(crate) fn new(body: Body, headers: &HeaderMap, exchange: &Exchange) -> Result<Self, Error> {
        let limit = exchange.endpoint().settings.limit.value;
        let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if declared.is_some_and(|length| length > limit) {
            return Err(too_large(limit));
        }
        let exchange = exchange.clone();
        Ok(Self { body, limit, left: limit, exchange, waits: false, failure: None })
    }

    /// The request that it belongs to.
    pub(crate) fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// Leaves its failure there too.
    pub(crate) fn telling(mut self, failure: &Failure) -> Self {
        self.failure = Some(Arc::clone(failure));
        self
    }

    /// The next data; none at the end.
    pub(crate) async fn data(&mut self) -> Result<Option<Bytes>, Error> {
        while let Some(frame) = self.frame().await {
            if let Ok(data) = frame?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    fn frame_or_failure(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            if !self.waits {
                self.waits = true;
                self.exchange.admission().pause();
            }
            return Poll::Pending;
        };
        if std::mem::take(&mut self.waits)
            && let Err(full) = self.exchange.admission().resume()
        {
            return Poll::Ready(Some(Err(full)));
        }
        let Some(frame) = frame else { return Poll::Ready(None) };
        let frame = frame.map_err(|error| broken(error.into())).and_then(|frame| {
            let length = frame.data_ref().map_or(0, |data| data.len() as u64);
            self.left = self.left.checked_sub(length).ok_or_else(|| too_large(self.limit))?;
            Ok(frame)
        });
        Poll::Ready(Some(frame))
    }
}

impl HttpBody for Limited {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = self.frame_or_failure(context);
        let Poll::Ready(Some(Err(error))) = polled else { return polled };
        let Some(failure) = &self.failure else { return Poll::Ready(Some(Err(error))) };
        *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        Poll::Ready(Some(Err(Error::new(400, "broken_body", "the request's body cannot be read"))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Limited {
    /// Whoever stops waiting for a body works on, and needs the place for it.
    fn drop(&mut self) {
        if self.waits {
            self.exchange.admission().regain();
        }
    }
}

impl std::fmt::Debug for Limited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limited").field("left", &self.left).finish_non_exhaustive()
    }
}

/// Refuses a body in an encoding (RFC 9110, 8.4): none is undone here, so none can be a bomb.
///
/// # Errors
/// 415, with the encodings that are read.
pub(crate) fn plain(headers: &HeaderMap) -> Result<(), Error> {
    let identity = |value: &HeaderValue| {
        value.to_str().is_ok_and(|list| {
            list.split(',').all(|one| one.trim().is_empty() || one.trim().eq_ignore_ascii_case("identity"))
        })
    };
    if headers.get_all(CONTENT_ENCODING).iter().all(identity) {
        return Ok(());
    }
    let message = "encoded bodies are not read: send it without `Content-Encoding`";
    Err(Error::new(415, "unsupported_encoding", message)
        .header(ACCEPT_ENCODING, HeaderValue::from_static("identity")))
}

/// The media type of a body, in lower case and without parameters; none when there is not exactly one.
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (value, None) = (values.next()?.to_str().ok()?, values.next()) else { return None };
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// What does not fit the type that is read, named by JSON Pointer. A member that is missing is named itself.
pub(crate) fn unfit(mut pointer: String, message: String) -> Error {
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    let code = match missing {
        Some(name) => {
            step(&mut pointer, name);
            "missing"
        }
        None => "invalid",
    };
    Error::arguments(vec![FieldError { place: In::Body, name: pointer, code, message }])
}

/// A JSON Pointer (RFC 6901) to where reading has stopped.
pub(crate) fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut out = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => step(&mut out, &index.to_string()),
            Segment::Map { key } => step(&mut out, key),
            Segment::Enum { variant } => step(&mut out, variant),
            Segment::Unknown => {}
        }
    }
    out
}

/// One step deeper.
pub(crate) fn step(pointer: &mut String, name: &str) {
    pointer.push('/');
    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
}

/// What a connection's body may fail with to decide the reply itself, such as "too slow".
pub(crate) fn broken(mut error: Box<dyn StdError + Send + Sync>) -> Error {
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
