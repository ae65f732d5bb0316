//! `/health/live` and `/health/ready`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ketch_macros::service;
use ketch_model::Error;

/// Whether the server takes requests: not before it serves, and not while it drains.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Says whether the server takes requests.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    /// Whether the server takes requests.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
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

    /// Whether requests should be sent here: not while the server starts or drains.
    #[get]
    async fn ready(&self) -> Result<&'static str, Error> {
        if self.readiness.get() {
            return Ok("ready");
        }
        Err(Error::new(503, "not_ready", "the server is starting or stopping"))
    }
}
