//! A client without a socket: requests go straight to the app, guards included.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use ketch_web::App;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Sends requests to an app in the same process. Failures to build a request or to read a reply panic, because they
/// are mistakes of the test.
#[derive(Clone, Debug)]
pub struct Client {
    /// Asked in turns.
    servers: Arc<[Prepared]>,
    next: Arc<AtomicUsize>,
}

/// What a test keeps for as long as its client.
type Kept = Arc<dyn Any + Send + Sync>;

/// An app, and what has to be done before its first request.
#[derive(Clone)]
struct Prepared {
    app: Arc<App>,
    ready: Shared<BoxFuture<'static, Kept>>,
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Prepared").field(&self.app).finish()
    }
}

/// A reply, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Client {
    /// A client of this app.
    pub fn new(app: Arc<App>) -> Self {
        Self::prepared(app, async { Arc::new(()) as Kept })
    }

    /// A client of an app that needs something before its first request, such as its database. What `ready` comes to is
    /// kept as long as the client.
    pub fn prepared(app: Arc<App>, ready: impl Future<Output = Kept> + Send + 'static) -> Self {
        Self::of([Prepared { app, ready: ready.boxed().shared() }].into())
    }

    /// One client that asks the servers of all these in turns, as a balancer before several processes does.
    pub fn in_turns(clients: impl IntoIterator<Item = Self>) -> Self {
        Self::of(clients.into_iter().flat_map(|client| client.servers.to_vec()).collect())
    }

    fn of(servers: Arc<[Prepared]>) -> Self {
        Self { servers, next: Arc::default() }
    }

    /// Whether it asks more than one server, each with a memory of its own.
    pub fn takes_turns(&self) -> bool {
        self.servers.len() > 1
    }

    /// Does now what the first request would wait for: the database is connected when this returns.
    pub async fn ready(&self) {
        for server in self.servers.iter() {
            server.ready.clone().await;
        }
    }

    /// What is kept for the client, of its servers that keep such a thing. They are ready then.
    pub async fn kept<T: Send + Sync + 'static>(&self) -> Vec<Arc<T>> {
        let mut kept = Vec::new();
        for server in self.servers.iter() {
            kept.extend(server.ready.clone().await.downcast());
        }
        kept
    }

    /// Sends a GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Body::empty()).await
    }

    /// Sends a POST with a JSON body.
    pub async fn post(&self, path: &str, body: &impl Serialize) -> Answer {
        self.json(Method::POST, path, body).await
    }

    /// Sends a JSON body.
    pub async fn json(&self, method: Method, path: &str, body: &impl Serialize) -> Answer {
        let bytes = serde_json::to_vec(body).expect("the test's body can be written as JSON");
        self.send(method, path, &[(CONTENT_TYPE.as_str(), "application/json")], Body::from(bytes)).await
    }

    /// Sends anything. `Host: test` is added when there is none.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Body) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request = request.header(HOST, "test");
        }
        let request = request.body(body).expect("the test's request can be built");
        self.ready().await;
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.servers.len();
        let (head, body) = self.servers[turn].app.handle(request, None).await.into_parts();
        let body = body.collect().await.expect("the reply's body can be read").to_bytes();
        Answer { status: head.status, headers: head.headers, body }
    }
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON. Panics with the body when it is not.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("the body is not the JSON that was expected: {error}\n{}", self.text())
        })
    }

    /// A header as text; none when it is not there.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
