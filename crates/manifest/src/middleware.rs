//! Middlewares of a project: what they see and say, and how they stand before an endpoint.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use ketch_web::{Exchange, Middleware, Next, Request, RequestId, Response, caller_mut, problem};
use serde_json::{Map, Value};
use tower::{Layer, Service, ServiceExt};

use crate::driver::{Inspector, Pending};

/// What a middleware sees of a request.
#[derive(Clone, Debug)]
pub struct Inspect {
    /// The method.
    pub method: Method,
    /// The path and query as asked for.
    pub target: String,
    /// The headers, in order; what is not UTF-8 is left out.
    pub headers: Vec<(String, String)>,
    /// The socket's other end.
    pub peer: Option<SocketAddr>,
    /// The endpoint's path with its parameters.
    pub route: String,
    /// The clauses of scopes that the endpoint needs; none when everyone may call.
    pub required: Vec<Vec<String>>,
    /// The scopes that the middlewares before have granted.
    pub scope: Vec<String>,
    /// The request's id.
    pub request_id: RequestId,
    /// The time there is.
    pub time_left: Duration,
}

/// What a middleware says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// Scopes to grant.
    pub scope: Vec<String>,
    /// What is known of the caller; `id` identifies it.
    pub claims: Map<String, Value>,
    /// Headers of the reply.
    pub headers: Vec<(String, String)>,
    /// Answers in place of the endpoint.
    pub status: Option<u16>,
    /// The body of that answer.
    pub body: Option<Value>,
}

/// What middlewares have said of the caller, in a request's extensions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims(pub(crate) Arc<Map<String, Value>>);

/// A middleware that endpoints can name.
pub(crate) fn named(inspector: Arc<dyn Inspector>) -> Middleware {
    Middleware::new(Inspecting(inspector))
}

#[derive(Clone)]
struct Inspecting(Arc<dyn Inspector>);

impl Layer<Next> for Inspecting {
    type Service = Inspected;

    fn layer(&self, next: Next) -> Inspected {
        Inspected { inspector: Arc::clone(&self.0), next }
    }
}

#[derive(Clone)]
struct Inspected {
    inspector: Arc<dyn Inspector>,
    next: Next,
}

impl Service<Request> for Inspected {
    type Response = Response;
    type Error = Infallible;
    type Future = Pending<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let (inspector, next) = (Arc::clone(&self.inspector), self.next.clone());
        Box::pin(async move {
            let (seen, id) = see(&mut request);
            match inspector.inspect(seen).await {
                Err(error) => return Ok(problem(&error, id)),
                Ok(verdict) => {
                    let caller = caller_mut(request.extensions_mut());
                    verdict.scope.iter().for_each(|name| caller.grant(name));
                    if let Some(Value::String(id)) = verdict.claims.get("id") {
                        caller.identify(id);
                    }
                    let claims = request.extensions_mut().get_or_insert_default::<Claims>();
                    Arc::make_mut(&mut claims.0).extend(verdict.claims);
                }
            }
            next.oneshot(request).await
        })
    }
}

fn see(request: &mut Request) -> (Inspect, RequestId) {
    let exchange = request.extensions().get::<Exchange>().cloned();
    let caller = caller_mut(request.extensions_mut());
    let scope = caller.scopes().map(str::to_owned).collect();
    let id = exchange.as_ref().map_or_else(RequestId::next, Exchange::id);
    let endpoint = exchange.as_ref().map(Exchange::endpoint);
    let headers = request.headers().iter();
    let seen = Inspect {
        method: request.method().clone(),
        target: request.uri().to_string(),
        headers: headers
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect(),
        peer: exchange.as_ref().and_then(Exchange::peer),
        route: endpoint.map(|endpoint| endpoint.path.plain()).unwrap_or_default(),
        required: endpoint.map(|it| it.settings.scope.value.clauses().to_vec()).unwrap_or_default(),
        scope,
        request_id: id,
        time_left: exchange.as_ref().map(Exchange::time_left).unwrap_or_default(),
    };
    (seen, id)
}
