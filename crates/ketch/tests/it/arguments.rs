//! Every kind of argument that is not the body's: what is missing, bad, repeated or not UTF-8 is a 400 that names it.
//!
//! Not here: bodies (`bodies`, `multipart`), WebSockets (`websocket`).

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use http::StatusCode;
use http::request::Parts;
use ketch::http;
use ketch::prelude::*;
use ketch::test::{Scenario, TestServer, check, client};

use super::quiet::quietly;
use super::raw::{Connection, Pace};

struct Kinds;

#[service(root = "-")]
impl Kinds {
    #[get]
    async fn query(&self, a: u8, b: Option<String>, c: Vec<i32>) -> String {
        format!("{a} {b:?} {c:?}")
    }

    #[get]
    async fn header(&self, x_depth: Header<u32>, if_match: Header<Option<String>>) -> String {
        format!("{} {:?}", x_depth.0, if_match.0)
    }

    #[get]
    async fn lines(&self, x_tag: Header<Vec<u8>>) -> String {
        format!("{:?}", x_tag.0)
    }

    #[get]
    async fn cookie(&self, session: Cookie<String>, page: Cookie<Option<u16>>) -> String {
        format!("{} {:?}", session.0, page.0)
    }

    #[get("context/{name}")]
    async fn context(&self, ctx: Ctx, name: String) -> Result<String> {
        ctx.set_header("x-boat", "1")?;
        ctx.set_header("x-boat", "2")?;
        ctx.add_header("x-boat", "3")?;
        ctx.set_cookie(("seen", "yes"))?;
        ctx.set_cookie(
            ketch::cookie::Cookie::build(("wide", "1")).http_only(false).secure(false).path("/a"),
        )?;
        let page: Option<u32> = ctx.query("page")?;
        if name == "fail" {
            return Err(Error::new(409, "taken", "it is taken"));
        }
        let tags: Vec<String> = ctx.query("tag")?;
        let session: Option<String> = ctx.cookie("session")?;
        let param: Option<String> = ctx.param("name")?;
        let endpoint = &ctx.endpoint().names.endpoint;
        let known = ctx.caller().is_known();
        Ok(format!(
            "{} {} {param:?} {page:?} {tags:?} {session:?} {endpoint} {known}",
            ctx.method(),
            ctx.path()
        ))
    }

    #[get]
    async fn injects(&self, ctx: Ctx, value: String) -> Result<()> {
        ctx.set_header("x-boat", value)
    }

    #[get]
    async fn frames(&self, ctx: Ctx) -> Result<()> {
        ctx.set_header("content-length", "7")
    }

    #[get]
    async fn bakes(&self, ctx: Ctx, value: String) -> Result<()> {
        ctx.set_cookie(("boat", value))
    }

    #[get]
    async fn refuses(&self, refusal: Extract<Refuses>) -> &'static str {
        let Extract(Refuses) = refusal;
        "let in"
    }

    #[get]
    async fn peer(&self, peer: Extract<ConnectInfo<SocketAddr>>) -> String {
        peer.0.0.ip().to_string()
    }
}

/// Refuses with the status that the header `x-status` asks for.
struct Refuses;

impl FromRequestParts<()> for Refuses {
    type Rejection = (StatusCode, [(&'static str, &'static str); 1], String);

    async fn from_request_parts(parts: &mut Parts, _: &()) -> Result<Self, Self::Rejection> {
        let status = parts.headers.get("x-status").and_then(|status| status.to_str().ok()?.parse().ok());
        match status.and_then(|status| StatusCode::from_u16(status).ok()) {
            Some(status) => Err((status, [("x-why", "tide")], "the harbour is secretly closed".to_owned())),
            None => Ok(Self),
        }
    }
}

/// A row that is refused with 400 and names a parameter.
const fn bad(
    name: &'static str,
    request: &'static str,
    headers: &'static [(&'static str, &'static str)],
    contains: &'static [&'static str],
) -> Scenario {
    Scenario {
        name,
        request,
        headers,
        status: 400,
        contains,
        lacks: &["panicked", "internal_error"],
        ..Scenario::BLANK
    }
}

const fn good(
    name: &'static str,
    request: &'static str,
    headers: &'static [(&'static str, &'static str)],
    contains: &'static [&'static str],
) -> Scenario {
    Scenario { name, request, headers, contains, lacks: &["errors"], ..Scenario::BLANK }
}

const QUERY: &[Scenario] = &[
    good("query", "GET /query?a=1&c=2&c=-3", &[], &["1 None [2, -3]"]),
    bad("missing", "GET /query", &[], &["\"parameter\":\"a\"", "\"in\":\"query\"", "\"missing\""]),
    bad("bad", "GET /query?a=256", &[], &["\"parameter\":\"a\"", "\"invalid\""]),
    bad("repeated", "GET /query?a=1&a=1", &[], &["\"parameter\":\"a\"", "\"repeated\""]),
    bad("not UTF-8", "GET /query?a=1&b=%ff", &[], &["\"parameter\":\"b\"", "is not UTF-8"]),
    bad("one of several", "GET /query?a=1&c=1&c=x", &[], &["\"parameter\":\"c\"", "\"invalid\""]),
    bad("two at once", "GET /query?c=x", &[], &["\"parameter\":\"a\"", "\"parameter\":\"c\""]),
];

const HEADERS: &[Scenario] = &[
    good("header", "GET /header", &[("X-Depth", "12"), ("If-Match", "\"a\"")], &["12 Some(\"\\\"a\\\"\")"]),
    bad("missing", "GET /header", &[], &["\"parameter\":\"x-depth\"", "\"in\":\"header\"", "\"missing\""]),
    bad("bad", "GET /header", &[("x-depth", "deep")], &["\"parameter\":\"x-depth\"", "\"invalid\""]),
    bad("empty", "GET /header", &[("x-depth", "")], &["\"parameter\":\"x-depth\"", "\"invalid\""]),
    bad("repeated", "GET /header", &[("x-depth", "1"), ("x-depth", "1")], &["x-depth", "\"repeated\""]),
    bad(
        "optional, repeated",
        "GET /header",
        &[("x-depth", "1"), ("if-match", "a"), ("if-match", "b")],
        &["\"parameter\":\"if-match\"", "\"repeated\""],
    ),
    good("lines", "GET /lines", &[("x-tag", "1"), ("x-tag", "2")], &["[1, 2]"]),
    good("no lines", "GET /lines", &[], &["[]"]),
    bad("a bad line", "GET /lines", &[("x-tag", "1, 2")], &["\"parameter\":\"x-tag\"", "\"invalid\""]),
];

const COOKIES: &[Scenario] = &[
    good("cookie", "GET /cookie", &[("cookie", "a=b; session=x%20y; page=7")], &["x%20y Some(7)"]),
    good("split", "GET /cookie", &[("cookie", "page=7"), ("cookie", "session=x")], &["x Some(7)"]),
    bad(
        "missing",
        "GET /cookie",
        &[("cookie", "Session=x")],
        &["\"session\"", "\"in\":\"cookie\"", "\"missing\""],
    ),
    bad(
        "bad",
        "GET /cookie",
        &[("cookie", "session=x; page=-1")],
        &["\"parameter\":\"page\"", "\"invalid\""],
    ),
    bad("repeated", "GET /cookie", &[("cookie", "session=x; session=x")], &["\"session\"", "\"repeated\""]),
    bad(
        "repeated over lines",
        "GET /cookie",
        &[("cookie", "session=x"), ("cookie", "session=y")],
        &["\"parameter\":\"session\"", "\"repeated\""],
    ),
];

const CONTEXT: &[Scenario] = &[
    Scenario {
        name: "all of a request",
        request: "GET /context/a%20b?page=2&tag=x&tag=y",
        headers: &[("cookie", "session=s")],
        contains: &["GET /context/a%20b Some(\"a b\") Some(2) [\"x\", \"y\"] Some(\"s\") context false"],
        reply_headers: &[("x-boat", "2"), ("set-cookie", "seen=yes; HttpOnly; SameSite=Lax; Secure; Path=/")],
        ..Scenario::BLANK
    },
    Scenario {
        name: "an error does not get the headers",
        request: "GET /context/fail",
        status: 409,
        contains: &["taken"],
        lacks: &["x-boat", "set-cookie"],
        ..Scenario::BLANK
    },
    bad("bad", "GET /context/a?page=x", &[], &["\"parameter\":\"page\"", "\"in\":\"query\"", "\"invalid\""]),
    bad("repeated", "GET /context/a?page=1&page=1", &[], &["\"parameter\":\"page\"", "\"repeated\""]),
    bad("not UTF-8", "GET /context/a?tag=%ff", &[], &["\"parameter\":\"tag\"", "is not UTF-8"]),
    bad("a bad path", "GET /context/%ff", &[], &["\"parameter\":\"name\"", "\"in\":\"path\""]),
];

const EXTRACTORS: &[Scenario] = &[
    good("let in", "GET /refuses", &[], &["let in"]),
    Scenario {
        name: "refused",
        request: "GET /refuses",
        headers: &[("x-status", "418")],
        status: 418,
        contains: &["the harbour is secretly closed", "\"refused\""],
        reply_headers: &[("x-why", "tide"), ("content-type", "application/problem+json")],
        ..Scenario::BLANK
    },
];

#[tokio::test]
async fn bad_arguments_are_named_and_no_news() {
    let client = client(Server::new().add(Kinds));
    quietly(async {
        for rows in [QUERY, HEADERS, COOKIES, CONTEXT, EXTRACTORS] {
            check(&client, rows).await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_an_extractor_fails_with_stays_in_the_log() {
    let hidden = |status: &'static str, answered: u16| Scenario {
        name: "a refusal that is no client's",
        request: "GET /refuses",
        headers: if status == "503" { &[("x-status", "503")] } else { &[("x-status", "303")] },
        status: answered,
        contains: &["internal_error"],
        lacks: &["secretly"],
        ..Scenario::BLANK
    };
    check(&client(Server::new().add(Kinds)), &[hidden("503", 503), hidden("303", 500)]).await;
}

/// What a handler must not say, it cannot: a value with a line end would begin a header of the stranger's own.
#[tokio::test]
async fn a_handler_cannot_be_made_to_break_a_reply() {
    let fails = |request: &'static str| Scenario {
        name: "not a header",
        request,
        status: 500,
        lacks: &["x-boat", "x-evil", "set-cookie"],
        ..Scenario::BLANK
    };
    let rows = [
        fails("GET /injects?value=a%0d%0ax-evil:%201"),
        fails("GET /frames"),
        fails("GET /bakes?value=a%3b%20Domain=evil"),
        fails("GET /bakes?value=a%20b"),
        Scenario {
            request: "GET /injects?value=a",
            status: 204,
            reply_headers: &[("x-boat", "a")],
            ..Scenario::BLANK
        },
    ];
    check(&client(Server::new().add(Kinds)), &rows).await;
}

#[tokio::test]
async fn all_values_of_a_header_that_was_added_are_sent() {
    let answer = client(Server::new().add(Kinds)).get("/context/a").await;
    let boats: Vec<_> = answer.headers.get_all("x-boat").iter().collect();
    assert_eq!(boats, ["2", "3"]);
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies[1], "wide=1; SameSite=Lax; Path=/a");
}

/// Bytes that no client library sends.
#[tokio::test]
async fn what_is_not_utf_8_is_named() {
    quietly(async {
        let server = TestServer::start(Server::new().add(Kinds)).await;
        let rows: [(&[u8], &str); 3] = [
            (b"GET /header HTTP/1.1\r\nHost: test\r\nX-Depth: 1\r\nIf-Match: \xff\r\n\r\n", "\"if-match\""),
            (b"GET /cookie HTTP/1.1\r\nHost: test\r\nCookie: session=\xff\r\n\r\n", "\"session\""),
            (b"GET /lines HTTP/1.1\r\nHost: test\r\nX-Tag: \xfe\r\n\r\n", "\"x-tag\""),
        ];
        for (request, named) in rows {
            let mut connection = Connection::open(server.addr()).await;
            connection.send(request, Pace::Whole).await;
            let reply = connection.reply(false).await.unwrap();
            let body = String::from_utf8(reply.body.clone()).unwrap();
            assert_eq!(reply.status, 400, "{body}");
            assert!(body.contains(named) && body.contains("is not UTF-8"), "{body}");
        }
        let mut connection = Connection::open(server.addr()).await;
        connection.send(b"GET /peer HTTP/1.1\r\nHost: test\r\n\r\n", Pace::Whole).await;
        assert_eq!(connection.reply(false).await.unwrap().body, b"127.0.0.1");
    })
    .await;
}
