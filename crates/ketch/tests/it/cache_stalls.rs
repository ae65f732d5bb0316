//! Cached endpoints whose handlers or bodies stall: the deadline holds for all of the work, and nobody waits for ever.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use ketch::prelude::*;
use ketch::test::{Client, client};

/// A body of two bytes, as an upstream server's reply has one: its length is known before it comes, and it may never.
struct Upstream {
    stalls: bool,
    left: bool,
}

impl http_body::Body for Upstream {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if self.stalls {
            return Poll::Pending;
        }
        let piece = std::mem::take(&mut self.left).then(|| Ok(Frame::data(Bytes::from_static(b"ok"))));
        Poll::Ready(piece)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(if self.left { 2 } else { 0 })
    }
}

#[derive(Clone, Default)]
struct Proxy {
    healthy: Arc<AtomicBool>,
    /// How long a handler was let run.
    ran: Arc<Mutex<Option<Duration>>>,
}

#[service(root = "-", cache = "hot", ttl = "1m")]
impl Proxy {
    #[get(timeout = "100ms")]
    async fn proxied(&self) -> Response {
        let stalls = !self.healthy.load(Ordering::SeqCst);
        Response::new(Body::new(Upstream { stalls, left: true }))
    }

    #[get(timeout = "2s", middleware = ["slow"])]
    async fn hangs(&self) -> String {
        let _measured = Measured(Instant::now(), Arc::clone(&self.ran));
        std::future::pending().await
    }
}

/// Says how long it was there.
struct Measured(Instant, Arc<Mutex<Option<Duration>>>);

impl Drop for Measured {
    fn drop(&mut self) {
        *self.1.lock().unwrap() = Some(self.0.elapsed());
    }
}

/// Takes half of the deadline.
async fn slow(request: Request, next: Next) -> Response {
    tokio::time::sleep(Duration::from_secs(1)).await;
    next.run(request).await
}

fn proxied() -> (Proxy, Client) {
    let proxy = Proxy::default();
    let cache = MemoryCache::new("1mb");
    let server = Server::new().define_cache("hot", cache).define_middleware("slow", from_fn(slow));
    (proxy.clone(), client(server.add(proxy)))
}

#[tokio::test]
async fn a_body_that_stalls_does_not_hold_up_those_who_come_later() {
    let (proxy, client) = proxied();
    assert_eq!(client.get("/proxied").await.status, 504);
    proxy.healthy.store(true, Ordering::SeqCst);
    // Those who come at once may still wait for the first.
    for _ in 0..10 {
        let later = client.get("/proxied").await;
        if later.status == 200 {
            return assert_eq!(later.text(), "ok");
        }
    }
    panic!("nobody gets a reply any more");
}

/// A handler that outlived its request would hold no place among those in flight.
#[tokio::test]
async fn one_deadline_holds_for_middlewares_and_handler_together() {
    let (proxy, client) = proxied();
    assert_eq!(client.get("/hangs").await.status, 504);
    let ran = || *proxy.ran.lock().unwrap();
    for _ in 0..1_000 {
        if let Some(ran) = ran() {
            return assert!(ran < Duration::from_secs(2), "it had a deadline of its own: {ran:?}");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it still runs");
}
