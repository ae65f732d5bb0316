//! FUEL's own cases: those of its test suite, with the URLs and answers they promise; the examples of its README are in
//! `fuel_readme.rs`, `declared.rs`, `stubs.rs` and `cache.rs`. Where Ketch differs on purpose, the row says why.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, StatusCode};
use ketch::http;
use ketch::prelude::*;
use ketch::test::{Scenario, check, client};

/// A service whose one method is called `a`, with what its attributes say.
macro_rules! one {
    ($name:ident, [$($service:tt)*], [$($endpoint:tt)*]) => {
        struct $name;

        #[service($($service)*)]
        impl $name {
            #[get($($endpoint)*)]
            async fn a(&self) -> &'static str { "a" }
        }
    };
}

one!(Overridden, [prefix = "//p//q/", root = "-", ver = "2"], [version = "3", pre = "zz"]);
one!(Silenced, [prefix = "//p//q/", root = "-", ver = "2"], [version = "-", prefix = "-", route = "/x//y/"]);
one!(Bare, [prefix = "//p//q/", root = "-", ver = "2"], [route = "-"]);
one!(Plain, [], []);
one!(HTTPServerV2Service, [], []);
one!(Service, [], []);
one!(MyServiceService, [], []);

fn url(server: Server) -> String {
    let built = server.without_docs().build().unwrap();
    let endpoint = built.api().endpoints.iter().find(|endpoint| endpoint.names.endpoint == "a");
    endpoint.unwrap().path.to_string()
}

#[test]
fn urls_are_put_together_as_fuel_does() {
    let cases = [
        (Server::new().add(Overridden), "/zz/v3/a"),
        // FUEL keeps the slash at the end; here a path has none, and the one with it is answered by 308.
        (Server::new().add(Silenced), "/x/y"),
        (Server::new().add(Bare), "/p/q/v2"),
        (
            Server::new()
                .set(|s| s.prefix("srv").root("sroot"))
                .add(configure(Plain).set(|s| s.version("9"))),
            "/srv/v9/sroot/a",
        ),
        (Server::new().set(|s| s.prefix("p1").version("1")).add(Plain), "/p1/v1/plain/a"),
        (
            Server::new()
                .set(|s| s.prefix("p1").version("1"))
                .add(configure(Plain).endpoint(Plain::A, |e| e.no_route())),
            "/p1/v1/plain",
        ),
        (Server::new().add(configure(Plain).set(|s| s.prefix("//abc//def//ghi//"))), "/abc/def/ghi/plain/a"),
        // FUEL has no acronyms: h-t-t-p-server-v2.
        (Server::new().add(HTTPServerV2Service), "/http-server-v2/a"),
        (Server::new().add(Service), "/service/a"),
        (Server::new().add(MyServiceService), "/my-service/a"),
    ];
    for (server, expected) in cases {
        assert_eq!(url(server), expected);
    }
}

struct ParamService;

#[service(root = "param")]
impl ParamService {
    #[get("{kind}/{number}/{count}")]
    async fn echo(&self, kind: String, number: i64, count: u32) -> String {
        format!("{kind}:{number}:{count}")
    }

    #[get("p1/{text}/{number:-?[0-9]+}/{count}")]
    async fn named(&self, text: String, number: i64, count: u32) -> String {
        format!("{text}:{number}:{count}")
    }
}

struct UrlService;

#[service(root = "url")]
impl UrlService {
    #[get]
    async fn say_hello(&self) -> &'static str {
        "hello"
    }

    #[post]
    async fn one(&self) -> &'static str {
        "one"
    }

    #[post(route = "-")]
    async fn root(&self) -> &'static str {
        "root"
    }
}

#[tokio::test]
async fn parameters_and_methods_answer_as_in_fuels_suite() {
    let row = Scenario::BLANK;
    #[rustfmt::skip]
    let rows = [
        Scenario { name: "13", request: "GET /param/p1/anything/1234/4321", contains: &["anything:1234:4321"], ..row },
        Scenario { name: "13, negative", request: "GET /param/thing/-1234/4444", contains: &["thing:-1234:4444"], ..row },
        Scenario { name: "FUEL's handler panics here and the client sees no reply", request: "GET /param/thing/x/1", status: 400, contains: &["`number`"], ..row },
        Scenario { name: "uint is 32 bits", request: "GET /param/thing/1/4294967296", status: 400, contains: &["`count`"], ..row },
        Scenario { name: "-1 is no uint", request: "GET /param/thing/1/-1", status: 400, contains: &["`count`"], ..row },
        Scenario { name: "12", request: "GET /url/say-hello", contains: &["hello"], ..row },
        Scenario { name: "12, POST", request: "POST /url/one", contains: &["one"], ..row },
        Scenario { name: "12, no route", request: "POST /url", contains: &["root"], ..row },
        Scenario { name: "a slash at the end, which FUEL does not know", request: "POST /url/", status: 308, reply_headers: &[("location", "/url")], ..row },
        Scenario { name: "FUEL answers 405 without Allow", request: "GET /url/one", status: 405, reply_headers: &[("allow", "POST, OPTIONS")], ..row },
        Scenario { name: "HEAD, which FUEL refuses", request: "HEAD /url/say-hello", reply_headers: &[("content-length", "5")], ..row },
    ];
    check(&client(Server::new().add(ParamService).add(UrlService)), &rows).await;
}

/// README: `MidAccessLog` and `MidSlowLog`, named for every endpoint of a server.
static LOGGED: AtomicU64 = AtomicU64::new(0);

async fn access_log(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    assert!(path.starts_with('/'));
    LOGGED.fetch_add(1, Ordering::SeqCst);
    response
}

/// A middleware that answers itself when the path ends with its name.
async fn stop_at(name: &'static str, request: Request, next: Next) -> Response {
    if request.uri().path().ends_with(name) {
        return Response::new(Body::from(format!("stopped by {name}")));
    }
    next.run(request).await
}

struct DemoService;

#[service]
impl DemoService {
    #[get("none/{text}", middleware = ["-"])]
    async fn none(&self, text: String) -> String {
        format!("M1 {text}")
    }

    #[get("one/{text}", middleware = ["b"])]
    async fn one(&self, text: String) -> String {
        format!("M1 {text}")
    }

    #[get("two/{text}", middle = ["a", "b"])]
    async fn two(&self, text: String) -> String {
        format!("M1 {text}")
    }

    #[get("chain")]
    async fn chain(&self) -> &'static str {
        "chain"
    }
}

#[tokio::test]
async fn middlewares_pass_or_stop_as_in_fuels_suite() {
    let stop = |name: &'static str| from_fn(move |request: Request, next: Next| stop_at(name, request, next));
    let server = Server::new()
        .define_middleware("access", from_fn(access_log))
        .define_middleware("slow", from_fn(access_log))
        .define_middleware("a", stop("a"))
        .define_middleware("b", stop("b"))
        .set(|s| s.middleware(["access", "slow"]))
        .add(DemoService);
    let client = client(server);
    let row = Scenario::BLANK;
    #[rustfmt::skip]
    let rows = [
        Scenario { name: "none", request: "GET /demo/none/b", contains: &["M1 b"], ..row },
        Scenario { name: "b passes", request: "GET /demo/one/anything", contains: &["M1 anything"], ..row },
        Scenario { name: "b stops", request: "GET /demo/one/xb", contains: &["stopped by b"], lacks: &["M1"], ..row },
        Scenario { name: "a stops", request: "GET /demo/two/xa", contains: &["stopped by a"], ..row },
        Scenario { name: "then b stops", request: "GET /demo/two/xb", contains: &["stopped by b"], ..row },
        Scenario { name: "both pass", request: "GET /demo/two/c", contains: &["M1 c"], ..row },
    ];
    check(&client, &rows).await;
    assert_eq!(LOGGED.load(Ordering::SeqCst), 0, "the endpoints' lists replace the server's");
    client.get("/demo/chain").await;
    assert_eq!(LOGGED.load(Ordering::SeqCst), 2);
}

async fn basic_auth(request: Request, next: Next) -> Response {
    let expected = HeaderValue::from_static("Basic dXNlcjpwYXNz");
    if request.headers().get(AUTHORIZATION) == Some(&expected) {
        return next.run(request).await;
    }
    let mut refused = Response::new(Body::from("Unauthorised.\n"));
    *refused.status_mut() = StatusCode::UNAUTHORIZED;
    refused.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"fuel\""));
    refused
}

#[tokio::test]
async fn basic_auth_is_a_middleware() {
    let server = Server::new()
        .define_middleware("auth", from_fn(basic_auth))
        .set(|s| s.middleware(["auth"]))
        .add(Plain);
    let client = client(server);
    let cases = [
        (None, 401),
        (Some("Basic dXNlcjpwYXNz"), 200),
        (Some("Basic dXNlcjp3cm9uZw=="), 401),
        (Some("Basic d3Jvbmc6cGFzcw=="), 401),
    ];
    for (credentials, status) in cases {
        let headers: Vec<(&str, &str)> =
            credentials.map(|text| ("authorization", text)).into_iter().collect();
        let answer = client.send(Method::GET, "/plain/a", &headers, Body::empty()).await;
        assert_eq!(answer.status, status, "{credentials:?}");
    }
}

#[derive(ApiError)]
enum Fault {
    /// The thing is too long.
    #[api(status = 414, code = "too_long")]
    TooLong,
    /// Something broke.
    #[api(status = 500)]
    Broken,
}

struct FaultService;

#[service]
impl FaultService {
    #[get]
    async fn none(&self) -> Result<(), Fault> {
        Ok(())
    }

    #[get]
    async fn plain(&self) -> Result<(), Fault> {
        Err(Fault::Broken)
    }

    #[get]
    async fn long(&self) -> Result<String, Fault> {
        Err(Fault::TooLong)
    }
}

#[tokio::test]
async fn faults_have_their_own_status_and_no_417() {
    let row = Scenario::BLANK;
    #[rustfmt::skip]
    let rows = [
        Scenario { name: "19, nil", request: "GET /fault/none", status: 204, ..row },
        Scenario { name: "19, plain: FUEL shows the inner text", request: "GET /fault/plain", status: 500, contains: &["internal_error"], lacks: &["broke"], ..row },
        Scenario { name: "19, Fault 414", request: "GET /fault/long", status: 414, contains: &["too_long", "The thing is too long"], ..row },
    ];
    check(&client(Server::new().add(FaultService)), &rows).await;
}

struct Twice;

#[service(root = "-")]
impl Twice {
    #[get("a/{x}")]
    async fn first(&self, x: String) -> String {
        x
    }

    #[get("a/{y}")]
    async fn second(&self, y: String) -> String {
        y
    }

    #[get("a/lit")]
    async fn literal(&self) -> &'static str {
        "lit"
    }
}

#[test]
fn a_pattern_that_hides_another_is_told_where_fuel_lets_the_first_win() {
    let problems = Server::new().add(Twice).build().unwrap_err().to_string();
    assert!(problems.contains("Twice::second: GET /a/{y} is already answered"), "{problems}");
    assert!(!problems.contains("literal"), "a literal beats a parameter: {problems}");
}
