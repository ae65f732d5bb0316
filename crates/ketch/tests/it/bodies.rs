//! Bodies of every kind: what they are taken for, what is wrong with them, and those that are made to hurt (N8).
//!
//! Not here: what is within multipart forms (`multipart`), floods of sizes (`floods`).

use std::time::{Duration, Instant};

use axum::body::Body;
use http::Method;
use ketch::http;
use ketch::prelude::*;
use ketch::schemars::JsonSchema;
use ketch::serde::Deserialize;
use ketch::test::{Scenario, TestServer, check, client};
use ketch::{Capacity, Limits};
use serde_json::Value;

use super::quiet::quietly;
use super::raw::{Connection, Pace};
use super::watch::alone;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(crate = "ketch::serde")]
#[expect(dead_code, reason = "it is shown as a whole")]
struct Boat {
    name: String,
    length: u16,
    #[serde(default)]
    tags: Vec<String>,
}

struct Bodies;

#[service(root = "-", limit = "1kb")]
impl Bodies {
    #[post]
    async fn json(&self, boat: Json<Boat>) -> String {
        format!("{boat:?}")
    }

    #[post]
    async fn list(&self, boats: Json<Vec<Boat>>) -> String {
        boats.len().to_string()
    }

    #[post(limit = "16mb")]
    async fn any(&self, value: Json<Value>) -> &'static str {
        drop(value);
        "read"
    }

    #[post]
    async fn form(&self, boat: Form<Boat>) -> String {
        format!("{boat:?}")
    }

    #[post]
    async fn raw(&self, bytes: Bytes) -> String {
        format!("{} bytes", bytes.len())
    }

    #[post]
    async fn parts(&self, mut parts: Multipart) -> Result<String> {
        let mut names = String::new();
        while let Some(part) = parts.next().await? {
            names.push_str(part.name());
        }
        Ok(names)
    }

    #[post]
    async fn context(&self, ctx: Ctx) -> Result<String> {
        let boat: Boat = ctx.form().await?;
        Ok(format!("{boat:?} {}", ctx.body().await.is_err()))
    }

    #[post]
    async fn context_first(&self, ctx: Ctx, boat: Json<Boat>) -> String {
        format!("{boat:?} {}", ctx.body().await.is_err())
    }

    #[post]
    async fn context_last(&self, boat: Json<Boat>, ctx: Ctx) -> String {
        format!("{boat:?} {}", ctx.body().await.is_err())
    }

    #[post]
    async fn request(&self, request: Request) -> Result<Response> {
        let path = request.uri().path().to_owned();
        let body = read_body(request.into_body()).await?;
        Ok(Response::new(Body::from(format!("{path} {} bytes", body.len()))))
    }

    #[post]
    async fn extract(&self, body: ExtractBody<axum::Json<Boat>>) -> String {
        format!("{:?}", body.0.0)
    }

    #[post(limit = "4mb")]
    async fn extract_large(&self, body: ExtractBody<axum::body::Bytes>) -> String {
        format!("{} bytes", body.0.len())
    }

    #[post]
    async fn extract_parts(&self, mut body: ExtractBody<axum::extract::Multipart>) -> String {
        let mut names = String::new();
        while let Ok(Some(part)) = body.next_field().await {
            names.push_str(part.name().unwrap_or_default());
        }
        names
    }
}

const FORM: &[(&str, &str)] = &[("content-type", "application/x-www-form-urlencoded")];
const PARTS: &[(&str, &str)] = &[("content-type", "multipart/form-data; boundary=b")];
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const BOAT: &str = "{\"name\":\"Ida\",\"length\":12}";
/// A byte more than is read.
const LONG: &str = match std::str::from_utf8(&[b' '; 1025]) {
    Ok(text) => text,
    Err(_) => panic!("spaces are UTF-8"),
};

const fn row(
    name: &'static str,
    request: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    status: u16,
    contains: &'static [&'static str],
) -> Scenario {
    Scenario {
        name,
        request,
        headers,
        body,
        status,
        contains,
        lacks: &["panicked", "internal_error"],
        ..Scenario::BLANK
    }
}

const GOOD: &[Scenario] = &[
    row("json", "POST /json", JSON, BOAT, 200, &["Ida", "12"]),
    row(
        "another json",
        "POST /json",
        &[("content-type", "application/vnd.x+json; a=b")],
        BOAT,
        200,
        &["Ida"],
    ),
    row(
        "identity",
        "POST /json",
        &[("content-type", "application/json"), ("content-encoding", "identity")],
        BOAT,
        200,
        &[],
    ),
    row(
        "form",
        "POST /form",
        FORM,
        "name=I+da%21&length=12&tags=a&tags=b",
        200,
        &["\"I da!\"", "[\"a\", \"b\"]"],
    ),
    row("bytes", "POST /raw", &[], "abc", 200, &["3 bytes"]),
    row("no bytes", "POST /raw", &[], "", 200, &["0 bytes"]),
    row("request", "POST /request", &[("content-encoding", "zstd")], "abc", 200, &["/request 3 bytes"]),
    row("context", "POST /context", FORM, "name=Ida&length=12", 200, &["Ida", "true"]),
    row("context first", "POST /context-first", JSON, BOAT, 200, &["Ida", "true"]),
    row("context last", "POST /context-last", JSON, BOAT, 200, &["Ida", "true"]),
    row("extract", "POST /extract", JSON, BOAT, 200, &["Ida"]),
    row(
        "axum's multipart",
        "POST /extract-parts",
        PARTS,
        "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--b--",
        200,
        &["x"],
    ),
];

const BAD: &[Scenario] = &[
    row("not JSON", "POST /json", JSON, "{", 400, &["invalid_json"]),
    row("two values", "POST /json", JSON, "{\"name\":\"Ida\",\"length\":12} 1", 400, &["invalid_json"]),
    row(
        "a bad member",
        "POST /json",
        JSON,
        "{\"name\":\"Ida\",\"length\":-1}",
        400,
        &["\"#/length\"", "\"invalid\""],
    ),
    row("a missing member", "POST /json", JSON, "{\"name\":\"Ida\"}", 400, &["\"#/length\"", "\"missing\""]),
    row(
        "an array for an object",
        "POST /json",
        JSON,
        "[\"Ida\",12,[]]",
        400,
        &["invalid_arguments", "\"#\""],
    ),
    row(
        "a member of a list",
        "POST /list",
        JSON,
        "[{\"name\":\"a\",\"length\":1},{\"name\":1}]",
        400,
        &["\"#/1/name\""],
    ),
    row(
        "repeated",
        "POST /json",
        JSON,
        "{\"name\":\"a\",\"name\":\"b\",\"length\":1}",
        400,
        &["duplicate field `name`"],
    ),
    row("a bad field", "POST /form", FORM, "name=a&length=x", 400, &["\"#/length\"", "\"invalid\""]),
    row("a missing field", "POST /form", FORM, "name=a", 400, &["\"#/length\"", "\"missing\""]),
    row("a repeated field", "POST /form", FORM, "name=a&name=b&length=1", 400, &["\"pointer\":\"#/name\""]),
    row("not UTF-8", "POST /form", FORM, "name=%ff&length=1", 400, &["invalid_form", "not UTF-8"]),
    row("not a form", "POST /form", FORM, BOAT, 400, &["\"#/name\""]),
    row("a bad field, by context", "POST /context", FORM, "name=a&length=x", 400, &["\"#/length\""]),
    row("a refusal of axum's", "POST /extract", JSON, "{", 400, &["\"refused\"", "Failed to parse"]),
    row("axum's 422", "POST /extract", JSON, "{}", 422, &["missing field `name`"]),
];

/// The body of one kind sent as another. n8n's CVE-2026-21858 was a JSON body that posed as an upload.
const CONFUSED: &[Scenario] = &[
    row("no type", "POST /json", &[("x", "y")], "x", 415, &["unsupported_media_type"]),
    row("JSON as text", "POST /json", &[("content-type", "text/plain")], BOAT, 415, &["application/json"]),
    row("JSON as form", "POST /json", FORM, BOAT, 415, &["application/json"]),
    row("JSON as parts", "POST /json", PARTS, BOAT, 415, &["application/json"]),
    row("form as JSON", "POST /form", JSON, "name=a&length=1", 415, &["x-www-form-urlencoded"]),
    row("form as parts", "POST /form", PARTS, "name=a&length=1", 415, &["x-www-form-urlencoded"]),
    row("parts as JSON", "POST /parts", JSON, "{\"files\":[\"/etc/passwd\"]}", 415, &["multipart/form-data"]),
    row(
        "JSON within parts",
        "POST /parts",
        PARTS,
        "{\"files\":[\"/etc/passwd\"]}",
        400,
        &["invalid_multipart"],
    ),
    row("mixed parts", "POST /parts", &[("content-type", "multipart/mixed; boundary=b")], "--b--", 415, &[]),
    row(
        "two types",
        "POST /parts",
        &[("content-type", "multipart/form-data; boundary=b"), ("content-type", "application/json")],
        "--b--",
        415,
        &["unsupported_media_type"],
    ),
    row("form by context", "POST /context", JSON, "name=a&length=1", 415, &["x-www-form-urlencoded"]),
];

const LARGE: &[Scenario] = &[
    row("json", "POST /json", JSON, LONG, 413, &["body_too_large"]),
    row("form", "POST /form", FORM, LONG, 413, &["body_too_large"]),
    row("raw", "POST /raw", &[], LONG, 413, &["body_too_large"]),
    row("parts", "POST /parts", PARTS, LONG, 413, &["body_too_large"]),
    row("context", "POST /context", FORM, LONG, 413, &["body_too_large"]),
    row("request", "POST /request", &[], LONG, 413, &["body_too_large"]),
    row("extract", "POST /extract", JSON, LONG, 413, &["body_too_large"]),
];

#[tokio::test]
async fn bodies_are_read_or_what_is_wrong_is_said() {
    let client = client(Server::new().add(Bodies));
    quietly(async {
        for rows in [GOOD, BAD, CONFUSED, LARGE] {
            check(&client, rows).await;
        }
    })
    .await;
}

/// None is undone, so none can be a bomb.
#[tokio::test]
async fn n8_encoded_bodies_are_refused_everywhere() {
    let client = client(Server::new().add(Bodies));
    let kinds = [
        ("/json", JSON[0].1),
        ("/form", FORM[0].1),
        ("/raw", "application/gzip"),
        ("/parts", PARTS[0].1),
        ("/context", FORM[0].1),
        ("/extract", JSON[0].1),
    ];
    quietly(async {
        for (path, content_type) in kinds {
            for encoding in ["gzip", "br", "zstd", "identity, gzip", "nonsense"] {
                let headers = [("content-type", content_type), ("content-encoding", encoding)];
                let answer = client.send(Method::POST, path, &headers, Body::from("x")).await;
                assert_eq!(answer.status, 415, "{path} {encoding}: {}", answer.text());
                assert!(answer.text().contains("unsupported_encoding"), "{path} {encoding}");
                assert_eq!(answer.header("accept-encoding"), Some("identity"), "{path} {encoding}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn n8_json_that_is_made_to_hurt() {
    let _alone = alone().await;
    let client = client(Server::new().add(Bodies));
    let keys: String = (0..1_000_000).map(|key| format!("\"{key}\":1,")).collect();
    let rows: [(&str, String, &[u16]); 6] = [
        ("arrays 100,000 deep", "[".repeat(100_000), &[400]),
        ("closed arrays 100,000 deep", "[".repeat(100_000) + &"]".repeat(100_000), &[400]),
        ("objects 100,000 deep", "{\"a\":".repeat(100_000), &[400]),
        ("1 M keys", format!("{{{keys}\"end\":1}}"), &[200]),
        ("a number of 10 MB", "1".repeat(10 << 20), &[200, 400]),
        ("a string of 10 MB", format!("\"{}\"", "\\u0041".repeat(10 << 17)), &[200]),
    ];
    quietly(async {
        for (name, body, statuses) in rows {
            let answer = client.send(Method::POST, "/any", JSON, Body::from(body)).await;
            assert!(statuses.contains(&answer.status.as_u16()), "{name}: {}", answer.status);
            assert!(answer.body.len() < 1000, "{name}: the reply does not repeat it");
        }
    })
    .await;
}

#[tokio::test]
async fn the_endpoints_limit_goes_before_axums() {
    let client = client(Server::new().add(Bodies));
    let body = || Body::from(vec![b'x'; 3 << 20]);
    let answer = client.send(Method::POST, "/extract-large", &[], body()).await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "3145728 bytes"));
}

/// Whatever reads a body, it is bounded while it streams.
#[tokio::test]
async fn a_body_without_a_length_is_bounded_too() {
    quietly(async {
        let server = TestServer::start(Server::new().add(Bodies)).await;
        let kinds = [
            ("/json", JSON[0].1),
            ("/form", FORM[0].1),
            ("/raw", "a/b"),
            ("/parts", PARTS[0].1),
            ("/context", FORM[0].1),
            ("/request", "a/b"),
            ("/extract", JSON[0].1),
        ];
        for (path, content_type) in kinds {
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
            );
            let mut connection = Connection::open(server.addr()).await;
            let chunks = format!("200\r\n{}\r\n", "x".repeat(0x200)).repeat(3);
            connection.send((head + &chunks).as_bytes(), Pace::Whole).await;
            let reply = connection.reply(false).await.unwrap();
            let body = String::from_utf8_lossy(&reply.body).into_owned();
            assert_eq!(reply.status, 413, "{path}: {body}");
            assert!(body.contains("body_too_large"), "{path}: {body}");
        }
    })
    .await;
}

/// However a body is read, who waits for it leaves the place to others.
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_body_takes_no_place() {
    let kinds = [
        ("/json", JSON[0].1),
        ("/raw", "a/b"),
        ("/parts", PARTS[0].1),
        ("/context", FORM[0].1),
        ("/request", "a/b"),
        ("/extract", JSON[0].1),
    ];
    let limits = Limits { body_idle: Duration::from_secs(100), ..Limits::default() };
    let capacity = Capacity { in_flight: 1, ..Capacity::default() };
    let server = TestServer::start(Server::new().limits(limits).capacity(capacity).add(Bodies)).await;
    for (path, content_type) in kinds {
        let mut slow = Connection::open(server.addr()).await;
        let head = format!("POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: {content_type}\r\n");
        slow.send(format!("{head}Content-Length: 100\r\n\r\n ").as_bytes(), Pace::Whole).await;
        let end = Instant::now() + Duration::from_secs(20);
        // The slow one has the place for a moment, until it finds nothing more to read.
        for answered in 0.. {
            let mut quick = Connection::open(server.addr()).await;
            let request = b"POST /raw HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\nabc";
            quick.send(request, Pace::Whole).await;
            match quick.reply(false).await.unwrap().status {
                200 if answered > 20 => break,
                200 | 503 => assert!(Instant::now() < end, "{path}: the place is not left"),
                other => panic!("{path}: {other}"),
            }
        }
    }
    drop(server);
}
