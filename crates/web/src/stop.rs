//! The word that the server is stopping, and bodies that end at it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::watch;

use crate::exchange::Response;
use crate::stream::EndsAtStop;

/// Whether the server is stopping.
pub(crate) struct Stopping(watch::Sender<bool>);

impl Default for Stopping {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl fmt::Debug for Stopping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stopping({})", *self.0.borrow())
    }
}

impl Stopping {
    /// Says that it is.
    pub(crate) fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Makes a body that is [marked](EndsAtStop) end when the server stops.
    pub(crate) fn end(&self, response: Response) -> Response {
        if response.extensions().get::<EndsAtStop>().is_none() {
            return response;
        }
        let mut stopping = self.0.subscribe();
        let stop = Box::pin(async move {
            // An app that is gone is one that has stopped.
            let _either = stopping.wait_for(|stopping| *stopping).await;
        });
        response.map(|body| Body::new(UntilStop { body: Some(body), stop }))
    }
}

/// A body that ends, cleanly, when the server stops.
struct UntilStop {
    body: Option<Body>,
    stop: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl HttpBody for UntilStop {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.body.is_some() && self.stop.as_mut().poll(context).is_ready() {
            self.body = None;
        }
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        // A length would be a promise, and a stop breaks it.
        SizeHint::default()
    }
}
