//! The examples of FUEL's README, with its URLs and answers: hello world, the standard handler, versions at three levels,
//! Aide, a stub without code, chains of middlewares. Those on routing are in `declared.rs`, the caches in `cache.rs`.

use axum::body::Body;
use ketch::http::{HeaderValue, Method};
use ketch::prelude::*;
use ketch::test::{Scenario, check, client};

/// `HelloWorldService` with `SayHola`, which takes the request and writes the response itself.
struct HelloWorldService;

#[service]
impl HelloWorldService {
    #[get]
    async fn say_hello(&self) -> &'static str {
        "Hello World"
    }

    #[get]
    async fn say_hola(&self, request: Request) -> Response {
        assert_eq!(request.method(), Method::GET);
        Response::new(Body::from("Hola"))
    }

    /// `SaySomething` with `fuel.Aide`, which is `Ctx` here.
    #[get("say/{greeting}/{count}")]
    async fn say_something(&self, greeting: String, count: usize, aide: Ctx) -> Result<String, Error> {
        aide.set_header("x-agent", aide.header::<Option<String>>("user-agent")?.unwrap_or_default())?;
        let end: Option<String> = aide.query("end")?;
        Ok(format!("{greeting},").repeat(count) + &end.unwrap_or_default())
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
    fn shout_hola() -> String {
        "Hoooolaaaaa".to_owned()
    }
}

#[tokio::test]
async fn the_readme_s_hello_world_answers_at_its_urls() {
    let row = Scenario::BLANK;
    #[rustfmt::skip]
    let rows = [
        Scenario { name: "hello", request: "GET /hello-world/say-hello", contains: &["Hello World"], ..row },
        Scenario { name: "the standard handler", request: "GET /hello-world/say-hola", contains: &["Hola"], ..row },
        Scenario { name: "parameters", request: "GET /hello-world/say/namaste/5", contains: &["namaste,namaste,namaste,namaste,namaste,"], ..row },
        Scenario { name: "the request's query and headers, the reply's headers", request: "GET /hello-world/say/a/2?end=b", headers: &[("user-agent", "fuel")], contains: &["a,a,b"], reply_headers: &[("x-agent", "fuel")], ..row },
    ];
    check(&client(Server::new().add(HelloWorldService)), &rows).await;
    #[rustfmt::skip]
    let rows = [
        Scenario { name: "the server's version", request: "GET /v1/hello-world/say-hola", contains: &["Hola"], ..row },
        Scenario { name: "the service's version", request: "GET /v2/hola/say-hola", contains: &["Hola"], ..row },
        Scenario { name: "the endpoint's version", request: "GET /v2.1/hola/shout-hola", contains: &["Hoooolaaaaa"], ..row },
        Scenario { name: "no other", request: "GET /v1/hola/say-hola", status: 404, ..row },
    ];
    let server = Server::new().set(|s| s.version("1")).add(HelloWorldService).add(HolaService);
    check(&client(server), &rows).await;
}

/// A stub needs no implementation. The file is found beside the executable.
struct MockService;

#[service]
impl MockService {
    #[get(stub = "sub/directory/fuel_stub_file.txt")]
    async fn yet_to_code(&self);
}

#[tokio::test]
async fn a_stub_needs_no_implementation() {
    let beside = std::env::current_exe().unwrap().parent().unwrap().join("sub/directory");
    std::fs::create_dir_all(&beside).unwrap();
    std::fs::write(beside.join("fuel_stub_file.txt"), "file data").unwrap();
    let client = client(Server::new().add(MockService));
    assert_eq!(client.get("/mock/yet-to-code").await.text(), "file data");
    std::fs::remove_file(beside.join("fuel_stub_file.txt")).unwrap();
    assert_eq!(client.get("/mock/yet-to-code").await.status, 404);
}

/// Five middlewares on one endpoint, three on another, each in its order.
struct ChainService;

#[service]
impl ChainService {
    #[get(middleware = ["m1", "m2", "m3", "m4", "m5"])]
    async fn five_middleware_chain(&self) -> &'static str {
        "five"
    }

    #[get(middleware = ["m1", "m2", "m3"])]
    async fn three_middleware_chain(&self) -> &'static str {
        "three"
    }
}

/// Adds its name to `x-way` on the way in.
async fn pass(name: &'static str, mut request: Request, next: Next) -> Response {
    let way = request.headers().get("x-way").and_then(|way| way.to_str().ok()).unwrap_or_default();
    let way = HeaderValue::try_from(format!("{way}{name}")).unwrap();
    request.headers_mut().insert("x-way", way.clone());
    let mut response = next.run(request).await;
    response.headers_mut().entry("x-way").or_insert(way);
    response
}

#[tokio::test]
async fn chains_run_in_the_order_in_which_they_are_listed() {
    let define = |server: Server, name: &'static str| {
        server.define_middleware(name, from_fn(move |request: Request, next: Next| pass(name, request, next)))
    };
    let server = ["m1", "m2", "m3", "m4", "m5"].into_iter().fold(Server::new(), define);
    let client = client(server.add(ChainService));
    for (path, way) in [("five", "m1m2m3m4m5"), ("three", "m1m2m3")] {
        let answer = client.get(&format!("/chain/{path}-middleware-chain")).await;
        assert_eq!((answer.header("x-way"), answer.text().as_str()), (Some(way), path));
    }
}
