//! The whole way of a request through the process: guards, route, deadline, pipeline, and what is observed on the
//! way out.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::admission::{Admission, Places};
use crate::blocking::Threads;
use crate::cache::Caches;
use crate::events::Hooks;
use crate::exchange::{Exchange, Request, RequestId, Response};
use crate::guard::Guard;
use crate::lower::{Route, Shed};
use crate::middleware::Middleware;
use crate::mount::{MOUNT_TIMEOUT, Mount};
use crate::outermost::{Mode, Outermost};
use crate::pipeline::{Pipeline, annotated};
use crate::problem::problem;
use crate::reload::{Composer, Found, Named, Routes};
use crate::request_log::{Line, Way};
use crate::service::Pending;
use crate::stop::Stopping;
use crate::table::{Match, RouteTable, TableEntry};
use crate::to_its_end::ToItsEnd;
use crate::unrouted::{bare, options, without_slash, wrong_method};
use axum::body::Body;
use futures_util::FutureExt;
use http::header::{CONTENT_LENGTH, ORIGIN};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use http_body::Body as _;
use ketch_model::{Effective, Error, Live, Problem};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How much is done at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Requests that are being answered at a time; one more is refused with 503. Default 1,024.
    pub in_flight: usize,
    /// Plain `fn` endpoints that run at a time; others wait within their deadline. Default 64.
    pub blocking: usize,
    /// Bytes of request bodies that are being read at a time; beyond it 503. Default 256 MiB.
    pub body_bytes: u64,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { in_flight: 1024, blocking: 64, body_bytes: 256 << 20 }
    }
}

/// Everything between a connection and the endpoints.
pub struct App {
    pub(crate) routes: Live<Routes>,
    pub(crate) composer: Composer,
    mounts: Vec<Arc<Mount>>,
    guards: Vec<Arc<dyn Guard>>,
    capacity: Capacity,
    places: Arc<Places>,
    blocking: Arc<Threads>,
    /// What replies get that no endpoint makes.
    elsewhere: Outermost,
    hooks: Option<Arc<Hooks>>,
    stopping: Stopping,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("guards", &self.guards)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

/// Makes the table of an application that has its own; again whenever the routes are [reloaded](App::reload).
pub type TableMaker =
    Box<dyn Fn(&[TableEntry]) -> Result<Box<dyn RouteTable>, Vec<(usize, String)>> + Send + Sync>;

/// An [`App`] in the making: its parts, to be filled in.
#[derive(Default)]
pub struct AppBuilder {
    /// The endpoints.
    pub routes: Vec<Route>,
    /// Routers for what no endpoint answers.
    pub mounts: Vec<Mount>,
    /// The middlewares that endpoints name.
    pub middlewares: BTreeMap<String, Middleware>,
    /// The caches and key functions that endpoints name.
    pub caches: Caches,
    /// The guards; the first runs first.
    pub guards: Vec<Arc<dyn Guard>>,
    /// How much is done at a time.
    pub capacity: Capacity,
    /// What makes the route table, in place of the one that ships.
    pub table: Option<TableMaker>,
    /// Settings of replies that no endpoint makes, such as 404: their `cors` holds.
    pub elsewhere: Option<Effective>,
    /// Whom the server is for.
    pub mode: Mode,
    /// What is told about every request.
    pub hooks: Hooks,
}

impl fmt::Debug for AppBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppBuilder").field("routes", &self.routes).finish_non_exhaustive()
    }
}

impl AppBuilder {
    /// Composes everything.
    ///
    /// # Errors
    /// Every conflict of routes and mounts, every name that is not defined, and settings that contradict each other.
    pub fn build(self) -> Result<App, Vec<Problem>> {
        let Self { routes, mounts, middlewares, caches, guards, capacity, table, elsewhere, mode, hooks } =
            self;
        let mut problems = Vec::new();
        let elsewhere = elsewhere
            .map_or_else(Outermost::default, |said| Outermost::of(&said, mode, "server", &mut problems));
        for (at, mount) in mounts.iter().enumerate() {
            problems.extend(mounts[..at].iter().filter_map(|earlier| mount.clash(earlier)));
        }
        let named = Named { middlewares, stores: caches.stores.clone() };
        let stores = Live::new(caches.stores.values().cloned().collect());
        let shared = elsewhere.cors().is_some();
        let composer = Composer { caches, stores, mode, table, shared, reloading: Mutex::default() };
        let composed = composer.compose(routes, &named, None);
        let routes = composed.map_err(|found| drop(problems.splice(0..0, found))).ok();
        let (Some(routes), true) = (routes, problems.is_empty()) else { return Err(problems) };
        Ok(App {
            routes: Live::new(routes),
            composer,
            mounts: mounts.into_iter().map(Arc::new).collect(),
            guards,
            capacity,
            places: Arc::new(Places::new(capacity)),
            blocking: Arc::new(Threads::new(capacity.blocking)),
            elsewhere,
            hooks: (!hooks.is_empty()).then(|| Arc::new(hooks)),
            stopping: Stopping::default(),
        })
    }
}

impl App {
    /// Starts an app without routes.
    pub fn builder() -> AppBuilder {
        AppBuilder::default()
    }

    /// Answers a request; errors and panics become replies. `peer` is the other end of its socket.
    pub async fn handle(&self, request: Request, peer: Option<SocketAddr>) -> Response {
        let id = RequestId::next();
        let method = request.method().clone();
        let mut line = Line::begin(id, &request, peer, self.hooks.clone());
        let origin = request.headers().get(ORIGIN).cloned();
        // A panic in an endpoint is caught where it runs; this is for guards and route tables of an application's own.
        let answer = AssertUnwindSafe(self.answer(request, id, peer, &mut line)).catch_unwind().await;
        let mut response = match answer {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => problem(&error, id),
            Err(panic) => problem(&panicked("a guard or the route table", &*panic), id),
        };
        match line.way() {
            Way::Endpoint(pipeline) => pipeline.outermost.finish(origin.as_ref(), &mut response),
            Way::Nowhere => self.elsewhere.finish(origin.as_ref(), &mut response),
            Way::Mount => {}
        }
        response.headers_mut().insert(REQUEST_ID, id.header());
        if method == Method::HEAD {
            strip_body(&mut response);
        } else {
            strip_wrong_length(&mut response);
        }
        line.follow(self.stopping.end(response))
    }

    /// Says that the server is stopping: replies that are marked with [`EndsAtStop`](crate::EndsAtStop) end.
    pub fn stopping(&self) {
        self.stopping.begin();
    }

    /// Requests that are being answered now, those included whose client is gone but whose work goes on.
    pub fn in_flight(&self) -> usize {
        self.places.taken()
    }

    /// Waits until nothing is being answered.
    pub async fn idle(&self) {
        self.places.idle().await;
    }

    async fn answer(
        &self,
        mut request: Request,
        id: RequestId,
        peer: Option<SocketAddr>,
        line: &mut Line,
    ) -> Result<Response, Error> {
        if !self.guards.is_empty() {
            let (head, body) = request.into_parts();
            for guard in &self.guards {
                guard.check(&head)?;
            }
            request = Request::from_parts(head, body);
        }
        let safe = request.method().is_safe();
        match self.find(&request) {
            Found::Endpoint(pipeline, params) => {
                line.set_way(Way::Endpoint(Arc::clone(&pipeline)));
                let admission = Admission::take(&self.places, pipeline.shed)
                    .map_err(|error| pipeline.annotated(error))?;
                let (endpoint, blocking) = (Arc::clone(&pipeline.endpoint), Arc::clone(&self.blocking));
                let exchange = Exchange::new(id, peer, endpoint, params, blocking, admission);
                let work = run(Arc::clone(&pipeline), request, exchange);
                let answer = if safe { work.await } else { ToItsEnd::new(id, Box::pin(work)).await };
                answer.map_err(|error| pipeline.annotated(error))
            }
            Found::Mount(mount) => {
                line.set_way(Way::Mount);
                let admission = Admission::take(&self.places, Shed::WhenFull)?;
                let work: Pending = Box::pin(async move {
                    let answer = Box::pin(mount.answer(request, id, peer));
                    within(MOUNT_TIMEOUT, &admission, || format!("the router at {}", mount.path()), answer)
                        .await
                });
                if safe { work.await } else { ToItsEnd::new(id, work).await }
            }
            Found::Preflight(pipeline, methods, allow) => {
                let mut response = options(allow);
                if let Some(cors) = pipeline.outermost.cors() {
                    cors.answer_preflight(&request, &methods, response.headers_mut());
                }
                line.set_way(Way::Endpoint(pipeline));
                Ok(response)
            }
            Found::Answer(answer) => answer,
            Found::Slash => Ok(without_slash(&request)),
        }
    }

    fn find(&self, request: &Request) -> Found {
        let (method, path) = (request.method(), request.uri().path());
        self.routes.with(|routes| {
            if let Some(found) = routes.preflight(request) {
                return found;
            }
            match routes.table.find(method, path) {
                Match::Found(index, params) => Found::Endpoint(Arc::clone(&routes.pipelines[index]), params),
                Match::WrongMethod(methods) => {
                    let answer = wrong_method(method, &methods);
                    Found::Answer(answer.map_err(|error| annotated(routes.annotate, error)))
                }
                Match::Missing if *method == Method::OPTIONS && path == "*" => {
                    Found::Answer(Ok(options("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS".to_owned())))
                }
                Match::Missing => {
                    if let Some(mount) = self.mounts.iter().find(|mount| mount.covers(path)) {
                        return Found::Mount(Arc::clone(mount));
                    }
                    let known = |bare| !matches!(routes.table.find(method, bare), Match::Missing);
                    if bare(path).is_some_and(known) {
                        return Found::Slash;
                    }
                    let error = Error::new(404, "not_found", "nothing answers at this path");
                    Found::Answer(Err(annotated(routes.annotate, error)))
                }
            }
        })
    }
}

/// Runs an endpoint within its deadline.
fn run(
    pipeline: Arc<Pipeline>,
    request: Request,
    exchange: Exchange,
) -> impl Future<Output = Result<Response, Error>> + Send + 'static {
    let limit = pipeline.endpoint.settings.timeout.value;
    let place = exchange.clone();
    let answer = pipeline.answer(request, exchange);
    async move { within(limit, place.admission(), || pipeline.endpoint.names.full(), answer).await }
}

/// Runs what answers within a deadline; a panic becomes a 500. Its place is free again when it has ended.
async fn within(
    limit: Duration,
    admission: &Admission,
    name: impl Fn() -> String,
    work: impl Future<Output = Result<Response, Error>>,
) -> Result<Response, Error> {
    let work = AssertUnwindSafe(work).catch_unwind();
    let result = match tokio::time::timeout(limit, work).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(panicked(&name(), &*panic)),
        Err(_) if admission.waits_for_body() => {
            let message = format!("the request's body did not come within {limit:?}");
            Err(Error::new(408, "slow_body", message).closing())
        }
        Err(_) => {
            let message = format!("no reply was ready within {limit:?}");
            Err(Error::new(504, "deadline_exceeded", message).closing())
        }
    };
    admission.end();
    result
}

pub(crate) fn panicked(endpoint: &str, panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    let text =
        text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned());
    Error::internal(format!("{endpoint} panicked: {text}"))
}

/// Drops a length that is not the body's, such as one that was copied from another reply: the client would take the
/// connection's next reply for a part of this one, or a part of this one for the next.
fn strip_wrong_length(response: &mut Response) {
    if response.headers().contains_key(CONTENT_LENGTH)
        && let Some(length) = response.body().size_hint().exact().map(HeaderValue::from)
        && response.headers().get_all(CONTENT_LENGTH).iter().any(|said| *said != length)
    {
        response.headers_mut().remove(CONTENT_LENGTH);
    }
}

/// Leaves the head of a reply, and the length the body would have had.
fn strip_body(response: &mut Response) {
    if let Some(length) = response.body().size_hint().exact()
        && ![StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&response.status())
    {
        response.headers_mut().entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
    *response.body_mut() = Body::empty();
}
