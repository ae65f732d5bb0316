//! axum routers mounted beside the services.

use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Path};
use axum::routing::{any, get};
use ketch::http;
use ketch::prelude::*;
use ketch::test::{Scenario, TestServer, check, client};
use ketch::{Capacity, Guard, routes};

use crate::raw::{Connection, Pace};

struct Legacy;

#[service]
impl Legacy {
    #[get]
    async fn new_one(&self) -> &'static str {
        "the endpoint"
    }
}

async fn marked(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert("x-marked", http::HeaderValue::from_static("yes"));
    response
}

fn router() -> Router {
    Router::new()
        .route("/", get(async || "the index"))
        .route("/new-one", any(async || "never seen"))
        .route("/old/{id}", get(async |Path(id): Path<u32>| format!("old {id}")))
        .route("/upload", axum::routing::post(async |body: String| body))
        .route("/panics", get(async || -> &'static str { panic!("old code") }))
        .route("/path", any(async |request: Request| request.uri().path().to_owned()))
        .route("/peer", get(async |peer: ConnectInfo<std::net::SocketAddr>| peer.ip().to_string()))
}

fn server() -> Server {
    Server::new()
        .set(|s| s.middleware(["marked"]))
        .define_middleware("marked", from_fn(marked))
        .mount("/legacy", router())
        .add(Legacy)
}

const ROW: Scenario = Scenario { lacks: &["x-marked"], ..Scenario::BLANK };

const ROWS: &[Scenario] = &[
    Scenario { name: "the root", request: "GET /legacy", contains: &["the index"], ..ROW },
    Scenario { name: "a parameter", request: "GET /legacy/old/7", contains: &["old 7"], ..ROW },
    Scenario { name: "axum's 400", request: "GET /legacy/old/seven", status: 400, ..ROW },
    Scenario {
        name: "axum's 404",
        request: "GET /legacy/nothing",
        status: 404,
        lacks: &["not_found"],
        ..ROW
    },
    Scenario { name: "axum's 405", request: "DELETE /legacy/old/7", status: 405, ..ROW },
    Scenario { name: "a body", request: "POST /legacy/upload", body: "cargo", contains: &["cargo"], ..ROW },
    Scenario {
        name: "the stripped path",
        request: "GET /legacy/path",
        contains: &["/path"],
        lacks: &["legacy"],
        ..ROW
    },
    Scenario { name: "the router's OPTIONS", request: "OPTIONS /legacy/path", contains: &["/path"], ..ROW },
    Scenario {
        name: "an endpoint's path wins",
        request: "GET /legacy/new-one",
        contains: &["the endpoint"],
        lacks: &[],
        reply_headers: &[("x-marked", "yes")],
        ..ROW
    },
    Scenario {
        name: "with any method",
        request: "POST /legacy/new-one",
        status: 405,
        contains: &["method_not_allowed"],
        lacks: &["never"],
        ..ROW
    },
    Scenario { name: "elsewhere", request: "GET /legacyx", status: 404, contains: &["not_found"], ..ROW },
    Scenario {
        name: "a panic is a 500",
        request: "GET /legacy/panics",
        status: 500,
        contains: &["internal_error"],
        lacks: &["old code"],
        ..ROW
    },
    Scenario { name: "and life goes on", request: "GET /legacy/old/8", contains: &["old 8"], ..ROW },
];

#[tokio::test]
async fn what_no_endpoint_answers_goes_to_the_router() {
    let client = client(server());
    check(&client, ROWS).await;
    assert!(client.get("/legacy").await.header("x-request-id").is_some());
}

#[derive(Debug)]
struct Shut;

impl Guard for Shut {
    fn name(&self) -> &'static str {
        "shut"
    }

    fn check(&self, head: &http::request::Parts) -> Result<()> {
        if head.headers.contains_key("x-shut") { Err(Error::new(403, "shut", "shut")) } else { Ok(()) }
    }
}

#[tokio::test]
async fn guards_and_the_limit_in_flight_apply() {
    let (entered, mut inside) = tokio::sync::mpsc::channel::<()>(1);
    let slow = Router::new().route(
        "/slow",
        get(async move || -> &'static str {
            entered.send(()).await.unwrap();
            std::future::pending().await
        }),
    );
    let built = Server::new()
        .guard(Shut)
        .capacity(Capacity { in_flight: 1, ..Capacity::default() })
        .mount("/", slow.merge(router()))
        .build()
        .unwrap();
    let client = ketch::test::Client::new(built.app().clone());
    let answer =
        client.send(http::Method::GET, "/old/7", &[("x-shut", "1")], axum::body::Body::empty()).await;
    assert_eq!(answer.status, 403);
    assert_eq!(client.get("/old/7").await.text(), "old 7", "a router can be mounted below everything");
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.get("/slow").await }
    });
    inside.recv().await.unwrap();
    let answer = client.get("/old/7").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    tokio::time::timeout(Duration::from_secs(10), built.app().idle()).await.unwrap();
    assert_eq!(client.get("/old/7").await.status, 200);
}

#[tokio::test]
async fn a_router_knows_its_peer() {
    let server = TestServer::start(server()).await;
    let mut connection = Connection::open(server.addr()).await;
    let request = b"GET /legacy/peer HTTP/1.1\r\nHost: test\r\n\r\n";
    assert!(connection.send(request, Pace::Whole).await);
    assert_eq!(connection.reply(false).await.unwrap().body, b"127.0.0.1");
    server.stop().await;
}

#[test]
fn mounts_are_listed() {
    let built = server().build().unwrap();
    let listed = routes(built.api());
    let line = listed.lines().find(|line| line.starts_with("ANY")).unwrap();
    assert_eq!(line.split_whitespace().collect::<Vec<_>>(), ["ANY", "/legacy/*", "axum", "router"]);
}

#[test]
fn bad_and_overlapping_mounts_are_problems() {
    for path in [
        "", "legacy", "/legacy/", "/{id}", "/a//b", "/{*rest}", "//", "/:id", "/a/*rest", "/a?b", "/a#b",
        "/{",
    ] {
        let problems = Server::new().mount(path, router()).build().unwrap_err().to_string();
        assert!(problems.contains(&format!("nothing can be mounted at `{path}`")), "{problems}");
        assert!(problems.contains(file!()), "{problems}");
    }
    for (one, other) in [("/a", "/a"), ("/a", "/a/b"), ("/a/b", "/a"), ("/", "/a")] {
        let problems = Server::new().mount(one, router()).mount(other, router()).build().unwrap_err();
        assert!(problems.to_string().contains(&format!("`{other}` overlaps `{one}`")), "{problems}");
    }
    assert!(Server::new().mount("/a", router()).mount("/ab", router()).build().is_ok());
}
