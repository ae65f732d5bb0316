//! One request on its way through: its id, its peer, the route it took, and what arguments are read from.

use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use http::request::Parts;
use http::{Extensions, HeaderName, HeaderValue};
use ketch_model::{Caller, Endpoint};
use percent_encoding::percent_decode_str;

use crate::admission::Admission;
use crate::blocking::Threads;

/// A request, as it comes from the connection.
pub type Request = http::Request<Body>;
/// A reply, as it goes to the connection.
pub type Response = http::Response<Body>;

/// The name of one request, in its reply, its log line and its error body: 16 hexadecimal digits, unique within a
/// process and unlikely to be met in another.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; 16]);

impl RequestId {
    /// The next id.
    pub fn next() -> Self {
        static START: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // The finaliser of SplitMix64 (Steele, Lea, Flood 2014): one to one, so ids cannot meet within a process.
        let mut word = START.wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        let mut digits = [0; 16];
        for (at, digit) in digits.iter_mut().enumerate() {
            *digit = b"0123456789abcdef"[((word >> (60 - 4 * at)) & 15) as usize];
        }
        Self(digits)
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("the digits are ASCII")
    }

    /// The id as a header's value.
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).expect("the digits are ASCII")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The values of a route's parameters, as ranges of the path; they are decoded when they are read.
pub type Params = Vec<(u32, u32)>;

/// What is known of a request once it has a route. It travels in the request's extensions, so that middlewares can
/// read it.
#[derive(Clone)]
pub struct Exchange(Arc<Inner>);

struct Inner {
    id: RequestId,
    peer: Option<SocketAddr>,
    endpoint: Arc<Endpoint>,
    params: Params,
    blocking: Arc<Threads>,
    admission: Admission,
    started: Instant,
    /// What the handler has said of its reply's headers; most say nothing.
    said: OnceLock<Mutex<Vec<Said>>>,
}

/// What becomes of a header of the reply.
#[derive(Debug)]
pub(crate) enum Said {
    /// Whatever stands there goes.
    Set(HeaderName, HeaderValue),
    /// It comes beside what stands there.
    Add(HeaderName, HeaderValue),
}

impl Exchange {
    pub(crate) fn new(
        id: RequestId,
        peer: Option<SocketAddr>,
        endpoint: Arc<Endpoint>,
        params: Params,
        blocking: Arc<Threads>,
        admission: Admission,
    ) -> Self {
        let (started, said) = (Instant::now(), OnceLock::new());
        Self(Arc::new(Inner { id, peer, endpoint, params, blocking, admission, started, said }))
    }

    /// The request's id.
    pub fn id(&self) -> RequestId {
        self.0.id
    }

    /// The socket's other end; none for a request that came through no socket.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.0.peer
    }

    /// The endpoint that answers.
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// The request's place among those that are being answered.
    pub(crate) fn admission(&self) -> &Admission {
        &self.0.admission
    }

    pub(crate) fn blocking(&self) -> &Arc<Threads> {
        &self.0.blocking
    }

    /// What is left of the endpoint's deadline.
    pub fn time_left(&self) -> Duration {
        self.0.endpoint.settings.timeout.value.saturating_sub(self.0.started.elapsed())
    }

    /// Keeps a header for the good reply.
    pub(crate) fn say(&self, said: Said) {
        let all = self.0.said.get_or_init(Mutex::default);
        all.lock().unwrap_or_else(PoisonError::into_inner).push(said);
    }

    /// Gives the reply the headers that were kept for it.
    pub(crate) fn said_to(&self, reply: &mut Response) {
        let Some(all) = self.0.said.get() else { return };
        for said in std::mem::take(&mut *all.lock().unwrap_or_else(PoisonError::into_inner)) {
            match said {
                Said::Set(name, value) => drop(reply.headers_mut().insert(name, value)),
                Said::Add(name, value) => drop(reply.headers_mut().append(name, value)),
            }
        }
    }

    /// What the path of a request has for a parameter of the route, decoded; none when the route has no such name, and
    /// when it is not UTF-8.
    pub fn capture<'p>(&self, name: &str, path: &'p str) -> Option<Cow<'p, str>> {
        percent_decode_str(self.param(name, path)?).decode_utf8().ok()
    }

    /// The raw text of a parameter of the route.
    pub(crate) fn param<'p>(&self, name: &str, path: &'p str) -> Option<&'p str> {
        let at = self.0.endpoint.path.params().position(|param| param.name == name)?;
        let (start, end) = *self.0.params.get(at)?;
        path.get(start as usize..end as usize)
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("id", &self.0.id)
            .field("endpoint", &self.0.endpoint.names.full())
            .finish()
    }
}

/// The caller of a request, to be identified and granted scopes by a middleware.
///
/// ```
/// use ketch_web::{Request, caller_mut};
///
/// fn authenticate(request: &mut Request) {
///     caller_mut(request.extensions_mut()).grant("reader");
/// }
/// ```
pub fn caller_mut(extensions: &mut Extensions) -> &mut Caller {
    extensions.get_or_insert_default::<Caller>()
}

/// What arguments are read from.
#[derive(Debug)]
pub struct Input {
    pub(crate) parts: Parts,
    body: Held,
    pub(crate) exchange: Exchange,
}

/// A body that one argument may take, or a [`Ctx`](crate::Ctx) later on.
pub(crate) type SharedBody = Arc<Mutex<Option<Body>>>;

#[derive(Debug)]
enum Held {
    Here(Option<Body>),
    Shared(SharedBody),
}

impl Input {
    pub(crate) fn new(request: Request, exchange: Exchange) -> Self {
        let (parts, body) = request.into_parts();
        Self { parts, body: Held::Here(Some(body)), exchange }
    }

    /// The request without its body.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The request's circumstances.
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// The body, once, whichever argument asks first; after that it is empty. Nothing limits it here.
    pub fn take_body(&mut self) -> Body {
        let body = match &mut self.body {
            Held::Here(body) => body.take(),
            Held::Shared(body) => body.lock().unwrap_or_else(PoisonError::into_inner).take(),
        };
        body.unwrap_or_default()
    }

    /// The body, for somebody who may want it later, if nobody else does.
    pub(crate) fn share_body(&mut self) -> SharedBody {
        let shared = match &mut self.body {
            Held::Here(body) => Arc::new(Mutex::new(body.take())),
            Held::Shared(body) => Arc::clone(body),
        };
        self.body = Held::Shared(Arc::clone(&shared));
        shared
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_never_meet() {
        let ids: HashSet<String> = (0..100_000).map(|_| RequestId::next().to_string()).collect();
        assert_eq!(ids.len(), 100_000);
        assert!(ids.iter().all(|id| id.len() == 16));
    }
}
