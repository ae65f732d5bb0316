//! W1, the half of it that is about reading: scripts of other origins get what the settings say, and nothing else.

use http::Method;
use ketch::http;
use ketch::prelude::*;
use ketch::test::{Answer, Client, client};

use axum::body::Body;

const APP: &str = "https://app.example";

struct Boats;

#[service(root = "-")]
impl Boats {
    #[get("open", cors = ["*"])]
    async fn open(&self) -> &'static str {
        "open"
    }

    #[get("app", cors = ["https://app.example"], headers = ["x-total: 3"])]
    async fn app(&self) -> &'static str {
        "app"
    }

    #[post("app", cors = ["https://app.example", "http://other.example:8080"], credentials)]
    async fn sail(&self, to: Json<String>) -> Created<String> {
        Created(to.0)
    }

    #[put("app", cors = ["https://app.example"], headers = ["x-total: 3"])]
    async fn turn(&self) -> &'static str {
        "turned"
    }

    #[delete("app", cors = ["-"])]
    async fn sink(&self) -> &'static str {
        "sunk"
    }

    #[get("closed", cors = ["-"])]
    async fn closed(&self) -> &'static str {
        "closed"
    }

    #[get("crew", cors = ["https://app.example"], scope = [["crew"]])]
    async fn crew(&self) -> &'static str {
        "crew"
    }

    #[get("late", cors = ["https://app.example"], timeout = "1ms")]
    async fn late(&self) -> &'static str {
        std::future::pending().await
    }

    #[get("broken", cors = ["https://app.example"])]
    async fn broken(&self) -> &'static str {
        panic!("sprang a leak")
    }
}

fn server() -> Server {
    Server::new().set(|s| s.cors(["https://ops.example"])).add(Boats)
}

async fn ask(client: &Client, request: &str, origin: &str, more: &[(&str, &str)]) -> Answer {
    let (method, path) = request.split_once(' ').unwrap();
    let method: Method = method.parse().unwrap();
    let headers: Vec<_> = [("origin", origin)].iter().chain(more).copied().collect();
    client.send(method, path, &headers, Body::empty()).await
}

fn varies_by_origin(answer: &Answer) -> bool {
    answer.headers.get_all("vary").iter().any(|value| value == "origin")
}

/// Every way in which an origin can look like another one, or be none.
const WRONG: &[&str] = &[
    "https://app.example.evil",
    "https://app.example.",
    "https://evil-app.example",
    "https://evil.app.example",
    "https://app.exampl",
    "https://app.example:443",
    "https://app.example:8443",
    "http://app.example",
    "HTTPS://app.example",
    "https://APP.example",
    "https://app.example/",
    "https://app.example, https://evil.example",
    "https://app.example https://evil.example",
    "https://app.example@evil.example",
    "https://app_example",
    "https://appXexample",
    " https://app.example.evil",
    "null",
    "",
    "*",
    "app.example",
    "file://",
    "http://localhost",
    "http://localhost:5173",
    "http://127.0.0.1:8080",
    "https://ops.example",
    "http://other.example",
];

#[tokio::test]
async fn w1_no_other_origin_reads_a_reply_or_passes_a_preflight() {
    let client = client(server());
    let mut asked = 0;
    for path in ["/app", "/closed", "/crew", "/late", "/broken"] {
        for origin in WRONG.iter().chain(if path == "/closed" { [APP].iter() } else { [].iter() }) {
            for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
                if path == "/late" && method != "GET" {
                    continue;
                }
                let plain = ask(&client, &format!("{method} {path}"), origin, &[]).await;
                let asks =
                    [("access-control-request-method", method), ("access-control-request-headers", "x-a")];
                let preflight = ask(&client, &format!("OPTIONS {path}"), origin, &asks).await;
                for (kind, answer) in [("reply", &plain), ("preflight", &preflight)] {
                    // The server's own policy holds where no endpoint answers: a method that is not there.
                    let nobodys = *origin == "https://ops.example"
                        && (path != "/app" && method != "GET" || method == "PATCH");
                    let granted = answer.header("access-control-allow-origin");
                    let expected = nobodys.then_some("https://ops.example");
                    assert_eq!(granted, expected, "{kind} of {method} {path} for `{origin}`");
                    assert_eq!(answer.header("access-control-allow-credentials"), None, "{method} {path}");
                    assert_eq!(answer.header("access-control-allow-methods"), None, "{method} {path}");
                    assert_eq!(answer.header("access-control-allow-headers"), None, "{method} {path}");
                    asked += 1;
                }
            }
        }
    }
    println!("W1: {asked} replies and preflights for wrong origins, 0 granted");
}

#[tokio::test]
async fn the_right_origin_reads_replies_errors_included() {
    let client = client(server());
    let rows = [
        ("GET /app", 200),
        ("HEAD /app", 200),
        ("PUT /app", 200),
        ("POST /app", 415),
        ("GET /crew", 401),
        ("GET /late", 504),
        ("GET /broken", 500),
    ];
    for (request, status) in rows {
        let answer = ask(&client, request, APP, &[]).await;
        assert_eq!(answer.status, status, "{request}: {}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), Some(APP), "{request}");
        let credentials = (request == "POST /app").then_some("true");
        assert_eq!(answer.header("access-control-allow-credentials"), credentials, "{request}");
        assert!(
            answer.header("access-control-expose-headers").unwrap().contains("x-request-id"),
            "{request}"
        );
        assert!(varies_by_origin(&answer), "{request}");
    }
    let answer = ask(&client, "GET /app", APP, &[]).await;
    assert!(answer.header("access-control-expose-headers").unwrap().ends_with(", x-total"));
    let answer = client.get("/app").await;
    assert!(varies_by_origin(&answer), "a cache must not hand on what was made without an origin");
    assert_eq!(answer.header("access-control-allow-origin"), None);
    for origin in ["https://anyone.example", "null"] {
        let answer = ask(&client, "GET /open", origin, &[]).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "the word itself, no origin");
    }
}

#[tokio::test]
async fn a_preflight_is_answered_by_the_endpoint_of_its_method() {
    let client = client(server());
    let asks =
        |method| [("access-control-request-method", method), ("access-control-request-headers", "x-a, x-b")];
    // GET and PUT have one policy, POST has another, DELETE has none: a browser remembers all that are listed.
    let rows =
        [("GET", Some("GET, PUT"), None), ("POST", Some("POST"), Some("true")), ("DELETE", None, None)];
    for (method, methods, credentials) in rows {
        let answer = ask(&client, "OPTIONS /app", APP, &asks(method)).await;
        assert_eq!(answer.status, 204, "{method}");
        assert_eq!(answer.header("allow"), Some("GET, POST, PUT, DELETE, HEAD, OPTIONS"), "{method}");
        assert_eq!(answer.header("access-control-allow-methods"), methods, "{method}");
        assert_eq!(answer.header("access-control-allow-headers"), methods.map(|_| "x-a, x-b"), "{method}");
        assert_eq!(answer.header("access-control-max-age"), methods.map(|_| "600"), "{method}");
        assert_eq!(answer.header("access-control-allow-credentials"), credentials, "{method}");
    }
    let preflight = ask(&client, "OPTIONS /crew", APP, &asks("GET")).await;
    assert_eq!(preflight.header("access-control-allow-methods"), Some("GET"), "it asks for no scope");
    let plain = ask(&client, "OPTIONS /app", APP, &[]).await;
    assert_eq!((plain.status.as_u16(), plain.header("access-control-allow-methods")), (204, None));
}

#[tokio::test]
async fn the_servers_policy_holds_for_what_it_answers_itself() {
    let client = client(server());
    let ops = "https://ops.example";
    for (request, status) in
        [("GET /nowhere", 404), ("PATCH /app", 405), ("GET /health/live", 200), ("GET /openapi.json", 200)]
    {
        let answer = ask(&client, request, ops, &[]).await;
        assert_eq!(answer.status, status, "{request}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(ops), "{request}");
        let answer = ask(&client, request, APP, &[]).await;
        assert_eq!(answer.header("access-control-allow-origin"), None, "{request}");
    }
}

#[tokio::test]
async fn without_the_setting_nothing_is_said() {
    let client = client(Server::new().set(|s| s.cors(["-"])).add(configure(Boats)));
    let asks = [("access-control-request-method", "GET")];
    for request in ["GET /closed", "OPTIONS /closed", "GET /nowhere", "GET /health/live"] {
        let answer = ask(&client, request, APP, &asks).await;
        assert!(!format!("{:?}", answer.headers).contains("access-control"), "{request}");
        assert!(!request.ends_with("nowhere") || !varies_by_origin(&answer), "{request}");
    }
}

#[tokio::test]
async fn development_lets_this_machine_in_and_nobody_else() {
    let client = client(server().development());
    for request in ["GET /app", "GET /closed", "GET /nowhere", "GET /health/live"] {
        for origin in
            ["http://localhost:5173", "https://localhost", "http://127.0.0.1:3000", "http://[::1]:1"]
        {
            let answer = ask(&client, request, origin, &[]).await;
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin), "{request}");
        }
        for origin in
            ["http://localhost.evil", "http://localhost:80@evil.example", "null", "https://evil.example"]
        {
            let answer = ask(&client, request, origin, &[]).await;
            assert_eq!(answer.header("access-control-allow-origin"), None, "{request} {origin}");
        }
    }
}

#[test]
fn contradictions_are_found_when_the_server_is_built() {
    let (line, cookies) = (line!(), |e: ketch::Settings| e.credentials(true));
    let boats = configure(Boats)
        .endpoint(Boats::OPEN, cookies)
        .endpoint(Boats::APP, |e| e.cors(["https://app.example:443"]));
    let problems = Server::new().add(boats).build().unwrap_err().to_string();
    assert!(problems.contains(&format!("{}:{line}:", file!())), "{problems}");
    assert!(problems.contains("Boats::open: cookies are not for every origin"), "{problems}");
    assert!(problems.contains("write `https://app.example`"), "{problems}");
}
