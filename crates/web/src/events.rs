//! What an application can be told about every request, when a middleware would be too much.
//!
//! Hooks are called where the request is served, so they must be quick; what takes time belongs into a channel. A
//! hook that panics is logged and harms no request.

use std::fmt;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use ketch_model::Endpoint;

use crate::exchange::RequestId;

/// A request has come; guards and routing are still to follow.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RequestBegun<'a> {
    /// Its id.
    pub id: RequestId,
    /// Its method.
    pub method: &'a Method,
    /// Its path, as it came, without the query.
    pub path: &'a str,
    /// The socket's other end; none for a request that came through no socket.
    pub peer: Option<SocketAddr>,
}

/// A request has been answered: its reply is handed on, and a streamed one has ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RequestEnded<'a> {
    /// Its id.
    pub id: RequestId,
    /// Its method.
    pub method: &'a Method,
    /// Its path, as it came, without the query.
    pub path: &'a str,
    /// The socket's other end; none for a request that came through no socket.
    pub peer: Option<SocketAddr>,
    /// The endpoint it was for; none when it had none, or was a mounted router's.
    pub endpoint: Option<&'a Endpoint>,
    /// The reply's status; none when the client left before there was one.
    pub status: Option<StatusCode>,
    /// From the request's head to this moment.
    pub duration: Duration,
    /// The size of the reply's body, as far as it was sent.
    pub bytes: u64,
}

type OnBegun = Arc<dyn Fn(&RequestBegun<'_>) + Send + Sync>;
type OnEnded = Arc<dyn Fn(&RequestEnded<'_>) + Send + Sync>;

/// The hooks of an application, in the order they were added.
#[derive(Clone, Default)]
pub struct Hooks {
    begun: Vec<OnBegun>,
    ended: Vec<OnEnded>,
}

impl Hooks {
    /// Adds a hook for requests that begin.
    pub fn on_request(&mut self, hook: impl Fn(&RequestBegun<'_>) + Send + Sync + 'static) {
        self.begun.push(Arc::new(hook));
    }

    /// Adds a hook for requests that have ended.
    pub fn on_reply(&mut self, hook: impl Fn(&RequestEnded<'_>) + Send + Sync + 'static) {
        self.ended.push(Arc::new(hook));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.ended.is_empty()
    }

    pub(crate) fn begun(&self, event: &RequestBegun<'_>) {
        self.begun.iter().for_each(|hook| harmless(event.id, || hook(event)));
    }

    pub(crate) fn ended(&self, event: &RequestEnded<'_>) {
        self.ended.iter().for_each(|hook| harmless(event.id, || hook(event)));
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").field("begun", &self.begun.len()).field("ended", &self.ended.len()).finish()
    }
}

fn harmless(id: RequestId, hook: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(hook)).is_err() {
        tracing::error!(request_id = %id, "a request hook panicked");
    }
}
