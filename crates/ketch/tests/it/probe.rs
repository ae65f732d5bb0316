//! The service that the hostile tests aim at, and the count of what must never reach it.
//!
//! Not here: the bytes that are thrown at it (`framing_cases`, `floods`, `http2_cases`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ketch::prelude::*;
use ketch::test::TestServer;

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
    pub(crate) async fn start() -> Target {
        let hits = Arc::new(AtomicU64::new(0));
        let server = TestServer::start(Server::new().add(Probe { hits: hits.clone() })).await;
        Target { server, hits }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// How many requests have reached `/smuggled`.
    pub(crate) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }
}
