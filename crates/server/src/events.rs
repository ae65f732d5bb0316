//! Hooks of an application at its server's start, stop and requests.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt;
use ketch_web::{RequestBegun, RequestEnded};

use crate::error::Error;
use crate::run::Ready;
use crate::server::Server;

/// How long all stop hooks together may take; after that the server ends without waiting for them.
pub const STOP_TIME: Duration = Duration::from_secs(10);

/// What a start hook comes to; its error keeps the server from starting.
pub type HookResult = Result<(), Box<dyn std::error::Error + Send + Sync>>;

type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The hooks at start and stop, in the order they were added.
#[derive(Default)]
pub(crate) struct Events {
    start: Vec<Box<dyn FnOnce(Ready) -> Pending<HookResult> + Send>>,
    stop: Vec<Box<dyn FnOnce() -> Pending<()> + Send>>,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("start", &self.start.len()).field("stop", &self.stop.len()).finish()
    }
}

impl Events {
    /// Runs the start hooks, one after the other.
    pub(crate) async fn start(&mut self, ready: &Ready) -> Result<(), Error> {
        for hook in self.start.drain(..) {
            let ready = ready.clone();
            let outcome = AssertUnwindSafe(async move { hook(ready).await }).catch_unwind().await;
            outcome.unwrap_or_else(|_| Err("it panicked".into())).map_err(Error::Start)?;
        }
        Ok(())
    }

    /// Runs the stop hooks, one after the other, while there is time.
    pub(crate) async fn stop(self) {
        let all = async {
            for hook in self.stop {
                if AssertUnwindSafe(async move { hook().await }).catch_unwind().await.is_err() {
                    tracing::error!("a stop hook panicked");
                }
            }
        };
        if tokio::time::timeout(STOP_TIME, all).await.is_err() {
            tracing::warn!("stop hooks were not done after {STOP_TIME:?}");
        }
    }
}

impl Server {
    /// Adds a hook that runs when the server has bound its address and before it accepts anything. When it fails, the
    /// server does not start. It has no deadline of its own; a signal to stop ends it.
    #[must_use]
    pub fn on_start<F, Fut>(mut self, hook: F) -> Self
    where
        F: FnOnce(Ready) -> Fut + Send + 'static,
        Fut: Future<Output = HookResult> + Send + 'static,
    {
        self.events.start.push(Box::new(|ready| Box::pin(hook(ready))));
        self
    }

    /// Adds a hook that is told of every request that comes, refused ones included. It must be quick: requests wait for
    /// it.
    #[must_use]
    pub fn on_request(mut self, hook: impl Fn(&RequestBegun<'_>) + Send + Sync + 'static) -> Self {
        self.app.hooks.on_request(hook);
        self
    }

    /// Adds a hook that is told of every request that has ended: when its reply is handed on; for a stream, when that has
    /// ended; when the client left before there was a reply. It must be quick.
    #[must_use]
    pub fn on_reply(mut self, hook: impl Fn(&RequestEnded<'_>) + Send + Sync + 'static) -> Self {
        self.app.hooks.on_reply(hook);
        self
    }

    /// Adds a hook that runs when the server has drained. All of them together have [`STOP_TIME`]; a second signal
    /// ends them at once.
    #[must_use]
    pub fn on_stop<F, Fut>(mut self, hook: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.events.stop.push(Box::new(|| Box::pin(hook())));
        self
    }
}
