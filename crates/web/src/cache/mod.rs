//! Named caches: whole replies of GET endpoints, kept in a store that the application defines.
//!
//! A request that has passed the middlewares and the scope is looked up here, before the handler. The parts: `store`
//! is what an application can implement, `memory` and `redis` are those that ship; `key` makes keys, `policy` and
//! `declare` are the rules of HTTP and of the settings, `flight` lets misses run once, `fill` makes entries, `send`
//! makes replies of them. What may be kept where the endpoint cannot be cached is no business of this module: it is
//! a problem when the server is built.

mod declare;
mod entry;
mod fill;
mod flight;
mod key;
mod memory;
mod policy;
mod purge;
#[cfg(feature = "redis")]
mod redis;
mod send;
mod store;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use ketch_model::{Caller, Clock, Endpoint, Error, Level, Problem, SystemClock};
use ketch_syntax::suggestion;

use self::declare::TagPattern;
use self::fill::Fill;
use self::flight::{Flights, Reason, Route, Seat};
use self::key::Recipe;
use self::policy::{Wish, take_tags};
use self::send::{Status, from_entry, mark};
use crate::exchange::{Input, Response};
use crate::service::{Handler, Pending};

pub(crate) use self::declare::check;
pub use self::entry::Entry;
pub use self::key::{CacheKey, check as check_key};
pub use self::memory::MemoryCache;
pub use self::purge::check_purges;
pub(crate) use self::purge::{Purgeable, purging};
#[cfg(feature = "redis")]
pub use self::redis::RedisCache;
pub use self::store::{CacheError, CacheStats, CacheStore, Kept, Lookup, Storing, Ticket};

/// A function that makes the key of a request's reply, in place of the usual one; none means that this request has
/// nothing to do with the cache.
pub type KeyFunction = Arc<dyn Fn(&CacheKey<'_>) -> Option<String> + Send + Sync>;

/// What an application defines for its endpoints to name: caches and key functions; and the clock that entries age by.
#[derive(Clone)]
pub struct Caches {
    /// The stores, by name.
    pub stores: BTreeMap<String, Arc<dyn CacheStore>>,
    /// The key functions, by name.
    pub keys: BTreeMap<String, KeyFunction>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
}

impl Default for Caches {
    fn default() -> Self {
        Self { stores: BTreeMap::new(), keys: BTreeMap::new(), clock: Arc::new(SystemClock) }
    }
}

impl fmt::Debug for Caches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&String> = self.keys.keys().collect();
        f.debug_struct("Caches").field("stores", &self.stores).field("keys", &keys).finish_non_exhaustive()
    }
}

/// The cache of one endpoint.
#[derive(Clone)]
pub(crate) struct Cached(Arc<Inner>);

struct Inner {
    store: Arc<dyn CacheStore>,
    recipe: Recipe,
    function: Option<KeyFunction>,
    ttl: Duration,
    tags: Vec<TagPattern>,
    clock: Arc<dyn Clock>,
    flights: Flights,
    handler: Handler,
}

/// A request that found nothing, on its way to the handler.
struct Miss {
    key: String,
    /// None when the store could not be asked: then nothing is stored either.
    ticket: Option<Ticket>,
    reason: Reason,
    /// Flights that had landed before the look-up.
    landed: u64,
}

impl Cached {
    /// The endpoint's cache; none when it has none. Names that are not defined go to `problems`.
    pub(crate) fn compose(
        (endpoint, revision): (&Endpoint, Option<u64>),
        handler: &Handler,
        caches: &Caches,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let settings = &endpoint.settings;
        let name = settings.cache.value.as_deref()?;
        // Who has a project and no program learns where one is defined.
        let of_project = matches!(settings.cache.level, Level::Project | Level::Node | Level::Method);
        let mut missing = |place, what: &str, name: &str, known: Vec<&str>| {
            let whose = if of_project && what == "cache" { " in `caches` of the project file" } else { "" };
            let message = format!("no {what} named `{name}` is defined{whose}{}", suggestion(name, known));
            problems.push(Problem::new(place, endpoint.names.full(), message));
        };
        let store = caches.stores.get(name);
        if store.is_none() {
            let known = caches.stores.keys().map(String::as_str).collect();
            missing(settings.cache.place.clone(), "cache", name, known);
        }
        let function = settings.key.value.as_deref().map(|name| (name, caches.keys.get(name)));
        if let Some((name, None)) = function {
            let known = caches.keys.keys().map(String::as_str).collect();
            missing(settings.key.place.clone(), "key function", name, known);
        }
        Some(Self(Arc::new(Inner {
            store: Arc::clone(store?),
            recipe: Recipe::of(endpoint, revision),
            function: function.and_then(|(_, function)| function.cloned()),
            ttl: settings.ttl.value?,
            tags: TagPattern::of(endpoint),
            clock: Arc::clone(&caches.clock),
            flights: Flights::default(),
            handler: Arc::clone(handler),
        })))
    }

    /// Answers a request from the store, or lets the handler answer it. A hit in a store that need not wait is ready
    /// at once.
    pub(crate) fn answer(&self, input: Input) -> Pending {
        let wish = Wish::of(&input.parts);
        let Some(key) = (if wish.bypass { None } else { self.key(&input) }) else {
            if wish.only_kept {
                return Box::pin(std::future::ready(Err(not_kept())));
            }
            return self.pass(input, Status::Bypass);
        };
        let (this, landed) = (self.clone(), self.0.flights.landed());
        match self.0.store.get_now(&key) {
            Some(lookup) => match self.hit(&lookup, &input, &wish) {
                Ok(response) => Box::pin(std::future::ready(Ok(response))),
                Err(reason) => {
                    let ticket = Some(lookup.ticket);
                    Box::pin(this.miss(input, Miss { key, ticket, reason, landed }, wish.only_kept))
                }
            },
            None => Box::pin(async move {
                let lookup = this.ask(&key).await;
                let hit =
                    lookup.as_ref().map_or(Err(Reason::Missing), |lookup| this.hit(lookup, &input, &wish));
                match hit {
                    Ok(response) => Ok(response),
                    Err(reason) => {
                        let ticket = lookup.map(|lookup| lookup.ticket);
                        this.miss(input, Miss { key, ticket, reason, landed }, wish.only_kept).await
                    }
                }
            }),
        }
    }

    /// The reply that is kept, if it is what the request wants; else why the handler must run.
    fn hit(&self, lookup: &Lookup, input: &Input, wish: &Wish) -> Result<Response, Reason> {
        let entry = lookup.entry.as_ref();
        let Some((entry, age)) = entry.and_then(|entry| Some((entry, entry.age(self.0.clock.now())?))) else {
            return Err(if wish.refresh { Reason::Refresh } else { Reason::Missing });
        };
        if wish.refresh || wish.oldest.is_some_and(|oldest| age > oldest) {
            return Err(Reason::Refresh);
        }
        Ok(from_entry(entry, &input.parts.headers, Status::Hit, Some(age)))
    }

    async fn miss(self, input: Input, miss: Miss, only_kept: bool) -> Result<Response, Error> {
        if only_kept {
            return Err(not_kept());
        }
        // A handler may answer HEAD in its own way, so its reply says nothing of GET's.
        if input.parts.method == Method::HEAD {
            return self.pass(input, miss.reason.status()).await;
        }
        let route = Route { key: miss.key.clone(), ticket: miss.ticket, reason: miss.reason };
        match self.0.flights.join(route, miss.landed) {
            Seat::Leader(flight) => Fill { cached: self, miss, flight }.run(input).await,
            Seat::Follower(follower) => match follower.wait().await {
                Some(entry) => Ok(from_entry(&entry, &input.parts.headers, Status::Collapsed, None)),
                // Its reply was nobody else's: all who waited now ask for themselves, at once.
                None => self.pass(input, miss.reason.status()).await,
            },
        }
    }

    /// Lets the handler answer, for this request alone.
    fn pass(&self, input: Input, status: Status) -> Pending {
        let answer = (self.0.handler)(input);
        Box::pin(async move {
            let mut response = answer.await?;
            drop(take_tags(response.headers_mut()));
            mark(&mut response, status);
            Ok(response)
        })
    }

    fn key(&self, input: &Input) -> Option<String> {
        let nobody = Caller::default();
        let caller = input.parts.extensions.get::<Caller>().unwrap_or(&nobody);
        let recipe = &self.0.recipe;
        let Some(function) = &self.0.function else { return Some(recipe.usual(&input.parts, caller)) };
        let key = CacheKey { parts: &input.parts, caller, peer: input.exchange.peer(), recipe };
        function(&key).map(|text| recipe.own(&text))
    }

    /// A failed look-up is a miss; the store has said so itself where that matters.
    async fn ask(&self, key: &str) -> Option<Lookup> {
        self.0.store.get(key).await.inspect_err(|error| tracing::debug!(%error, "no cache to read")).ok()
    }
}

fn not_kept() -> Error {
    Error::new(504, "not_kept", "no reply is kept, and the request wants no other")
}

impl fmt::Debug for Cached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached").field("store", &self.0.store).finish_non_exhaustive()
    }
}
