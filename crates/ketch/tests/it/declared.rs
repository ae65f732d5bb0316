//! Declared services: the URLs, levels and middlewares that FUEL's README promises, with its answers.

use std::sync::Arc;

use http::HeaderValue;
use ketch::http;
use ketch::prelude::*;
use ketch::test::{Client, Scenario, check, client};

struct HelloWorldService;

#[service]
impl HelloWorldService {
    /// Says hello.
    #[get]
    async fn say_hello(&self) -> &'static str {
        "Hello World"
    }

    #[get("say/{greeting}/{count:[0-9]+}")]
    async fn say_something(&self, greeting: String, count: usize) -> String {
        format!("{greeting},").repeat(count)
    }
}

struct HolaService;

#[service(version = "2")]
impl HolaService {
    #[get]
    async fn say_hola(&self) -> &'static str {
        "Hola"
    }

    #[get(version = "2.1")]
    #[expect(clippy::unused_self, reason = "it is called as a method below")]
    fn shout_hola(&self) -> String {
        "Hoooolaaaaa".to_owned()
    }
}

struct MoonService;

#[service(prefix = "solar-system//on-the-moon/", root = "flying-around")]
impl MoonService {
    #[get(version = "1.1")]
    async fn say_hello(&self) -> &'static str {
        "hi"
    }

    #[get("whisper-hola")]
    async fn say_hola(&self) -> &'static str {
        "hola"
    }

    #[get(root = "-")]
    async fn without_root(&self) -> &'static str {
        "no root"
    }
}

/// The routes of an application's own services, without the built-in ones.
fn urls(server: Server) -> Vec<String> {
    let built = server.without_docs().build().unwrap();
    let own = built.api().endpoints.iter().filter(|endpoint| endpoint.names.service != "Health");
    own.map(|endpoint| format!("{} {}", endpoint.method, endpoint.path)).collect()
}

#[test]
fn names_become_urls() {
    assert_eq!(
        urls(Server::new().add(HelloWorldService)),
        ["GET /hello-world/say-hello", "GET /hello-world/say/{greeting}/{count:[0-9]+}"]
    );
    assert_eq!(
        urls(Server::new().add(MoonService)),
        [
            "GET /solar-system/on-the-moon/v1.1/flying-around/say-hello",
            "GET /solar-system/on-the-moon/flying-around/whisper-hola",
            "GET /solar-system/on-the-moon/without-root",
        ]
    );
}

#[test]
fn each_level_wins_over_the_one_before() {
    let server = || Server::new().set(|s| s.version("1"));
    assert_eq!(urls(server().add(HolaService)), ["GET /v2/hola/say-hola", "GET /v2.1/hola/shout-hola"]);
    let in_code = || configure(HolaService).set(|s| s.version("3"));
    assert_eq!(urls(server().add(in_code())), ["GET /v3/hola/say-hola", "GET /v2.1/hola/shout-hola"]);
    let both = in_code().endpoint(HolaService::SHOUT_HOLA, |e| e.version("9").route("shout"));
    assert_eq!(urls(server().add(both)), ["GET /v3/hola/say-hola", "GET /v9/hola/shout"]);
}

#[test]
fn the_server_speaks_first_in_whatever_order_it_is_told() {
    let late = Server::new().add(HelloWorldService).set(|s| s.prefix("api").version("1"));
    assert_eq!(urls(late)[0], "GET /api/v1/hello-world/say-hello");
}

#[tokio::test]
async fn the_hello_worlds_answer() {
    let rows = [
        Scenario {
            name: "hello",
            request: "GET /hello-world/say-hello",
            contains: &["Hello World"],
            ..Scenario::default()
        },
        Scenario {
            name: "parameters",
            request: "GET /hello-world/say/namaste/5",
            contains: &["namaste,namaste,namaste,namaste,namaste,"],
            ..Scenario::default()
        },
        Scenario {
            name: "no match",
            request: "GET /hello-world/say/namaste/five",
            status: 404,
            ..Scenario::default()
        },
        Scenario {
            name: "fn",
            request: "GET /v2.1/hola/shout-hola",
            contains: &["Hoooolaaaaa"],
            ..Scenario::default()
        },
        Scenario {
            name: "encoded",
            request: "GET /hello-world/say/a%2Fb%20c/1",
            contains: &["a/b c,"],
            ..Scenario::default()
        },
        Scenario {
            name: "not UTF-8",
            request: "GET /hello-world/say/%ff/1",
            status: 400,
            contains: &["`greeting` is not UTF-8", "\"in\":\"path\""],
            ..Scenario::default()
        },
        Scenario {
            name: "out of range",
            request: "GET /hello-world/say/a/99999999999999999999",
            status: 400,
            contains: &["`count` is not a whole number in its range"],
            ..Scenario::default()
        },
    ];
    check(&client(Server::new().add(HelloWorldService).add(HolaService)), &rows).await;
}

#[tokio::test]
async fn methods_stay_callable() {
    assert_eq!(HelloWorldService.say_hello().await, "Hello World");
    assert_eq!(HolaService.shout_hola(), "Hoooolaaaaa");
}

/// Appends its name to `x-way` on the way out, so the outermost comes last.
async fn mark(name: &'static str, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let before = response.headers().get("x-way").and_then(|way| way.to_str().ok()).unwrap_or_default();
    let way = format!("{before}{name}");
    response.headers_mut().insert("x-way", HeaderValue::try_from(way).unwrap());
    response
}

struct Marked;

#[service(root = "-", middleware = ["a", "b"])]
impl Marked {
    #[get]
    async fn inherited(&self) -> &'static str {
        "-"
    }

    #[get(middleware += ["c"])]
    async fn added(&self) -> &'static str {
        "-"
    }

    #[get(middleware -= ["a"])]
    async fn dropped(&self) -> &'static str {
        "-"
    }

    #[get(middleware = ["c", "a"])]
    async fn replaced(&self) -> &'static str {
        "-"
    }

    #[get(middleware = ["-"])]
    async fn none(&self) -> &'static str {
        "-"
    }

    #[get(scope = [["nobody"]])]
    async fn refused(&self) -> &'static str {
        "-"
    }
}

fn marked() -> Client {
    let define = |server: Server, name: &'static str| {
        server.define_middleware(name, from_fn(move |request: Request, next: Next| mark(name, request, next)))
    };
    client(["a", "b", "c"].into_iter().fold(Server::new(), define).add(Marked))
}

#[tokio::test]
async fn middlewares_run_in_the_order_they_are_listed() {
    let client = marked();
    let cases = [
        ("/inherited", Some("ba")),
        ("/added", Some("cba")),
        ("/dropped", Some("b")),
        ("/replaced", Some("ac")),
        ("/none", None),
        // A refusal behind the middlewares passes them on its way out like any reply.
        ("/refused", Some("ba")),
    ];
    for (path, way) in cases {
        assert_eq!(client.get(path).await.header("x-way"), way, "{path}");
    }
}

struct Secrets;

#[service(root = "-", scope = [["reader"]])]
impl Secrets {
    #[get]
    async fn secret(&self, caller: Caller) -> String {
        format!("for {}", caller.id().unwrap_or("nobody"))
    }

    #[get(scope = [["reader", "senior"]])]
    async fn top_secret(&self) -> &'static str {
        "top"
    }

    #[get(scope = "public")]
    async fn gossip(&self) -> &'static str {
        "they say"
    }

    #[post("secret", limit = "1kb")]
    async fn tell(&self, told: Json<String>) -> Created<String> {
        Created(told.into_inner())
    }
}

async fn badge(mut request: Request, next: Next) -> Response {
    let badge = request.headers().get("x-badge").and_then(|badge| badge.to_str().ok()).map(str::to_owned);
    if let Some(badge) = badge {
        let caller = caller_mut(request.extensions_mut());
        caller.identify("ada");
        badge.split(' ').for_each(|scope| caller.grant(scope));
    }
    next.run(request).await
}

#[tokio::test]
async fn scopes_are_granted_by_middlewares_and_checked_before_the_body_is_read() {
    let server = Server::new()
        .set(|s| s.middleware(["badge"]))
        .define_middleware("badge", from_fn(badge))
        .add(Secrets);
    let reader = &[("x-badge", "reader")];
    let rows = [
        Scenario {
            name: "nobody",
            request: "GET /secret",
            status: 401,
            contains: &["unauthorized"],
            reply_headers: &[("www-authenticate", "Bearer")],
            ..Scenario::default()
        },
        Scenario {
            name: "a reader",
            request: "GET /secret",
            headers: reader,
            contains: &["for ada"],
            ..Scenario::default()
        },
        Scenario {
            name: "a reader wants more",
            request: "GET /top-secret",
            headers: reader,
            status: 403,
            contains: &["reader and senior"],
            ..Scenario::default()
        },
        Scenario { name: "anyone", request: "GET /gossip", contains: &["they say"], ..Scenario::default() },
        Scenario {
            name: "a bad body of nobody's is not even looked at",
            request: "POST /secret",
            body: "{ no json",
            status: 401,
            ..Scenario::default()
        },
        Scenario {
            name: "a reader tells",
            request: "POST /secret",
            headers: &[("x-badge", "reader"), ("content-type", "application/json")],
            body: "\"psst\"",
            status: 201,
            contains: &["psst"],
            ..Scenario::default()
        },
    ];
    check(&client(server), &rows).await;
}

struct Orgs;

#[service(root = "-")]
impl Orgs {
    #[get]
    async fn members(&self, org: String, limit: Option<u8>) -> String {
        format!("{org} {limit:?}")
    }
}

#[tokio::test]
async fn a_parameter_in_the_prefix_is_read_from_the_path() {
    let client = client(Server::new().set(|s| s.prefix("orgs/{org}")).add(Orgs));
    assert_eq!(client.get("/orgs/ketch/members?limit=3&org=other").await.text(), "ketch Some(3)");
}

#[test]
fn every_problem_is_reported_at_once_with_its_place() {
    let server = Server::new()
        .listen("nowhere")
        .set(|s| s.timeout("5 minutes"))
        .define_middleware("audit", from_fn(badge))
        .define_middleware("audit", from_fn(badge))
        .add(configure(Marked).set(|s| s.middleware(["audti"])))
        .add(configure(Orgs).endpoint(Orgs::MEMBERS, |e| e.route("members/{id}").default_timeout()));
    let problems = server.build().unwrap_err().to_string();
    for expected in [
        "`nowhere` is no address to listen on",
        "`timeout` cannot be `\"5 minutes\"`: not a duration",
        "the middleware `audit` is defined twice",
    ] {
        assert!(problems.contains(expected), "{expected}: {problems}");
    }
    assert!(problems.contains(&format!("{}:", file!())), "{problems}");
    assert_eq!(problems.matches("5 minutes").count(), 1, "once, not for every endpoint: {problems}");

    let server = Server::new()
        .define_middleware("audit", from_fn(badge))
        .add(configure(Marked).set(|s| s.middleware(["audti"])))
        .add(configure(Orgs).endpoint(Orgs::MEMBERS, |e| e.route("members/{id}")))
        .add(HelloWorldService)
        .add(
            configure(HolaService)
                .set(|s| s.no_version().root("hello-world"))
                .endpoint(HolaService::SAY_HOLA, |e| e.route("say-hello")),
        );
    let problems = server.build().unwrap_err().to_string();
    for expected in [
        "no middleware named `audti` is defined; did you mean `audit`?",
        "`{id}` in the path `/members/{id}` matches no argument",
        "HolaService::say_hola: GET /hello-world/say-hello is already answered as /hello-world/say-hello by \
         HelloWorldService::say_hello (crates/ketch/tests/it/declared.rs:",
    ] {
        assert!(problems.contains(expected), "{expected}: {problems}");
    }
}

/// A table of an application's own: it knows one path.
#[derive(Debug)]
struct Only(Arc<str>);

impl ketch::RouteTable for Only {
    fn find(&self, _: &http::Method, path: &str) -> ketch::Match {
        if *path == *self.0 { ketch::Match::Found(0, Vec::new()) } else { ketch::Match::Missing }
    }
}

#[tokio::test]
async fn the_route_table_can_be_replaced() {
    let server = Server::new().add(HelloWorldService).route_table(|entries| {
        assert_eq!(entries[0].path.to_string(), "/hello-world/say-hello");
        Ok(Only("/anywhere".into()))
    });
    let client = client(server);
    assert_eq!(client.get("/anywhere").await.text(), "Hello World");
    assert_eq!(client.get("/hello-world/say-hello").await.status, 404);
}
