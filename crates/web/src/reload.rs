//! The endpoints of an app as one value, which is made whole and swapped whole.
//!
//! Nothing waits for a swap: requests in flight end on the endpoints that they began on, and these are freed when the
//! last of them has ended.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::Method;
use ketch_model::{Error, Live, Problem};

use crate::app::{App, TableMaker};
use crate::cache::{CacheStore, Caches, Purgeable};
use crate::cors::preflight;
use crate::exchange::{Params, Request, Response};
use crate::lower::{Annotate, Route};
use crate::middleware::Middleware;
use crate::mount::Mount;
use crate::outermost::Mode;
use crate::pipeline::Pipeline;
use crate::table::{Match, RouteTable, TableEntry, Trie};
use crate::unrouted::allowed;

/// The table and what it leads to; swapped as one.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(crate) table: Box<dyn RouteTable>,
    pub(crate) pipelines: Vec<Arc<Pipeline>>,
    /// Whether any reply may be read by scripts of other origins.
    shared: bool,
    /// What is added to errors of paths that nothing answers: what the first endpoint that adds anything says.
    pub(crate) annotate: Option<Annotate>,
}

/// What a request comes to.
pub(crate) enum Found {
    Endpoint(Arc<Pipeline>, Params),
    Mount(Arc<Mount>),
    /// A preflight for this endpoint, and the methods of its path that have the same policy.
    Preflight(Arc<Pipeline>, Vec<Method>, String),
    Answer(Result<Response, Error>),
    /// The path without its final slash is known.
    Slash,
}

impl Routes {
    /// The endpoint that a preflight asks about, when scripts of other origins may read anything here.
    pub(crate) fn preflight(&self, request: &Request) -> Option<Found> {
        let wanted = if self.shared { preflight(request) } else { None }?;
        let path = request.uri().path();
        let find = |method: &Method| match self.table.find(method, path) {
            Match::Found(index, _) => Some(&self.pipelines[index]),
            Match::WrongMethod(_) | Match::Missing => None,
        };
        let pipeline = find(&wanted)?;
        let policy = pipeline.outermost.cors();
        let Match::WrongMethod(all) = self.table.find(&Method::OPTIONS, path) else { return None };
        // Browsers remember every method that is listed, so one with another policy must not be.
        let alike = |method: &&Method| find(method).is_some_and(|other| other.outermost.cors() == policy);
        let methods = all.iter().filter(alike).cloned().collect();
        Some(Found::Preflight(Arc::clone(pipeline), methods, allowed(&all)))
    }
}

/// What endpoints are composed with, and stays when they change.
pub(crate) struct Composer {
    /// Key functions and the clock; the stores are those that the application was built with.
    pub(crate) caches: Caches,
    /// The stores that there are now.
    pub(crate) stores: Live<Vec<Arc<dyn CacheStore>>>,
    pub(crate) mode: Mode,
    /// What makes the route table, in place of the one that ships.
    pub(crate) table: Option<TableMaker>,
    /// Whether replies that no endpoint makes may be read by scripts of other origins.
    pub(crate) shared: bool,
    /// Held while endpoints are replaced, so that each reload takes over from the one before it.
    pub(crate) reloading: Mutex<()>,
}

/// What endpoints name, each by its name.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// The middlewares.
    pub middlewares: BTreeMap<String, Middleware>,
    /// The caches.
    pub stores: BTreeMap<String, Arc<dyn CacheStore>>,
}

/// What one state of the endpoints is composed of.
pub(crate) struct Parts<'a> {
    pub(crate) middlewares: &'a BTreeMap<String, Middleware>,
    pub(crate) caches: Caches,
    pub(crate) purgeable: Purgeable,
}

impl fmt::Debug for Composer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Composer")
            .field("caches", &self.caches)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

impl Composer {
    /// Composes everything; what callers have used up of their rates is taken over from `before`.
    pub(crate) fn compose(
        &self,
        routes: Vec<Route>,
        named: &Named,
        before: Option<&Routes>,
    ) -> Result<Routes, Vec<Problem>> {
        let mut problems = Vec::new();
        let table = self.make_table(&routes, &mut problems);
        let annotate = routes.iter().find_map(|route| route.annotate);
        let earlier = before.map(Routes::by_route).unwrap_or_default();
        let mut pipelines = Vec::with_capacity(routes.len());
        let parts = Parts {
            middlewares: &named.middlewares,
            caches: Caches { stores: named.stores.clone(), ..self.caches.clone() },
            purgeable: Purgeable::new(named.stores.values(), &self.stores),
        };
        for route in routes {
            let same = earlier.get(&(route.endpoint.method.clone(), route.endpoint.path.to_string()));
            let pipeline = Pipeline::compose(
                route,
                &parts,
                self.mode,
                same.and_then(|same| same.limit.as_ref()),
                &mut problems,
            );
            pipelines.push(Arc::new(pipeline));
        }
        let (Some(table), true) = (table, problems.is_empty()) else { return Err(problems) };
        let shared = self.shared || pipelines.iter().any(|pipeline| pipeline.outermost.cors().is_some());
        Ok(Routes { table, pipelines, shared, annotate })
    }

    fn make_table(&self, routes: &[Route], problems: &mut Vec<Problem>) -> Option<Box<dyn RouteTable>> {
        let entries: Vec<TableEntry> = routes.iter().map(|route| TableEntry::of(&route.endpoint)).collect();
        let table = match &self.table {
            Some(make) => make(&entries),
            None => Trie::build(&entries).map(|trie| Box::new(trie) as Box<dyn RouteTable>),
        };
        let told = |(index, message): (usize, String)| {
            let endpoint = &routes[index].endpoint;
            Problem::new(endpoint.place.clone(), endpoint.names.full(), message)
        };
        table.map_err(|faults| problems.extend(faults.into_iter().map(told))).ok()
    }
}

impl Routes {
    fn by_route(&self) -> HashMap<(Method, String), &Pipeline> {
        let key =
            |pipeline: &Pipeline| (pipeline.endpoint.method.clone(), pipeline.endpoint.path.to_string());
        self.pipelines.iter().map(|pipeline| (key(pipeline), &**pipeline)).collect()
    }
}

impl App {
    /// Replaces every endpoint, and the middlewares and caches that they name, as one: a request sees all of the old or all
    /// of the new. Requests in flight end on the old ones. Guards, mounts, key functions and bounds stay as they are.
    ///
    /// An endpoint with the method, path and rate of an earlier one takes over what its callers have used up. Kept
    /// replies stay in their caches, so an endpoint that answers otherwise than before needs another
    /// [revision](Route::revision).
    ///
    /// # Errors
    /// As [`AppBuilder::build`](crate::AppBuilder::build); then nothing is changed.
    pub fn reload(&self, routes: Vec<Route>, named: &Named) -> Result<(), Vec<Problem>> {
        self.reload_when(routes, named, || Ok(()))
    }

    /// The same, when all is well and `ready` says so too: what must not be done for endpoints that cannot be served.
    ///
    /// # Errors
    /// As [`reload`](Self::reload), and those of `ready`; then nothing is changed.
    pub fn reload_when(
        &self,
        routes: Vec<Route>,
        named: &Named,
        ready: impl FnOnce() -> Result<(), Vec<Problem>>,
    ) -> Result<(), Vec<Problem>> {
        let _alone = self.composer.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.routes.get();
        let after = self.composer.compose(routes, named, Some(&before))?;
        ready()?;
        // Before the endpoints: what the old ones purge from here on is purged in the new caches too.
        self.composer.stores.set(named.stores.values().cloned().collect());
        self.routes.set(after);
        Ok(())
    }
}
