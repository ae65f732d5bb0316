//! The whole way of a request through the process: guards, route, deadline, pipeline, and what is observed on the
//! way out.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use futures_util::FutureExt;
use http::header::{ALLOW, CONTENT_LENGTH, LOCATION};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use http_body::Body as _;
use ketch_model::{Error, Live, Problem};
use tokio::sync::Semaphore;

use crate::admission::{Admission, Places};
use crate::cache::Caches;
use crate::exchange::{Exchange, Request, RequestId, Response};
use crate::guard::Guard;
use crate::lower::Route;
use crate::middleware::Middleware;
use crate::pipeline::Pipeline;
use crate::problem::problem;
use crate::request_log::Line;
use crate::table::{Match, RouteTable, TableEntry, Trie};

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
    routes: Live<Routes>,
    guards: Vec<Arc<dyn Guard>>,
    capacity: Capacity,
    places: Arc<Places>,
    blocking: Arc<Semaphore>,
}

/// The table and what it leads to; swapped as one.
#[derive(Debug)]
struct Routes {
    table: Box<dyn RouteTable>,
    pipelines: Vec<Arc<Pipeline>>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("guards", &self.guards)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

/// Makes the table of an application that has its own.
type TableMaker = Box<dyn FnOnce(&[TableEntry]) -> Result<Box<dyn RouteTable>, Vec<(usize, String)>> + Send>;

/// An [`App`] in the making.
pub struct AppBuilder {
    routes: Vec<Route>,
    middlewares: BTreeMap<String, Middleware>,
    caches: Caches,
    guards: Vec<Arc<dyn Guard>>,
    capacity: Capacity,
    table: TableMaker,
}

impl fmt::Debug for AppBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppBuilder").field("routes", &self.routes).finish_non_exhaustive()
    }
}

impl AppBuilder {
    /// Adds routes.
    #[must_use]
    pub fn routes(mut self, routes: Vec<Route>) -> Self {
        self.routes.extend(routes);
        self
    }

    /// Defines the middlewares that endpoints name.
    #[must_use]
    pub fn middlewares(mut self, middlewares: BTreeMap<String, Middleware>) -> Self {
        self.middlewares = middlewares;
        self
    }

    /// Defines the caches and key functions that endpoints name.
    #[must_use]
    pub fn caches(mut self, caches: Caches) -> Self {
        self.caches = caches;
        self
    }

    /// Adds a guard; the first added runs first.
    #[must_use]
    pub fn guard(mut self, guard: Arc<dyn Guard>) -> Self {
        self.guards.push(guard);
        self
    }

    /// Says how much is done at a time.
    #[must_use]
    pub fn capacity(mut self, capacity: Capacity) -> Self {
        self.capacity = capacity;
        self
    }

    /// Replaces the route table.
    #[must_use]
    pub fn table(mut self, make: TableMaker) -> Self {
        self.table = make;
        self
    }

    /// Composes everything.
    ///
    /// # Errors
    /// Every conflict of routes and every name that is not defined.
    pub fn build(self) -> Result<App, Vec<Problem>> {
        let Self { routes, middlewares, caches, guards, capacity, table } = self;
        let entries: Vec<TableEntry> = routes
            .iter()
            .map(|route| TableEntry {
                method: route.endpoint.method.clone(),
                path: route.endpoint.path.clone(),
            })
            .collect();
        let mut problems = Vec::new();
        let table = table(&entries).map_err(|faults| {
            for (index, message) in faults {
                let endpoint = &routes[index].endpoint;
                problems.push(Problem::new(endpoint.place.clone(), endpoint.names.full(), message));
            }
        });
        let pipelines = routes
            .into_iter()
            .map(|route| Arc::new(Pipeline::compose(route, &middlewares, &caches, &mut problems)))
            .collect();
        let (Ok(table), true) = (table, problems.is_empty()) else { return Err(problems) };
        Ok(App {
            routes: Live::new(Routes { table, pipelines }),
            guards,
            capacity,
            places: Arc::new(Places::new(capacity)),
            blocking: Arc::new(Semaphore::new(capacity.blocking.clamp(1, Semaphore::MAX_PERMITS))),
        })
    }
}

impl App {
    /// Starts an app without routes.
    pub fn builder() -> AppBuilder {
        AppBuilder {
            routes: Vec::new(),
            middlewares: BTreeMap::new(),
            caches: Caches::default(),
            guards: Vec::new(),
            capacity: Capacity::default(),
            table: Box::new(|entries| Trie::build(entries).map(|trie| Box::new(trie) as Box<dyn RouteTable>)),
        }
    }

    /// Answers a request; errors and panics become replies. `peer` is the other end of its socket.
    pub async fn handle(&self, request: Request, peer: Option<SocketAddr>) -> Response {
        let id = RequestId::next();
        let method = request.method().clone();
        let line = Line::begin(id, method.clone(), request.uri().clone());
        // A panic in an endpoint is caught where it runs; this is for guards and route tables of an application's own.
        let mut response = match AssertUnwindSafe(self.answer(request, id, peer)).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => problem(&error, id),
            Err(panic) => problem(&panicked("a guard or the route table", &*panic), id),
        };
        response.headers_mut().insert(REQUEST_ID, id.header());
        if method == Method::HEAD {
            strip_body(&mut response);
        }
        line.follow(response)
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
    ) -> Result<Response, Error> {
        if !self.guards.is_empty() {
            let (head, body) = request.into_parts();
            for guard in &self.guards {
                guard.check(&head)?;
            }
            request = Request::from_parts(head, body);
        }
        let (pipeline, params) = match self.find(request.method(), request.uri().path()) {
            Found::Pipeline(pipeline, params) => (pipeline, params),
            Found::Answer(answer) => return answer,
            Found::Slash => return Ok(without_slash(&request)),
        };
        let admission = Admission::take(&self.places, pipeline.shed)?;
        let endpoint = Arc::clone(&pipeline.endpoint);
        let exchange = Exchange::new(id, peer, endpoint, params, Arc::clone(&self.blocking), admission);
        // Work that may write is finished even when the client hangs up, so it runs in a task of its own.
        if request.method().is_safe() {
            return run(&pipeline, request, exchange).await;
        }
        // Its error becomes a reply there, so that the cause is logged even when nobody waits any more.
        let work = tokio::spawn(async move {
            run(&pipeline, request, exchange).await.unwrap_or_else(|error| problem(&error, id))
        });
        work.await.map_err(Error::internal)
    }

    fn find(&self, method: &Method, path: &str) -> Found {
        self.routes.with(|routes| match routes.table.find(method, path) {
            Match::Found(index, params) => Found::Pipeline(Arc::clone(&routes.pipelines[index]), params),
            Match::WrongMethod(methods) => Found::Answer(wrong_method(method, &methods)),
            Match::Missing if *method == Method::OPTIONS && path == "*" => {
                Found::Answer(Ok(options("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS".to_owned())))
            }
            Match::Missing if slashed(routes, method, path) => Found::Slash,
            Match::Missing => {
                Found::Answer(Err(Error::new(404, "not_found", "nothing answers at this path")))
            }
        })
    }
}

enum Found {
    Pipeline(Arc<Pipeline>, crate::exchange::Params),
    Answer(Result<Response, Error>),
    /// The path without its final slash is known.
    Slash,
}

/// Runs an endpoint within its deadline; a panic becomes a 500. Its place is free again when it has ended.
async fn run(pipeline: &Pipeline, request: Request, exchange: Exchange) -> Result<Response, Error> {
    let limit = pipeline.endpoint.settings.timeout.value;
    let place = exchange.clone();
    let work = AssertUnwindSafe(pipeline.answer(request, exchange)).catch_unwind();
    let result = match tokio::time::timeout(limit, work).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(panicked(&pipeline.endpoint.names.full(), &*panic)),
        Err(_) if place.admission().waits_for_body() => {
            let message = format!("the request's body did not come within {limit:?}");
            Err(Error::new(408, "slow_body", message).closing())
        }
        Err(_) => {
            let message = format!("no reply was ready within {limit:?}");
            Err(Error::new(504, "deadline_exceeded", message).closing())
        }
    };
    place.admission().end();
    result
}

fn panicked(endpoint: &str, panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    let text =
        text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned());
    Error::internal(format!("{endpoint} panicked: {text}"))
}

/// A known path under a method it does not have: 405, or for OPTIONS the methods it has.
fn wrong_method(method: &Method, methods: &[Method]) -> Result<Response, Error> {
    let mut names: Vec<String> = methods.iter().map(Method::to_string).collect();
    if methods.contains(&Method::GET) && !methods.contains(&Method::HEAD) {
        names.push("HEAD".to_owned());
    }
    names.push("OPTIONS".to_owned());
    let allow = names.join(", ");
    if *method == Method::OPTIONS {
        return Ok(options(allow));
    }
    let message = format!("this path answers {allow}");
    let allow = HeaderValue::try_from(allow).map_err(Error::internal)?;
    let error = Error::new(405, "method_not_allowed", message).header(ALLOW, allow);
    // After a refused CONNECT the client may send bytes that are no request.
    Err(if *method == Method::CONNECT { error.closing() } else { error })
}

fn options(allow: String) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    if let Ok(allow) = HeaderValue::try_from(allow) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

/// Whether the path is known without its final slash. A path that begins with two slashes, or holds a backslash,
/// would send browsers to another host.
fn slashed(routes: &Routes, method: &Method, path: &str) -> bool {
    let bare = path.trim_end_matches('/');
    bare.len() < path.len()
        && !bare.is_empty()
        && !bare.starts_with("//")
        && !bare.contains('\\')
        && !matches!(routes.table.find(method, bare), Match::Missing)
}

fn without_slash(request: &Request) -> Response {
    let bare = request.uri().path().trim_end_matches('/');
    let location = match request.uri().query() {
        Some(query) => format!("{bare}?{query}"),
        None => bare.to_owned(),
    };
    let mut response = Response::default();
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
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
