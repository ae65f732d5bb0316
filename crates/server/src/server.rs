//! What an application says of its server.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::response::IntoResponse;
use ketch_edge::Limits;
use ketch_model::{Clock, Place, Problem, Settings};
use ketch_web::{
    AppBuilder, CacheKey, CacheStore, Capacity, Guard, IntoConfigured, Middleware, Mode, Mount, Next,
    Request, Route, RouteTable, Schemas, Service, TableEntry, lower,
};
use tower::Layer;

use crate::admin::Admin;
use crate::database::Declared;
use crate::events::Events;
use crate::jobs;
use crate::manifest;

/// Where a server listens when nobody says.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:8080";

/// The title and the version of an API that nobody gave any.
pub(crate) const DEFAULT_TITLE: &str = "API";
pub(crate) const DEFAULT_VERSION: &str = "1.0.0";

/// A server, in the making. The order of calls does not matter, but that services are listed in the order they are
/// added.
pub struct Server {
    pub(crate) title: String,
    pub(crate) version: String,
    pub(crate) description: Option<String>,
    pub(crate) settings: Settings,
    pub(crate) services: Vec<Lowering>,
    pub(crate) app: AppBuilder,
    pub(crate) limits: Limits,
    pub(crate) events: Events,
    pub(crate) database: Declared,
    pub(crate) jobs: jobs::Declared,
    pub(crate) admin: Admin,
    pub(crate) manifest: manifest::Declared,
    /// The address as written, and who wrote it.
    pub(crate) address: Option<(String, Said)>,
    pub(crate) docs: bool,
    pub(crate) problems: Vec<Problem>,
}

/// Turns a service into routes once the server's own settings are known.
pub(crate) type Lowering = Box<dyn FnOnce(&Settings, &mut Schemas, &mut Vec<Problem>) -> Vec<Route> + Send>;

/// Who gave an address.
#[derive(Debug)]
pub(crate) enum Said {
    /// The program, at this place.
    Here(Place),
    /// Its user, with this flag or variable.
    Outside(String),
}

impl Said {
    /// A problem of what was said.
    pub(crate) fn problem(&self, message: String) -> Problem {
        match self {
            Self::Here(place) => Problem::new(Some(place.clone()), "server", message),
            Self::Outside(origin) => Problem::new(None, origin.as_str(), message),
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("title", &self.title)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// A server with the built-in endpoints only: health and documents.
    pub fn new() -> Self {
        Self {
            title: DEFAULT_TITLE.to_owned(),
            version: DEFAULT_VERSION.to_owned(),
            description: None,
            settings: Settings::new(),
            services: Vec::new(),
            app: AppBuilder::default(),
            limits: Limits::default(),
            events: Events::default(),
            database: Declared::default(),
            jobs: jobs::Declared::default(),
            admin: Admin::default(),
            manifest: manifest::Declared::default(),
            address: None,
            docs: true,
            problems: Vec::new(),
        }
    }

    /// The API's title, in the documents and where the server says that it is ready.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// The version of the API as a whole, in the documents: `"1.4.2"`. Versions in URLs are settings.
    #[must_use]
    pub fn release(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// What the API is, in a paragraph, for the documents.
    #[must_use]
    pub fn describe(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Settings of every endpoint (level 1). Several calls add up. The built-in endpoints are not moved by them.
    #[must_use]
    pub fn set(mut self, set: impl FnOnce(Settings) -> Settings) -> Self {
        self.settings = set(self.settings);
        self
    }

    /// Adds a service, plain or [configured](ketch_web::configure).
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "`+` would say less")]
    pub fn add<S: Service>(mut self, service: impl IntoConfigured<S>) -> Self {
        let configured = service.into_configured();
        self.services
            .push(Box::new(move |server, schemas, problems| lower(configured, server, schemas, problems)));
        self
    }

    /// Defines a middleware that endpoints can name: any tower `Layer`, such as axum's `from_fn`.
    #[must_use]
    #[track_caller]
    pub fn define_middleware<L>(mut self, name: impl Into<String>, layer: L) -> Self
    where
        L: Layer<Next> + Send + Sync + 'static,
        L::Service: tower::Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as tower::Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as tower::Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as tower::Service<Request>>::Future: Send + 'static,
    {
        let name = name.into();
        match bad_name(&name, "middleware", self.app.middlewares.contains_key(&name)) {
            Some(problem) => self.problems.push(problem),
            None => drop(self.app.middlewares.insert(name, Middleware::new(layer))),
        }
        self
    }

    /// Defines a cache that endpoints can name: [`MemoryCache`](ketch_web::MemoryCache), `RedisCache`, or an
    /// application's own.
    #[must_use]
    #[track_caller]
    pub fn define_cache(mut self, name: impl Into<String>, store: impl CacheStore) -> Self {
        let name = name.into();
        self.problems.extend(store.problem());
        match bad_name(&name, "cache", self.app.caches.stores.contains_key(&name)) {
            Some(problem) => self.problems.push(problem),
            None => drop(self.app.caches.stores.insert(name, Arc::new(store))),
        }
        self
    }

    /// Defines a function that makes keys for a cache, for endpoints to name with the setting `key`. It is given the
    /// request and the usual key; what it makes is told apart from other endpoints' keys by itself. A request for which
    /// it makes none has nothing to do with the cache.
    ///
    /// Its key must cover all that the reply depends on: what it leaves out, callers share.
    #[must_use]
    #[track_caller]
    pub fn define_cache_key<F>(mut self, name: impl Into<String>, make: F) -> Self
    where
        F: Fn(&CacheKey<'_>) -> Option<String> + Send + Sync + 'static,
    {
        let name = name.into();
        match bad_name(&name, "key function", self.app.caches.keys.contains_key(&name)) {
            Some(problem) => self.problems.push(problem),
            None => drop(self.app.caches.keys.insert(name, Arc::new(make))),
        }
        self
    }

    /// Replaces the clock that kept replies age by and [jobs](Self::jobs) are due by, for tests.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.jobs.clock = Some(Arc::clone(&clock));
        self.app.caches.clock = clock;
        self
    }

    /// Adds a guard after those that ship.
    #[must_use]
    pub fn guard(mut self, guard: impl Guard) -> Self {
        self.app.guards.push(Arc::new(guard));
        self
    }

    /// Replaces the bounds of the edge.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Mounts an axum router beside the services: it answers what no endpoint does at and below `path`, and sees paths
    /// without it, as with axum's `nest`. An endpoint's path wins, with any method.
    ///
    /// Guards, the request log, the limit of requests in flight, a deadline of 30 s until its reply begins and the
    /// handling of panics apply to it; named middlewares, settings and documents do not.
    #[must_use]
    #[track_caller]
    pub fn mount(mut self, path: impl Into<String>, router: Router) -> Self {
        match Mount::new(path, router, Place::caller()) {
            Ok(mount) => self.app.mounts.push(mount),
            Err(problem) => self.problems.push(problem),
        }
        self
    }

    /// For whoever writes the server: scripts of any port of this machine may read every reply. `serve --dev` says the
    /// same.
    #[must_use]
    pub fn development(mut self) -> Self {
        self.app.mode = Mode::Development;
        self
    }

    /// Says how much is done at a time.
    #[must_use]
    pub fn capacity(mut self, capacity: Capacity) -> Self {
        self.app.capacity = capacity;
        self
    }

    /// Replaces the route table. `make` gets every endpoint's method and path; the table names them by index. It is asked
    /// again whenever a [manifest](Self::manifest) is loaded anew.
    #[must_use]
    pub fn route_table<T, F>(mut self, make: F) -> Self
    where
        T: RouteTable,
        F: Fn(&[TableEntry]) -> Result<T, Vec<(usize, String)>> + Send + Sync + 'static,
    {
        self.app.table =
            Some(Box::new(move |entries| make(entries).map(|table| Box::new(table) as Box<dyn RouteTable>)));
        self
    }

    /// The address to listen on: `"127.0.0.1:8080"`, `"[::]:80"`. Port 0 lets the system choose.
    #[must_use]
    #[track_caller]
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.address = Some((address.into(), Said::Here(Place::caller())));
        self
    }

    /// The address to listen on as the user of the program gives it; `origin` names the flag or variable in messages.
    #[must_use]
    pub fn listen_from(mut self, address: impl Into<String>, origin: impl Into<String>) -> Self {
        self.address = Some((address.into(), Said::Outside(origin.into())));
        self
    }

    /// Leaves out `/docs` and `/openapi.json`.
    #[must_use]
    pub fn without_docs(mut self) -> Self {
        self.docs = false;
        self
    }

    /// The address that was set, as it was written.
    pub fn address(&self) -> Option<&str> {
        self.address.as_ref().map(|(address, _)| address.as_str())
    }
}

/// What is wrong with the name of a definition: it means "none", or is taken.
#[track_caller]
pub(crate) fn bad_name(name: &str, what: &str, taken: bool) -> Option<Problem> {
    let message = match name {
        "-" => format!("`-` means none, so no {what} can be called that"),
        _ if taken => format!("the {what} `{name}` is defined twice"),
        _ => return None,
    };
    Some(Problem::new(Some(Place::caller()), "server", message))
}
