//! One endpoint's way: middlewares, scope, rate, arguments, handler, reply. Composed once, when the server is built.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::TryFutureExt as _;
use http::HeaderValue;
use http::header::WWW_AUTHENTICATE;
use ketch_model::{Caller, Endpoint, Error, Problem, Scope};
use ketch_syntax::{Rate, suggestion};
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

use crate::cache::{Cached, purging};
use crate::compression::compression;
use crate::exchange::{Exchange, Input, Request, Response};
use crate::good_reply::with_settings;
use crate::lower::{Annotate, Route, Shed};
use crate::middleware::{Middleware, Next};
use crate::outermost::{Mode, Outermost};
use crate::problem::problem;
use crate::rate::RateLimiter;
use crate::reload::Parts;
use crate::service::{Handler, Pending};

/// An endpoint, composed.
pub(crate) struct Pipeline {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) shed: Shed,
    pub(crate) outermost: Outermost,
    annotate: Option<Annotate>,
    /// How often callers may call, and what they have used up of it.
    pub(crate) limit: Option<Limit>,
    way: Way,
}

/// A rate and its callers.
#[derive(Clone)]
pub(crate) struct Limit {
    rate: Rate,
    limiter: Arc<RateLimiter>,
}

impl Limit {
    /// A new one, unless the endpoint had one of the same rate before.
    fn of(rate: Rate, before: Option<&Self>) -> Self {
        let same = before.filter(|before| before.rate == rate).cloned();
        same.unwrap_or_else(|| Self { rate, limiter: Arc::new(RateLimiter::new(rate)) })
    }
}

/// What a request goes through. Most endpoints have no middleware, and then no service needs to be cloned for a call.
enum Way {
    Straight(Core),
    Layered(Next),
}

impl Pipeline {
    /// Composes a route with its middlewares and its cache. `before` is the limit that the endpoint had until now. Names
    /// that are not defined go to `problems`.
    pub(crate) fn compose(
        route: Route,
        parts: &Parts<'_>,
        mode: Mode,
        before: Option<&Limit>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let Route { endpoint, shed, annotate, revision, handler } = route;
        let endpoint = Arc::new(endpoint);
        let settings = &endpoint.settings;
        let outermost = Outermost::of(settings, mode, &endpoint.names.full(), problems);
        let limit = settings.rate.value.map(|rate| Limit::of(rate, before));
        let rate = limit.as_ref().map(|limit| Arc::clone(&limit.limiter));
        let handler = purging(&endpoint, with_settings(&endpoint, handler), &parts.purgeable);
        let cache = Cached::compose((&endpoint, revision), &handler, &parts.caches, problems);
        let core = Core { endpoint: Arc::clone(&endpoint), rate, cache, handler, annotate };
        let compression = settings.compress.value.then(compression);
        let mut layers: Vec<&Middleware> = compression.iter().collect();
        for name in &settings.middleware {
            match parts.middlewares.get(&name.value) {
                Some(middleware) => layers.push(middleware),
                None => {
                    let hint = suggestion(&name.value, parts.middlewares.keys().map(String::as_str));
                    let message = format!("no middleware named `{}` is defined{hint}", name.value);
                    problems.push(Problem::new(name.place.clone(), endpoint.names.full(), message));
                }
            }
        }
        let way = if layers.is_empty() {
            Way::Straight(core)
        } else {
            // The first listed runs first, so it is the outermost but for compression, which is no business of theirs.
            Way::Layered(
                layers.iter().rev().fold(BoxCloneSyncService::new(core), |next, layer| layer.wrap(next)),
            )
        };
        Self { endpoint, shed, outermost, annotate, limit, way }
    }

    /// An error of this endpoint, with what its clients look for in it.
    pub(crate) fn annotated(&self, error: Error) -> Error {
        annotated(self.annotate, error)
    }

    /// Answers a request. The way is boxed at once, so that what waits for it is small and cheap to move.
    pub(crate) fn answer(&self, mut request: Request, exchange: Exchange) -> Pending {
        match &self.way {
            Way::Straight(core) => core.answer(request, exchange),
            Way::Layered(service) => {
                request.extensions_mut().insert(exchange);
                Box::pin(service.clone().oneshot(request).map_err(|never| match never {}))
            }
        }
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("endpoint", &self.endpoint.names.full()).finish_non_exhaustive()
    }
}

/// What stands behind the middlewares.
#[derive(Clone)]
struct Core {
    endpoint: Arc<Endpoint>,
    rate: Option<Arc<RateLimiter>>,
    handler: Handler,
    cache: Option<Cached>,
    annotate: Option<Annotate>,
}

/// An error with what `annotate` adds to it.
pub(crate) fn annotated(annotate: Option<Annotate>, error: Error) -> Error {
    match annotate {
        Some(annotate) => annotate(error),
        None => error,
    }
}

impl Core {
    fn answer(&self, request: Request, exchange: Exchange) -> Pending {
        if let Err(refused) = admit(&self.endpoint.settings.scope.value, &request, &exchange) {
            return Box::pin(std::future::ready(Err(refused)));
        }
        if let Some(rate) = &self.rate
            && let Err(refused) = rate.check(request.extensions().get::<Caller>(), exchange.peer())
        {
            return Box::pin(std::future::ready(Err(refused)));
        }
        let input = Input::new(request, exchange);
        match &self.cache {
            Some(cache) => cache.answer(input),
            None => (self.handler)(input),
        }
    }
}

impl Service<Request> for Core {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Some(exchange) = request.extensions().get::<Exchange>().cloned() else {
            let lost = "a middleware handed on a request without its extensions";
            return Box::pin(std::future::ready(Ok(problem(
                &Error::internal(lost),
                crate::RequestId::next(),
            ))));
        };
        let (id, annotate) = (exchange.id(), self.annotate);
        let answer = self.answer(request, exchange);
        // Middlewares see errors as replies, like everybody else.
        Box::pin(
            async move { Ok(answer.await.unwrap_or_else(|error| problem(&annotated(annotate, error), id))) },
        )
    }
}

/// Whether the caller may call: 401 when nobody is known, 403 when somebody lacks a scope. No body has been read yet.
fn admit(scope: &Scope, request: &Request, exchange: &Exchange) -> Result<(), Error> {
    if scope.is_public() {
        return Ok(());
    }
    let caller = request.extensions().get::<Caller>();
    let capture = |name: &str| exchange.capture(name, request.uri().path());
    if caller.is_some_and(|caller| scope.admits_at(caller, capture)) {
        return Ok(());
    }
    if caller.is_some_and(Caller::is_known) {
        let message = match scope.is_closed() {
            true => "nobody may call this".to_owned(),
            false => format!("this needs the scope {scope}"),
        };
        return Err(Error::new(403, "forbidden", message));
    }
    Err(Error::new(401, "unauthorized", "this needs a caller who is known: send credentials")
        .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")))
}
