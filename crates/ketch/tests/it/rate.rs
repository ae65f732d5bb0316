//! The setting `rate`: whom it counts, what it refuses, and what it leaves alone.

use ketch::prelude::*;
use ketch::test::{Scenario, TestServer, check, client};

use crate::raw::{Connection, Pace};

struct Pump;

// A request a day: no test is slow enough to be let in again.
#[service(rate = "1/d burst 2")]
impl Pump {
    #[get]
    async fn draw(&self) -> &'static str {
        "water"
    }

    #[post]
    async fn fill(&self, body: Json<String>) -> Created<String> {
        Created(body.0)
    }

    #[get(rate = "-")]
    async fn look(&self) -> &'static str {
        "a pump"
    }

    #[get(middleware = ["name"], scope = [["drinker"]])]
    async fn drink(&self) -> &'static str {
        "ah"
    }
}

async fn name(mut request: Request, next: Next) -> Response {
    if let Some(name) = request.headers().get("x-name").and_then(|name| name.to_str().ok()).map(str::to_owned)
    {
        let caller = caller_mut(request.extensions_mut());
        caller.identify(name);
        caller.grant("drinker");
    }
    next.run(request).await
}

fn server() -> Server {
    Server::new().define_middleware("name", from_fn(name)).add(Pump)
}

#[tokio::test]
async fn too_many_requests_are_refused_before_their_body_is_read() {
    let good =
        Scenario { name: "within", request: "GET /pump/draw", contains: &["water"], ..Scenario::BLANK };
    let beyond =
        Scenario { name: "beyond", status: 429, contains: &["rate_limited"], lacks: &["water"], ..good };
    let bad = Scenario {
        name: "a bad body counts",
        request: "POST /pump/fill",
        body: "{ no json",
        status: 400,
        ..Scenario::BLANK
    };
    let unread =
        Scenario { name: "and is not read any more", status: 429, contains: &["rate_limited"], ..bad };
    let free = Scenario { name: "free", request: "GET /pump/look", ..Scenario::BLANK };
    let rows = [
        good,
        Scenario { request: "HEAD /pump/draw", contains: &[], ..good },
        beyond,
        bad,
        bad,
        unread,
        free,
        free,
        free,
    ];
    let client = client(server());
    check(&client, &rows).await;
    let refused = client.get("/pump/draw").await;
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((80_000..=86_400).contains(&seconds), "a day, all but what has passed: {seconds}");
}

#[tokio::test]
async fn a_known_caller_is_counted_by_id() {
    const ADA: &[(&str, &str)] = &[("x-name", "ada")];
    const BOB: &[(&str, &str)] = &[("x-name", "bob")];
    let nobody = Scenario {
        name: "nobody is not counted",
        request: "GET /pump/drink",
        status: 401,
        ..Scenario::BLANK
    };
    let ada = Scenario { name: "ada", headers: ADA, status: 200, contains: &["ah"], ..nobody };
    let refused = Scenario { name: "ada again", status: 429, contains: &[], ..ada };
    let bob = Scenario { name: "bob", headers: BOB, ..ada };
    check(&client(server()), &[nobody, nobody, nobody, ada, ada, refused, bob, bob, nobody]).await;
}

#[tokio::test]
async fn an_unknown_caller_is_counted_by_address() {
    let server = TestServer::start(server()).await;
    let mut statuses = Vec::new();
    // Three connections, three ports, one address.
    for _ in 0..3 {
        let mut connection = Connection::open(server.addr()).await;
        let request = b"GET /pump/draw HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
        assert!(connection.send(request, Pace::Whole).await);
        statuses.push(connection.reply(false).await.unwrap().status);
    }
    assert_eq!(statuses, [200, 200, 429]);
    server.stop().await;
}
