//! Headers and statuses that settings add: `headers`, `status`, `deprecated`, `sunset`.

use http::HeaderValue;
use ketch::http;
use ketch::prelude::*;
use ketch::test::{Scenario, check, client};

struct Old;

#[service(root = "-", headers = ["x-frame-options: DENY", "x-kind: said"])]
impl Old {
    #[get(deprecated = "2026-11-01", sunset = "2027-01-31")]
    async fn leaving(&self, fail: Option<bool>) -> Result<&'static str> {
        if fail == Some(true) { Err(Error::new(409, "busy", "not now")) } else { Ok("still here") }
    }

    #[get(deprecated)]
    async fn fading(&self) -> &'static str {
        "here"
    }

    #[get]
    async fn own(&self) -> Response {
        let mut response = Response::new("own".into());
        response.headers_mut().insert("x-kind", HeaderValue::from_static("own"));
        response
    }

    #[post(status = 202, headers += ["set-cookie: a=1", "set-cookie: b=2"])]
    async fn queue(&self, fail: Option<bool>) -> Result<&'static str> {
        if fail == Some(true) { Err(Error::new(409, "busy", "not now")) } else { Ok("queued") }
    }

    #[get(status = 203)]
    async fn raw(&self, moved: bool) -> Response {
        let mut response = Response::new("raw".into());
        if moved {
            *response.status_mut() = http::StatusCode::SEE_OTHER;
        }
        response
    }
}

const LEAVING: &[(&str, &str)] =
    &[("deprecation", "@1793491200"), ("sunset", "Sun, 31 Jan 2027 00:00:00 GMT")];

const GOOD: Scenario = Scenario {
    name: "a reply of an endpoint that will go",
    request: "GET /leaving",
    reply_headers: LEAVING,
    ..Scenario::BLANK
};

const ROWS: &[Scenario] = &[
    GOOD,
    Scenario {
        name: "an error says so too",
        request: "GET /leaving?fail=true",
        status: 409,
        lacks: &["x-kind"],
        ..GOOD
    },
    Scenario {
        name: "and a bad argument",
        request: "GET /leaving?fail=7",
        status: 400,
        lacks: &["x-kind"],
        ..GOOD
    },
    Scenario {
        name: "a flag has no day",
        request: "GET /fading",
        lacks: &["deprecation", "sunset"],
        ..Scenario::BLANK
    },
    Scenario {
        name: "an endpoint's own header stays",
        request: "GET /own",
        reply_headers: &[("x-kind", "own"), ("x-frame-options", "DENY")],
        lacks: &["said"],
        ..Scenario::BLANK
    },
    Scenario {
        name: "a status of its own, and one header twice",
        request: "POST /queue",
        status: 202,
        reply_headers: &[("x-kind", "said"), ("set-cookie", "a=1")],
        contains: &["queued"],
        ..Scenario::BLANK
    },
    Scenario {
        name: "errors keep theirs",
        request: "POST /queue?fail=true",
        status: 409,
        lacks: &["x-kind"],
        ..Scenario::BLANK
    },
    Scenario { name: "200 is replaced", request: "GET /raw?moved=false", status: 203, ..Scenario::BLANK },
    Scenario { name: "and nothing else", request: "GET /raw?moved=true", status: 303, ..Scenario::BLANK },
    Scenario {
        name: "no endpoint, no headers",
        request: "GET /none",
        status: 404,
        lacks: &["x-frame", "sunset"],
        ..Scenario::BLANK
    },
];

#[tokio::test]
async fn replies_get_what_the_settings_say() {
    let client = client(Server::new().add(Old));
    check(&client, ROWS).await;
    let answer = client.json(http::Method::POST, "/queue", &()).await;
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
    let document = client.get("/openapi.json").await.json::<serde_json::Value>();
    let replies = &document["paths"]["/queue"]["post"]["responses"];
    assert!(replies.get("202").is_some() && replies.get("200").is_none(), "{replies}");
}

struct Wrong;

#[service]
impl Wrong {
    #[post(status = 202)]
    async fn made(&self) -> Created<String> {
        Created(String::new())
    }

    #[post(status = 204)]
    async fn nothing(&self) -> &'static str {
        "something"
    }

    #[get(deprecated = "2027-02-01", sunset = "2027-01-31")]
    async fn gone_before(&self) -> &'static str {
        ""
    }
}

#[test]
fn contradictions_are_found_when_the_server_is_built() {
    let problems = Server::new().add(Wrong).build().unwrap_err().to_string();
    for expected in [
        "Wrong::made: the status is said by the type",
        "Wrong::nothing: `status = 204` has no body",
        "Wrong::gone_before: its sunset, 2027-01-31, comes before its deprecation, 2027-02-01",
    ] {
        assert!(problems.contains(expected), "{expected}: {problems}");
    }
}
