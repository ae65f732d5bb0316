//! Named middlewares: any tower `Layer`, kept by name until the endpoints that want it are composed.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use axum::response::IntoResponse;
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt};

use crate::exchange::{Request, Response};

/// What a middleware wraps: the rest of the way to the endpoint.
pub type Next = BoxCloneSyncService<Request, Response, Infallible>;

/// A middleware, ready to wrap any endpoint.
#[derive(Clone)]
pub struct Middleware(Arc<dyn Fn(Next) -> Next + Send + Sync>);

impl Middleware {
    /// A middleware from a tower `Layer`, such as one of tower-http or axum's `from_fn`.
    ///
    /// Its service may answer anything that is a response; it may not fail, because only replies reach a client.
    pub fn new<L>(layer: L) -> Self
    where
        L: Layer<Next> + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        Self(Arc::new(move |next| {
            let service = layer.layer(next).map_response(IntoResponse::into_response).map_err(Into::into);
            BoxCloneSyncService::new(service)
        }))
    }

    pub(crate) fn wrap(&self, next: Next) -> Next {
        (self.0)(next)
    }
}

impl fmt::Debug for Middleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Middleware")
    }
}
