//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use bytes::BytesMut;
use http::header::CONNECTION;
use http::{HeaderValue, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use ketch_model::Caller;
use ketch_web::{App, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::body::TimedBody;
use crate::control::DATABASE_HEADER;
use crate::guards::Ambiguous;
use crate::limits::{HEAD_BUFFER, Limits};
use crate::listen::{Phase, Phases};
use crate::sniff::{Spoken, sniff};
use crate::wire::{LOST, Switch, Wire};

/// Who is at the other end.
#[derive(Clone, Debug)]
pub(crate) enum Peer {
    /// Anybody, at this address.
    Stranger(SocketAddr),
    /// Whoever runs this process: only [`control`](crate::control) finds that out, from the system. The value goes into
    /// every reply.
    Operator(HeaderValue),
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) app: Arc<App>,
    pub(crate) limits: Limits,
}

/// How long a connection that has said nothing yet is kept when the server drains. What a client sends with its connection
/// is on its way when the connection is accepted, and comes within a round trip.
const UNASKED: Duration = Duration::from_millis(500);

/// Serves one connection. It ends by itself within the limits, soon when nothing was asked yet and the server drains, and
/// in any case when the server gives up waiting.
pub(crate) async fn run(mut stream: TcpStream, peer: SocketAddr, shared: Arc<Shared>, mut phases: Phases) {
    // Replies are small: waiting to fill a segment only delays them.
    let _unsupported_is_fine = stream.set_nodelay(true);
    let deadline = Instant::now() + shared.limits.head_time;
    let spoken = tokio::select! {
        biased;
        spoken = timeout_at(deadline, sniff(&mut stream)) => spoken,
        () = unasked(&mut phases) => return,
    };
    match spoken {
        Ok(Ok(Some(Spoken::Http1(early)))) => {
            http1(stream, early, deadline, Peer::Stranger(peer), shared, phases).await;
        }
        Ok(Ok(Some(Spoken::Http2(early)))) => http2(stream, early, peer, shared, phases).await,
        Ok(Ok(None) | Err(_)) | Err(_) => {}
    }
}

/// Speaks HTTP/1, of which these bytes have come already. The first head must have come at the deadline.
pub(crate) async fn http1<S>(
    stream: S,
    early: BytesMut,
    deadline: Instant,
    peer: Peer,
    shared: Arc<Shared>,
    mut phases: Phases,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let first_bad = Arc::new(AtomicU64::new(0));
    let (told, (open, closed)) = (Arc::new(AtomicBool::new(false)), oneshot::channel());
    let switch = Switch { told: Arc::clone(&told), phases: phases.clone(), _open: open };
    let wire = Wire::http1(stream, early, &shared.limits, Arc::clone(&first_bad), switch);
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(shared.limits.head_time).max_buf_size(HEAD_BUFFER);
    let heads = Arc::new(Heads { asked: AtomicU64::new(0), first_bad, switched: Arc::clone(&told) });
    let door = Door { shared, peer, heads: Some(Arc::clone(&heads)) };
    let connection = builder.serve_connection(TokioIo::new(wire), door).with_upgrades();
    // From the first head on hyper's own deadline ends an idle connection, and it needs no farewell.
    let drive = drive(
        connection,
        |connection| connection.graceful_shutdown(),
        std::future::pending(),
        std::future::pending(),
        phases.clone(),
    );
    tokio::select! {
        () = drive => {}
        () = silent(&heads, deadline) => {}
    }
    // hyper is done with a connection that has switched, but it is still one.
    if told.load(Ordering::Acquire) {
        tokio::select! {
            _ = closed => {}
            _ = phases.wait_for(|phase| *phase == Phase::Over) => {}
        }
    }
}

async fn http2(stream: TcpStream, early: BytesMut, peer: SocketAddr, shared: Arc<Shared>, phases: Phases) {
    let limits = &shared.limits;
    let wire = Wire::http2(stream, early, limits);
    let headers = u32::try_from(limits.headers).unwrap_or(u32::MAX);
    let activity = Arc::new(Activity::default());
    let idle = idle(Arc::clone(&activity), limits.head_time);
    let farewell = farewell(Arc::clone(&activity));
    let mut builder = http2::Builder::new(Streams { longest: limits.stream_time, activity });
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(headers)
        .max_send_buf_size(64 << 10)
        .initial_stream_window_size(256 << 10)
        .initial_connection_window_size(1 << 20)
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(1024)
        .keep_alive_interval(limits.head_time)
        .keep_alive_timeout(limits.head_time);
    let peer = Peer::Stranger(peer);
    let connection = builder.serve_connection(TokioIo::new(wire), Door { shared, peer, heads: None });
    drive(connection, |connection| connection.graceful_shutdown(), idle, farewell, phases).await;
}

/// Resolves when the server drains, and nobody is going to ask any more who has not asked yet.
async fn unasked(phases: &mut Phases) {
    drop(phases.wait_for(|phase| *phase != Phase::Serving).await);
    let over = phases.wait_for(|phase| *phase == Phase::Over);
    let _too_late_anyway = timeout(UNASKED, over).await;
}

/// Resolves at the deadline of the first head, unless it has come.
async fn silent(heads: &Heads, deadline: Instant) {
    sleep_until(deadline).await;
    if heads.asked.load(Ordering::Relaxed) > 0 {
        std::future::pending::<()>().await;
    }
}

/// Runs a connection to its end; asks it to end when it is idle or the server drains, and leaves it when it has had its
/// farewell or the server gives up.
async fn drive<C, E>(
    connection: C,
    finish: impl Fn(Pin<&mut C>),
    idle: impl Future<Output = ()>,
    farewell: impl Future<Output = ()>,
    mut phases: Phases,
) where
    C: Future<Output = Result<(), E>>,
    E: std::error::Error,
{
    let mut connection = std::pin::pin!(connection);
    // What has come already is read before the connection is asked to end: then it is answered.
    let early = tokio::select! {
        biased;
        outcome = connection.as_mut() => Some(outcome),
        () = idle => None,
        _ = phases.wait_for(|phase| *phase != Phase::Serving) => None,
    };
    let outcome = match early {
        Some(outcome) => outcome,
        None => {
            finish(connection.as_mut());
            tokio::select! {
                outcome = connection => outcome,
                () = farewell => return,
                _ = phases.wait_for(|phase| *phase == Phase::Over) => return,
            }
        }
    };
    // Strangers hang up and send nonsense all day: that is no news.
    if let Err(error) = outcome {
        tracing::trace!(%error, "connection ended");
    }
}

/// Where a connection's requests enter the app.
struct Door {
    shared: Arc<Shared>,
    peer: Peer,
    heads: Option<Arc<Heads>>,
}

/// Counts an HTTP/1 connection's requests, to know which one the scan has found wanting.
struct Heads {
    asked: AtomicU64,
    first_bad: Arc<AtomicU64>,
    /// Set when the connection switches to another protocol.
    switched: Arc<AtomicBool>,
}

impl Heads {
    fn next_is_bad(&self) -> bool {
        let ordinal = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let first_bad = self.first_bad.load(Ordering::Acquire) & !LOST;
        first_bad != 0 && ordinal >= first_bad
    }

    fn are_lost(&self) -> bool {
        self.first_bad.load(Ordering::Acquire) & LOST != 0
    }
}

impl Service<http::Request<Incoming>> for Door {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, request: http::Request<Incoming>) -> Self::Future {
        let (shared, peer) = (Arc::clone(&self.shared), self.peer.clone());
        let bad = self.heads.as_ref().is_some_and(|heads| heads.next_is_bad());
        let heads = self.heads.clone();
        Box::pin(async move {
            let ended = Arc::new(AtomicBool::new(request.body().is_end_stream()));
            let mut request: Request = request.map(|body| {
                if body.is_end_stream() {
                    Body::empty()
                } else {
                    Body::new(TimedBody::new(body, &shared.limits, Arc::clone(&ended)))
                }
            });
            if bad {
                request.extensions_mut().insert(Ambiguous);
            }
            let mut response = match peer {
                Peer::Stranger(address) => shared.app.handle(request, Some(address)).await,
                Peer::Operator(database) => {
                    request.extensions_mut().insert(Caller::operator());
                    let mut response = shared.app.handle(request, None).await;
                    response.headers_mut().insert(DATABASE_HEADER, database);
                    response
                }
            };
            if let Some(heads) = &heads
                && response.status() == StatusCode::SWITCHING_PROTOCOLS
            {
                heads.switched.store(true, Ordering::Release);
            }
            // hyper closes when the rest of a body is not there to be skipped; the client should know (RFC 9112, 9.6).
            if heads.is_some_and(|heads| heads.are_lost() || !ended.load(Ordering::Acquire)) {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response)
        })
    }
}

/// Runs HTTP/2 streams, each within a deadline: a peer that grants no window could hold one for ever.
#[derive(Clone)]
struct Streams {
    longest: Duration,
    activity: Arc<Activity>,
}

/// How many streams of a connection have begun, and how many are running.
#[derive(Debug, Default)]
struct Activity {
    begun: AtomicU64,
    running: AtomicU64,
}

/// Resolves when nothing was asked for as long as `time`, twice that at most. A peer that only answers pings is idle.
async fn idle(activity: Arc<Activity>, time: Duration) {
    let mut seen = None;
    loop {
        let begun = activity.begun.load(Ordering::Relaxed);
        if seen == Some(begun) && activity.running.load(Ordering::Relaxed) == 0 {
            return;
        }
        seen = Some(begun);
        sleep(time).await;
    }
}

/// Resolves when no stream has been running for a moment: time enough for a peer to take note that we close, and none
/// for one that does not answer to hold up a stop.
async fn farewell(activity: Arc<Activity>) {
    const MOMENT: Duration = Duration::from_millis(500);
    let mut quiet = 0;
    while quiet < 2 {
        sleep(MOMENT).await;
        quiet = if activity.running.load(Ordering::Relaxed) == 0 { quiet + 1 } else { 0 };
    }
}

/// A stream that runs; dropped, it no longer does.
struct Running(Arc<Activity>);

impl Running {
    fn begin(activity: &Arc<Activity>) -> Self {
        activity.begun.fetch_add(1, Ordering::Relaxed);
        activity.running.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, stream: F) {
        let (longest, running) = (self.longest, Running::begin(&self.activity));
        tokio::spawn(async move {
            let _late = timeout(longest, stream).await;
            drop(running);
        });
    }
}
