//! `/health/live` and `/health/ready`.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ketch_macros::service;
use ketch_model::Error;

/// Whether what the server needs can be used. It must be quick, however often it is asked.
type Check = Box<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// Whether the server takes requests: not before it serves, not while it drains, and not without its data.
#[derive(Clone, Default)]
pub struct Readiness(Arc<State>);

#[derive(Default)]
struct State {
    serving: AtomicBool,
    data: Option<Check>,
}

impl Readiness {
    /// Readiness of a server that needs what `check` looks at.
    pub fn with(
        check: impl Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(State { serving: AtomicBool::default(), data: Some(Box::new(check)) }))
    }

    /// Says whether the server takes requests.
    pub fn set(&self, ready: bool) {
        self.0.serving.store(ready, Ordering::Release);
    }

    /// Whether the server takes requests.
    pub fn get(&self) -> bool {
        self.0.serving.load(Ordering::Acquire)
    }

    async fn has_data(&self) -> bool {
        match &self.0.data {
            Some(check) => check().await,
            None => true,
        }
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Readiness").field(&self.get()).finish()
    }
}

/// The health of the server, for whoever watches it.
#[derive(Clone, Debug, Default)]
pub struct Health {
    readiness: Readiness,
}

impl Health {
    /// Health that follows `readiness`.
    pub fn new(readiness: Readiness) -> Self {
        Self { readiness }
    }
}

/// Whether the server is alive and ready. These answer even when the server is full.
#[service(crate = "ketch_web", prefix = "-", version = "-", middleware = ["-"], scope = "public")]
impl Health {
    /// Whether the process answers at all.
    #[get]
    async fn live(&self) -> &'static str {
        "live"
    }

    /// Whether requests should be sent here: not while the server starts or drains, or has lost its database.
    #[get]
    async fn ready(&self) -> Result<&'static str, Error> {
        if !self.readiness.get() {
            return Err(Error::new(503, "not_ready", "the server is starting or stopping"));
        }
        if !self.readiness.has_data().await {
            return Err(Error::new(503, "not_ready", "the database cannot be used at the moment"));
        }
        Ok("ready")
    }
}
