//! The service that the hostile tests aim at, and the count of what must never reach it.
//!
//! Not here: the bytes that are thrown at it (`framing_cases`, `floods`, `http2_cases`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ketch::Limits;
use ketch::prelude::*;
use ketch::test::TestServer;

/// Every deadline of a [hasty](Target::hasty) server.
pub(crate) const HASTE: Duration = Duration::from_secs(1);

/// Counts the requests that reach `/smuggled`; no honest client in these tests ever asks for it.
#[derive(Debug)]
struct Probe {
    hits: Arc<AtomicU64>,
}

#[service(root = "-")]
impl Probe {
    #[get("hello")]
    async fn hello(&self) -> &'static str {
        "hello"
    }

    #[get("smuggled")]
    async fn smuggled(&self) -> &'static str {
        self.hits.fetch_add(1, Ordering::Relaxed);
        "smuggled"
    }

    #[post("echo")]
    async fn echo(&self, body: Json<serde_json::Value>) -> Json<serde_json::Value> {
        body
    }
}

/// A real server on a port of its own; dropped, it stops.
pub(crate) struct Target {
    server: TestServer,
    hits: Arc<AtomicU64>,
}

impl Target {
    /// A server as it comes.
    pub(crate) async fn start() -> Target {
        Target::within(Limits::default()).await
    }

    /// A server that waits for nobody longer than `HASTE`.
    pub(crate) async fn hasty() -> Target {
        let limits = Limits {
            head_time: HASTE,
            body_idle: HASTE,
            patience: HASTE,
            stream_time: HASTE,
            ..Limits::default()
        };
        Target::within(limits).await
    }

    async fn within(limits: Limits) -> Target {
        let hits = Arc::new(AtomicU64::new(0));
        let server = Server::new().limits(limits).add(Probe { hits: hits.clone() });
        Target { server: TestServer::start(server).await, hits }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// How many requests have reached `/smuggled`.
    pub(crate) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }
}
