//! Server-sent events (WHATWG HTML, section 9.2): events as text, and the stream that carries them.

use std::error::Error as StdError;
use std::fmt;
use std::fmt::Write;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, StatusCode};
use ketch_model::{Content, Error, ReplySpec};
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, Sleep, sleep};

use crate::exchange::{RequestId, Response};
use crate::reply::{Asked, Reply, ReplyDocs};
use crate::stream::{EndsAtStop, Failure, guarded};

/// One event.
///
/// ```
/// use ketch_web::Event;
/// let event = Event::text("a boat\nhas come").named("arrival").id("7");
/// assert_eq!(event.to_string(), "event: arrival\nid: 7\ndata: a boat\ndata: has come\n\n");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    comment: Option<String>,
    name: Option<String>,
    id: Option<String>,
    retry: Option<Duration>,
    data: Option<String>,
}

impl Event {
    /// An event with text. Ends of lines in it, however they are written, arrive as `\n`.
    pub fn text(data: impl Into<String>) -> Self {
        Self { data: Some(data.into()), ..Self::default() }
    }

    /// An event with a value as JSON.
    ///
    /// # Errors
    /// 500 when the value cannot be written as JSON.
    pub fn json(value: &impl Serialize) -> Result<Self, Error> {
        serde_json::to_string(value).map(Self::text).map_err(Error::internal)
    }

    /// A comment, which clients pass over.
    pub fn comment(text: impl Into<String>) -> Self {
        Self { comment: Some(text.into()), ..Self::default() }
    }

    /// The event's name; `message` if it has none. What would end a line is left out.
    #[must_use]
    pub fn named(mut self, name: impl AsRef<str>) -> Self {
        self.name = Some(one_line(name.as_ref()));
        self
    }

    /// What a client that comes back sends as `Last-Event-ID`. What would end a line, and NUL, is left out.
    #[must_use]
    pub fn id(mut self, id: impl AsRef<str>) -> Self {
        self.id = Some(one_line(id.as_ref()));
        self
    }

    /// How long a client waits before it comes back, in whole milliseconds.
    #[must_use]
    pub fn retry(mut self, after: Duration) -> Self {
        self.retry = Some(after);
        self
    }
}

/// The event as it is sent.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(comment) = &self.comment {
            lines(comment).try_for_each(|line| writeln!(f, ": {line}"))?;
        }
        if let Some(name) = &self.name {
            writeln!(f, "event: {name}")?;
        }
        if let Some(id) = &self.id {
            writeln!(f, "id: {id}")?;
        }
        if let Some(retry) = &self.retry {
            writeln!(f, "retry: {}", retry.as_millis())?;
        }
        if let Some(data) = &self.data {
            lines(data).try_for_each(|line| writeln!(f, "data: {line}"))?;
        }
        f.write_char('\n')
    }
}

/// The lines of a text, whichever of the three ways they end.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

fn one_line(text: &str) -> String {
    text.chars().filter(|letter| !matches!(letter, '\r' | '\n' | '\0')).collect()
}

/// A stream of events. While there are none, a comment goes out every 15 seconds, so that nobody on the way takes the
/// connection for dead. It ends at once when the server is told to stop; browsers then come back by themselves and send
/// the last event's id as the header `Last-Event-ID`.
///
/// ```
/// use futures_util::stream;
/// use ketch_web::{Event, Sse};
///
/// let boats = stream::iter(["Vela", "Brisa"]).map(|name| Ok::<_, ketch_model::Error>(Event::text(name)));
/// # use futures_util::StreamExt;
/// let reply = Sse::new(boats);
/// ```
pub struct Sse {
    events: Pin<Box<dyn Stream<Item = Result<Event, Failure>> + Send>>,
    keep_alive: Duration,
}

/// The shortest and the longest time between two comments.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_hours(1);

impl Sse {
    /// A reply of these events. An error ends the connection and is logged.
    pub fn new<S, E>(events: S) -> Self
    where
        S: Stream<Item = Result<Event, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let events = Box::pin(events.map(|event| event.map_err(Into::into)));
        Self { events, keep_alive: Duration::from_secs(15) }
    }

    /// How long there may be nothing before a comment goes out: 100 milliseconds to an hour.
    #[must_use]
    pub fn keep_alive(mut self, every: Duration) -> Self {
        self.keep_alive = every.clamp(SHORTEST, LONGEST);
        self
    }

    fn respond(self, id: Option<RequestId>) -> Response {
        let Self { events, keep_alive } = self;
        let kept = KeptAlive { events, every: keep_alive, next: Box::pin(sleep(keep_alive)) };
        let mut response = Response::new(guarded(kept, id));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // nginx would hold events back until a buffer is full.
        headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
        response.extensions_mut().insert(EndsAtStop);
        response
    }
}

impl fmt::Debug for Sse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sse").field("keep_alive", &self.keep_alive).finish_non_exhaustive()
    }
}

#[diagnostic::do_not_recommend]
impl Reply for Sse {
    const LOOKS_BACK: bool = true;

    fn reply(self) -> Result<Response, Error> {
        Ok(self.respond(None))
    }

    fn reply_to(self, asked: &Asked) -> Result<Response, Error> {
        Ok(self.respond(Some(asked.id)))
    }

    fn describe(docs: &mut ReplyDocs<'_>) {
        docs.push(ReplySpec {
            status: StatusCode::OK,
            description: "Events, as they happen.".to_owned(),
            content: Some(Content { media_type: "text/event-stream", schema: json!({ "type": "string" }) }),
        });
    }
}

/// Events as bytes, and comments while there are none.
struct KeptAlive {
    events: Pin<Box<dyn Stream<Item = Result<Event, Failure>> + Send>>,
    every: Duration,
    next: Pin<Box<Sleep>>,
}

impl Stream for KeptAlive {
    type Item = Result<Bytes, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let piece = match this.events.as_mut().poll_next(context) {
            Poll::Ready(Some(Ok(event))) => Ok(Bytes::from(event.to_string())),
            Poll::Ready(Some(Err(failure))) => Err(failure),
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending if this.next.as_mut().poll(context).is_pending() => return Poll::Pending,
            Poll::Pending => Ok(Bytes::from_static(b":\n\n")),
        };
        this.next.as_mut().reset(Instant::now() + this.every);
        Poll::Ready(Some(piece))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_of_a_line_is_one() {
        assert_eq!(Event::text("a\r\nb\rc\nd").to_string(), "data: a\ndata: b\ndata: c\ndata: d\n\n");
        assert_eq!(Event::text("a\n").to_string(), "data: a\ndata: \n\n");
        assert_eq!(Event::text("").to_string(), "data: \n\n");
        assert_eq!(Event::comment("a\rdata: b").to_string(), ": a\n: data: b\n\n");
    }

    #[test]
    fn a_field_cannot_become_two() {
        let event = Event::text("x").named("a\ndata: evil").id("1\r\n\0\ndata: evil");
        assert_eq!(event.to_string(), "event: adata: evil\nid: 1data: evil\ndata: x\n\n");
    }

    #[test]
    fn values_are_json_and_times_milliseconds() {
        let event = Event::json(&json!({ "a": "b\nc" })).unwrap().retry(Duration::from_secs(3));
        assert_eq!(event.to_string(), "retry: 3000\ndata: {\"a\":\"b\\nc\"}\n\n");
    }
}
