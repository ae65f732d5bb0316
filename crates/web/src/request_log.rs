//! The request log: one event for each request, when its reply is handed on; for a stream, when that has ended.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::body::Body;
use bytes::Bytes;
use http::{Method, StatusCode, Uri};
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::events::{Hooks, RequestBegun, RequestEnded};
use crate::exchange::{Request, RequestId, Response};
use crate::pipeline::Pipeline;

/// The target of the events, for filters.
pub const TARGET: &str = "ketch::request";

/// What is written about a request, and told to hooks. The query is not: it may hold what is nobody's business.
pub(crate) struct Line {
    id: RequestId,
    method: Method,
    uri: Uri,
    peer: Option<SocketAddr>,
    way: Way,
    hooks: Option<Arc<Hooks>>,
    started: Instant,
    written: bool,
}

/// Where a request has gone.
#[derive(Debug)]
pub(crate) enum Way {
    /// To no endpoint, or not yet.
    Nowhere,
    Endpoint(Arc<Pipeline>),
    /// To a mounted router.
    Mount,
}

/// The longest method or path that is written whole, in bytes.
const LONGEST: usize = 1 << 10;

impl Line {
    /// A line that begins now.
    pub(crate) fn begin(
        id: RequestId,
        request: &Request,
        peer: Option<SocketAddr>,
        hooks: Option<Arc<Hooks>>,
    ) -> Self {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let (way, started, written) = (Way::Nowhere, Instant::now(), false);
        let line = Self { id, method, uri, peer, way, hooks, started, written };
        if let Some(hooks) = &line.hooks {
            hooks.begun(&RequestBegun { id, method: &line.method, path: line.uri.path(), peer });
        }
        line
    }

    /// Where the request has gone.
    pub(crate) fn way(&self) -> &Way {
        &self.way
    }

    pub(crate) fn set_way(&mut self, way: Way) {
        self.way = way;
    }

    /// Writes the line now if the reply's size is known, else when its body has ended.
    pub(crate) fn follow(mut self, response: Response) -> Response {
        if self.hooks.is_none() && !tracing::enabled!(target: TARGET, tracing::Level::INFO) {
            self.written = true;
            return response;
        }
        let status = response.status();
        match response.body().size_hint().exact() {
            Some(bytes) => {
                self.write(Some(status), bytes, "whole");
                response
            }
            None => response.map(|body| Body::new(Followed { body, line: Some((self, status)), bytes: 0 })),
        }
    }

    /// Without a status nobody was left to be answered.
    fn write(&mut self, status: Option<StatusCode>, bytes: u64, body: &str) {
        self.written = true;
        let micros = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::info!(
            target: TARGET,
            id = self.id.as_str(),
            method = cut(self.method.as_str()),
            path = cut(self.uri.path()),
            status = status.map_or(499, |status| status.as_u16()),
            bytes,
            micros,
            body,
        );
        self.tell(status, bytes);
    }

    fn tell(&self, status: Option<StatusCode>, bytes: u64) {
        let Some(hooks) = &self.hooks else { return };
        let endpoint = match &self.way {
            Way::Endpoint(pipeline) => Some(&*pipeline.endpoint),
            Way::Nowhere | Way::Mount => None,
        };
        hooks.ended(&RequestEnded {
            id: self.id,
            method: &self.method,
            path: self.uri.path(),
            peer: self.peer,
            endpoint,
            status,
            duration: self.started.elapsed(),
            bytes,
        });
    }
}

impl Drop for Line {
    /// A request whose client left before there was a reply is a request all the same. 499 is what nginx calls it.
    fn drop(&mut self) {
        if !self.written {
            self.write(None, 0, "gone");
        }
    }
}

fn cut(text: &str) -> &str {
    if text.len() <= LONGEST {
        return text;
    }
    let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

/// A streamed body that tells when it ends, or is dropped before it does.
struct Followed {
    body: Body,
    line: Option<(Line, StatusCode)>,
    bytes: u64,
}

impl Followed {
    fn end(&mut self, how: &str) {
        if let Some((mut line, status)) = self.line.take() {
            line.write(Some(status), self.bytes, how);
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
