//! A request's body, with deadlines: it must bring something now and then, and enough in the long run.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use ketch_model::Error;
use tokio::time::{Instant, Sleep, sleep};

use crate::limits::Limits;

type Failure = Box<dyn StdError + Send + Sync>;

/// Only the time in which somebody waits for bytes counts: a handler that reads slowly is not the client's fault. Of each
/// span of patience that was waited so, enough must have come.
pub(crate) struct TimedBody {
    body: Incoming,
    idle: Duration,
    patience: Duration,
    enough: u64,
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    waited: Duration,
    bytes: u64,
    /// Told when the body has come to its end.
    ended: Arc<AtomicBool>,
}

impl TimedBody {
    pub(crate) fn new(body: Incoming, limits: &Limits, ended: Arc<AtomicBool>) -> Self {
        let (idle, patience, enough) = (limits.body_idle, limits.patience, limits.enough());
        Self { body, idle, patience, enough, waiting: None, waited: Duration::ZERO, bytes: 0, ended }
    }

    /// Whether too little came in the span of patience that has just ended, if one has.
    fn too_slow(&mut self) -> bool {
        if self.waited < self.patience {
            return false;
        }
        let enough = self.bytes >= self.enough;
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        !enough
    }
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let body = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut body.body).poll_frame(context) else {
            let idle = body.idle;
            let (_, sleep) = body.waiting.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(idle))));
            ready!(sleep.as_mut().poll(context));
            return Poll::Ready(Some(Err(slow())));
        };
        if let Some((since, _)) = body.waiting.take() {
            body.waited += since.elapsed();
        }
        if frame.is_none() || body.body.is_end_stream() {
            body.ended.store(true, Ordering::Release);
        }
        if let Some(Ok(frame)) = &frame {
            body.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        if frame.is_some() && body.too_slow() {
            return Poll::Ready(Some(Err(slow())));
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn slow() -> Failure {
    Error::new(408, "slow_body", "the request's body came too slowly").closing().into()
}
