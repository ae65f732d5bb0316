//! Named middlewares: their order, short cuts, streams, panics and deadlines; any tower `Layer`.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::error_handling::HandleErrorLayer;
use futures_util::future::BoxFuture;
use futures_util::stream;
use ketch::http::{HeaderValue, StatusCode};
use ketch::prelude::*;
use ketch::test::{Client, Scenario, check};
use tower::timeout::TimeoutLayer;
use tower::{Layer, Service, ServiceBuilder};

struct Yard;

#[service(root = "-", middleware = ["outer", "inner"])]
impl Yard {
    #[get]
    async fn both(&self) -> &'static str {
        "both"
    }

    #[get(middleware = ["inner", "outer"])]
    async fn turned(&self) -> &'static str {
        "turned"
    }

    #[get(middleware += ["layer"], middleware -= ["inner"])]
    async fn changed(&self) -> &'static str {
        "changed"
    }

    #[get(middleware = ["-"])]
    async fn none(&self) -> &'static str {
        "none"
    }

    #[get(middleware = ["outer", "shut", "inner"])]
    async fn shut(&self) -> &'static str {
        panic!("never asked")
    }

    #[post(middleware = ["outer", "shut", "inner"])]
    async fn shut_write(&self) -> &'static str {
        panic!("never asked")
    }

    #[get(middleware = ["streams"])]
    async fn streamed(&self) -> &'static str {
        "within"
    }

    #[get(middleware = ["panics"])]
    async fn panicked(&self) -> &'static str {
        "within"
    }

    #[post(middleware = ["panics"])]
    async fn panicked_write(&self) -> &'static str {
        "within"
    }

    #[get(middleware = ["hurried"])]
    async fn late(&self) -> &'static str {
        std::future::pending().await
    }

    #[get(middleware = ["tower-timeout"])]
    async fn late_too(&self) -> &'static str {
        std::future::pending().await
    }

    #[get(middleware = ["forgetful"])]
    async fn forgotten(&self) -> &'static str {
        "within"
    }

    #[get(middleware = ["outer"], scope = [["nobody"]])]
    async fn scoped(&self) -> &'static str {
        "within"
    }
}

/// A tower layer as one writes it by hand: it writes its name down on the way out.
#[derive(Clone)]
struct Trail(&'static str);

#[derive(Clone)]
struct Trailing<S> {
    name: &'static str,
    next: S,
}

impl<S> Layer<S> for Trail {
    type Service = Trailing<S>;

    fn layer(&self, next: S) -> Trailing<S> {
        Trailing { name: self.0, next }
    }
}

impl<S> Service<Request> for Trailing<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.next.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (name, reply) = (self.name, self.next.call(request));
        Box::pin(async move {
            let mut response = reply.await?;
            response.headers_mut().append("x-out", HeaderValue::from_static(name));
            Ok(response)
        })
    }
}

async fn shut(_: Request, _: Next) -> (StatusCode, &'static str) {
    (StatusCode::IM_A_TEAPOT, "shut")
}

async fn streams(request: Request, next: Next) -> Response {
    let inner = next.run(request).await.into_body().into_data_stream();
    let around = |text: &'static str| stream::iter([Ok(text.into())]);
    Response::new(Body::from_stream(futures_util::StreamExt::chain(
        futures_util::StreamExt::chain(around("<"), inner),
        around(">"),
    )))
}

async fn panics(_: Request, _: Next) -> Response {
    panic!("the middleware fell over")
}

async fn hurried(request: Request, next: Next) -> Response {
    tokio::time::timeout(Duration::from_millis(5), next.run(request)).await.unwrap_or_else(|_| {
        let mut response = Response::new("too late".into());
        *response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
        response
    })
}

async fn forgetful(mut request: Request, next: Next) -> Response {
    request.extensions_mut().clear();
    next.run(request).await
}

fn server(asked: &Arc<AtomicUsize>) -> Server {
    let asked = Arc::clone(asked);
    let count = from_fn(move |request: Request, next: Next| {
        asked.fetch_add(1, Ordering::Relaxed);
        next.run(request)
    });
    // A layer that can fail needs one that makes replies of its errors.
    let tower_timeout = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(async |_: tower::BoxError| {
            (StatusCode::REQUEST_TIMEOUT, "tower says no")
        }))
        .layer(TimeoutLayer::new(Duration::from_millis(5)));
    Server::new()
        .define_middleware("outer", Trail("outer"))
        .define_middleware("inner", Trail("inner"))
        .define_middleware("layer", count)
        .define_middleware("shut", from_fn(shut))
        .define_middleware("streams", from_fn(streams))
        .define_middleware("panics", from_fn(panics))
        .define_middleware("hurried", from_fn(hurried))
        .define_middleware("tower-timeout", tower_timeout)
        .define_middleware("forgetful", from_fn(forgetful))
        .add(Yard)
}

#[tokio::test]
async fn middlewares_do_what_they_do_in_the_order_they_are_listed() {
    let asked = Arc::new(AtomicUsize::new(0));
    let client = ketch::test::client(server(&asked));
    let trail = async |path: &'static str| {
        let answer = client.get(path).await;
        let out: Vec<_> =
            answer.headers.get_all("x-out").iter().map(|v| v.to_str().unwrap().to_owned()).collect();
        (answer.status.as_u16(), answer.text(), out.join(" "))
    };
    let expected = |status, text: &str, out: &str| (status, text.to_owned(), out.to_owned());
    // The innermost writes first on the way out.
    assert_eq!(trail("/both").await, expected(200, "both", "inner outer"));
    assert_eq!(trail("/turned").await, expected(200, "turned", "outer inner"));
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    assert_eq!(trail("/changed").await, expected(200, "changed", "outer"));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert_eq!(trail("/none").await, expected(200, "none", ""));
    assert_eq!(trail("/shut").await, expected(418, "shut", "outer"));
    let scoped = trail("/scoped").await;
    assert_eq!((scoped.0, scoped.2.as_str()), (401, "outer"), "errors pass middlewares as replies");
}

#[tokio::test]
async fn middlewares_may_do_what_endpoints_do() {
    let built = server(&Arc::default()).build().unwrap();
    let client = Client::new(built.app().clone());
    let row = Scenario::BLANK;
    let broken =
        Scenario { status: 500, contains: &["internal_error"], lacks: &["fell over", "within"], ..row };
    let rows = [
        Scenario {
            name: "a short cut of a write",
            request: "POST /shut-write",
            status: 418,
            contains: &["shut"],
            ..row
        },
        Scenario { name: "a stream", request: "GET /streamed", contains: &["<within>"], ..row },
        Scenario { name: "a panic", request: "GET /panicked", ..broken },
        Scenario { name: "a panic before a write", request: "POST /panicked-write", ..broken },
        Scenario {
            name: "a deadline of its own",
            request: "GET /late",
            status: 504,
            contains: &["too late"],
            ..row
        },
        Scenario {
            name: "a tower layer that can fail",
            request: "GET /late-too",
            status: 408,
            contains: &["tower says no"],
            ..row
        },
        Scenario { name: "lost extensions", request: "GET /forgotten", ..broken },
    ];
    for _ in 0..20 {
        check(&client, &rows).await;
    }
    assert_eq!(built.app().in_flight(), 0, "no place is lost");
}
