//! What lies around the router: the request id, the deadline, panics as replies, and the request log. One future and
//! one allocation for all of it.

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use futures_util::FutureExt;
use http::{HeaderName, Method, Request, StatusCode, Uri};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::service::Service;
use tower::Service as _;

use crate::request_id::RequestId;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// As the candidate's default.
const DEADLINE: Duration = Duration::from_secs(30);

/// The router, as hyper calls it.
#[derive(Clone)]
pub(crate) struct Front {
    router: Router,
}

impl Front {
    pub(crate) fn new(router: Router) -> Self {
        Self { router }
    }
}

impl Service<Request<Incoming>> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let router = self.router.clone();
        Box::pin(async move {
            let line = Line::start(&request);
            let id = line.id;
            let mut response = answer(router, request.map(Body::new)).await;
            response.headers_mut().insert(REQUEST_ID, id.header());
            line.write(&response);
            Ok(response)
        })
    }
}

async fn answer(mut router: Router, request: Request<Body>) -> Response {
    let work = AssertUnwindSafe(async move { router.call(request).await }).catch_unwind();
    match tokio::time::timeout(DEADLINE, work).await {
        Ok(Ok(Ok(response))) => response,
        Ok(Ok(Err(never))) => match never {},
        Ok(Err(_panic)) => status(StatusCode::INTERNAL_SERVER_ERROR),
        Err(_late) => status(StatusCode::GATEWAY_TIMEOUT),
    }
}

fn status(status: StatusCode) -> Response {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

/// What is logged of a request: the fields of the candidate's request log, under a target of the same length.
struct Line {
    id: RequestId,
    method: Method,
    uri: Uri,
    started: Instant,
}

impl Line {
    fn start(request: &Request<Incoming>) -> Self {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        Self { id: RequestId::next(), method, uri, started: Instant::now() }
    }

    fn write(&self, response: &Response) {
        let micros = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::info!(
            target: "bench::request",
            id = self.id.as_str(),
            method = self.method.as_str(),
            path = self.uri.path(),
            status = response.status().as_u16(),
            bytes = response.body().size_hint().exact().unwrap_or_default(),
            micros,
            body = "whole",
        );
    }
}
