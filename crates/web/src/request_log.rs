//! The request log: one event for each reply, when its last byte is handed on.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::body::Body;
use bytes::Bytes;
use http::{Method, StatusCode, Uri};
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::exchange::{RequestId, Response};

/// The target of the events, for filters.
pub const TARGET: &str = "ketch::request";

/// What is written about a request. The query is not: it may hold what is nobody's business.
pub(crate) struct Line {
    pub(crate) id: RequestId,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) started: Instant,
}

impl Line {
    /// Writes the line now if the reply's size is known, else when its body has ended.
    pub(crate) fn follow(self, response: Response) -> Response {
        if !tracing::enabled!(target: TARGET, tracing::Level::INFO) {
            return response;
        }
        let status = response.status();
        match response.body().size_hint().exact() {
            Some(bytes) => {
                self.write(status, bytes, "whole");
                response
            }
            None => response.map(|body| Body::new(Followed { body, line: Some((self, status)), bytes: 0 })),
        }
    }

    fn write(&self, status: StatusCode, bytes: u64, body: &str) {
        let micros = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::info!(
            target: TARGET,
            id = self.id.as_str(),
            method = self.method.as_str(),
            path = self.uri.path(),
            status = status.as_u16(),
            bytes,
            micros,
            body,
        );
    }
}

/// A streamed body that tells when it ends, or is dropped before it does.
struct Followed {
    body: Body,
    line: Option<(Line, StatusCode)>,
    bytes: u64,
}

impl Followed {
    fn end(&mut self, how: &str) {
        if let Some((line, status)) = self.line.take() {
            line.write(status, self.bytes, how);
        }
    }
}

impl HttpBody for Followed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
            Some(Err(_)) => self.end("failed"),
            None => self.end("streamed"),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        let how = if self.body.is_end_stream() { "streamed" } else { "dropped" };
        self.end(how);
    }
}
