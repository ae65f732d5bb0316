//! Replies that are made while they are sent, and what becomes of one that fails midway.
//!
//! Not here: how slowly a client may read. That is the connection's business, and the same for every reply.

use std::error::Error as StdError;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use ketch_model::{Content, Error, ReplySpec};
use serde_json::json;

use crate::app::panicked;
use crate::exchange::{RequestId, Response};
use crate::reply::{Asked, Reply, ReplyDocs};

/// What a stream may fail with.
pub(crate) type Failure = Box<dyn StdError + Send + Sync>;
type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, Failure>> + Send>>;

/// In the extensions of a response: its body has no end of its own, so a server that stops ends it at once instead of
/// waiting for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndsAtStop;

/// A body that is sent piece by piece. A piece is asked for when the client has room for it, so none pile up.
///
/// A stream that fails or panics ends the connection (HTTP/1) or the stream (HTTP/2) before the body is whole, so that
/// the client knows; why is logged with the request's id.
///
/// ```
/// use bytes::Bytes;
/// use futures_util::stream;
/// use ketch_web::ByteStream;
///
/// let lines = (1..=3).map(|line| Ok::<_, std::io::Error>(Bytes::from(format!("{line}\n"))));
/// let reply = ByteStream::new(stream::iter(lines)).content_type("text/csv; charset=utf-8");
/// ```
pub struct ByteStream {
    pieces: Pieces,
    content_type: &'static str,
}

impl ByteStream {
    /// A body of these pieces, as `application/octet-stream`.
    pub fn new<S, E>(pieces: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let pieces = Box::pin(pieces.map(|piece| piece.map_err(Into::into)));
        Self { pieces, content_type: "application/octet-stream" }
    }

    /// Says what the body is: a media type (RFC 9110 section 8.3.1).
    #[must_use]
    pub fn content_type(mut self, media_type: &'static str) -> Self {
        self.content_type = media_type;
        self
    }

    fn respond(self, id: Option<RequestId>) -> Result<Response, Error> {
        let content_type = HeaderValue::from_str(self.content_type).map_err(Error::internal)?;
        let mut response = Response::new(guarded(self.pieces, id));
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        Ok(response)
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteStream").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

#[diagnostic::do_not_recommend]
impl Reply for ByteStream {
    const LOOKS_BACK: bool = true;

    fn reply(self) -> Result<Response, Error> {
        self.respond(None)
    }

    fn reply_to(self, asked: &Asked) -> Result<Response, Error> {
        self.respond(Some(asked.id))
    }

    fn describe(docs: &mut ReplyDocs<'_>) {
        docs.push(ReplySpec {
            status: http::StatusCode::OK,
            description: "The bytes, as they are made.".to_owned(),
            content: Some(Content { media_type: "*/*", schema: json!({}) }),
        });
    }
}

/// A body of pieces; its failures are logged, and its panics are failures.
pub(crate) fn guarded(
    pieces: impl Stream<Item = Result<Bytes, Failure>> + Send + 'static,
    id: Option<RequestId>,
) -> Body {
    Body::from_stream(Guarded { pieces: Some(Box::pin(pieces)), failed: None, id })
}

struct Guarded {
    /// None once it has ended or failed.
    pieces: Option<Pieces>,
    failed: Option<Failure>,
    id: Option<RequestId>,
}

impl Guarded {
    /// The failure is told on the next turn: the connection first sends what it holds. A client that got nothing at all
    /// might take the connection for a stale one, and ask again.
    fn fail(&mut self, failure: Failure, context: &Context<'_>) {
        let id = self.id.map(tracing::field::display);
        tracing::error!(request_id = id, cause = %failure, "a reply's stream failed");
        // Whatever panicked once may do so again while it is put away.
        let pieces = self.pieces.take();
        let _again = catch_unwind(AssertUnwindSafe(move || drop(pieces)));
        self.failed = Some(failure);
        context.waker().wake_by_ref();
    }
}

impl Stream for Guarded {
    type Item = Result<Bytes, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(pieces) = &mut self.pieces else { return Poll::Ready(self.failed.take().map(Err)) };
        match catch_unwind(AssertUnwindSafe(|| pieces.as_mut().poll_next(context))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Some(Ok(piece)))) => return Poll::Ready(Some(Ok(piece))),
            Ok(Poll::Ready(Some(Err(failure)))) => self.fail(failure, context),
            Ok(Poll::Ready(None)) => {
                self.pieces = None;
                return Poll::Ready(None);
            }
            Err(panic) => {
                let panic = panicked("a reply's stream", &*panic);
                let cause = panic.cause().map_or_else(|| panic.to_string(), ToString::to_string);
                self.fail(cause.into(), context);
            }
        }
        Poll::Pending
    }
}
