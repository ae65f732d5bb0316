//! Bodies of manifest endpoints that are made to hurt (N8): JSON, forms and parts, in storms, within their memory.

use axum::body::Body;
use http::Method;
use ketch::Call;
use ketch::http;
use ketch::prelude::*;
use ketch::test::{Scratch, TestServer, client, soak_factor};
use serde_json::{Map, Value, json};

use super::probe::Target;
use super::quiet::quietly;
use super::storm::Storm;
use super::watch::{alone, under_watch};

const API: &str = r#"{ "/": { "take": { "POST": {
    "info": "Takes everything there is.", "limit": "1mb",
    "in": {
        "any": { "info": "anything", "type": "?any" },
        "tags": { "info": "many", "type": "?[string]" },
        "map": { "info": "an object", "type": "?<string:int>" },
        "files": { "info": "files", "type": "?[FILE]" }
    },
    "run": "native:count"
} } } }"#;

/// A server with that endpoint, which counts what it is given.
fn server(scratch: &Scratch) -> Server {
    std::fs::write(scratch.path().join("api.json"), API).expect("it can be written");
    Server::new().manifest(scratch.path()).native("count", |call: Call| async move {
        let files = call.files.by_name.len();
        Ok(Map::from_iter([("files".to_owned(), json!(files)), ("args".to_owned(), json!(call.args.len()))]))
    })
}

fn part(disposition: &str, data: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{data}\r\n")
}

fn storms() -> Vec<Storm> {
    let file = || "--b\r\nContent-Disposition: form-data; name=files; filename=x\r\n\r\n".to_owned();
    let text = |text: &str| text.to_owned();
    let (json, form, parts) =
        ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b");
    let all = vec![
        ("endless files", parts, String::new(), part("name=files; filename=x", "1")),
        ("endless fields", parts, String::new(), part("name=tags", "1")),
        ("one endless file", parts, file(), text("x")),
        (
            "one endless field",
            parts,
            text("--b\r\nContent-Disposition: form-data; name=any\r\n\r\n"),
            text("x"),
        ),
        ("endless headers", parts, text("--b\r\n"), text("A: b\r\n")),
        ("almost delimiters", parts, file(), text("\r\n--bb")),
        ("endless values", json, text("{\"any\":[0"), text(",0")),
        ("endless objects", json, text("{\"any\":[{}"), text(",{}")),
        ("endless depth", json, text("{\"any\":"), text("[")),
        ("an endless number", json, text("{\"any\":"), text("1")),
        ("endless names", json, text("{\"map\":{\"a\":1"), text(",\"a\":1")),
        ("endless values of a form", form, text("x=1"), text("&tags=")),
        ("endless names of a form", form, text("x=1"), text("&a")),
    ];
    let storm = |(name, content_type, begin, unit)| Storm { name, content_type, begin, unit };
    all.into_iter().map(storm).collect()
}

/// Connections of one storm at a time; 20 times as many in a soak.
const CONNECTIONS: u64 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn n8_storms_on_a_manifest_are_refused_within_their_memory() {
    let scratch = Scratch::new();
    let server = TestServer::start(server(&scratch)).await;
    let (addr, watched) = (server.addr(), Target::start().await);
    let each = CONNECTIONS * soak_factor();
    let storms = storms();
    println!("N8: {} storms of {each} connections on a manifest", storms.len());
    for storm in storms {
        let name = storm.name;
        under_watch(name, &watched, each, async || {
            let send = |_| tokio::spawn(storm.clone().send(addr, "/take"));
            let sends: Vec<_> = (0..each).map(send).collect();
            for sent in sends {
                let status = sent.await.expect("it does not panic");
                assert!(matches!(status, 413 | 400 | 0), "{name}: {status}");
            }
        })
        .await;
    }
    server.stop().await;
}

#[tokio::test]
async fn n8_bodies_that_end_are_told_what_is_too_much() {
    let _alone = alone().await;
    let scratch = Scratch::new();
    let client = client(server(&scratch));
    let keys: String = (0..60_000).map(|key| format!("\"{key}\":1,")).collect();
    let deep = 100_000;
    let (json, form) = ("application/json", "application/x-www-form-urlencoded");
    let parts = "multipart/form-data; boundary=b";
    let rows: Vec<(&str, &str, String, u16)> = vec![
        ("arrays 100,000 deep", json, format!("{{\"any\":{}{}}}", "[".repeat(deep), "]".repeat(deep)), 400),
        ("objects 100,000 deep", json, "{\"any\":".repeat(deep), 400),
        ("a number of 1 MB", json, format!("{{\"any\":{}}}", "1".repeat(1_000_000)), 400),
        ("200,000 values", json, format!("{{\"any\":[0{}]}}", ",0".repeat(200_000)), 413),
        ("60,000 names that nobody asked for", json, format!("{{{keys}\"end\":1}}"), 200),
        ("60,000 names of a map", json, format!("{{\"map\":{{{keys}\"end\":1}}}}"), 200),
        ("a string of 1 MB", json, format!("{{\"any\":\"{}\"}}", "x".repeat(1_000_000)), 200),
        ("200,000 values of a form", form, "&tags=".repeat(150_000), 422),
        ("300,000 names of a form", form, "&a".repeat(300_000), 200),
        ("128 files", parts, part("name=files; filename=x", "1").repeat(128) + "--b--", 200),
        ("129 files", parts, part("name=files; filename=x", "1").repeat(129) + "--b--", 413),
        ("5,000 parts", parts, part("name=x", "1").repeat(5_000) + "--b--", 413),
    ];
    println!("N8: {} bodies on a manifest", rows.len());
    quietly(async {
        for (name, kind, body, status) in rows {
            let headers = [("content-type", kind)];
            let answer = client.send(Method::POST, "/take", &headers, Body::from(body)).await;
            assert_eq!(answer.status, status, "{name}: {}", answer.text());
            assert!(answer.body.len() < 1000, "{name}: the reply does not repeat it");
        }
        for encoding in ["gzip", "br", "zstd"] {
            let headers = [("content-type", json), ("content-encoding", encoding)];
            let answer = client.send(Method::POST, "/take", &headers, Body::from("x")).await;
            assert_eq!(answer.status, 415, "{encoding}: nothing is unpacked, so nothing is a bomb");
        }
    })
    .await;
}

/// The 58 cases of an outside suite, sent to an endpoint that reads parts: none is a server error, and none that is no
/// form gets through.
#[tokio::test]
async fn n8_the_58_multipart_cases_on_a_manifest() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../multipart/conformance.json")).expect("it is JSON");
    let scratch = Scratch::new();
    let client = client(server(&scratch));
    let mut refused = 0;
    quietly(async {
        for case in &cases {
            let bytes =
                |text: &str| text.chars().map(|c| u8::try_from(c).expect("a byte")).collect::<Vec<u8>>();
            let body = bytes(case["body"].as_str().expect("text"));
            let headers = [("content-type", case["content_type"].as_str().expect("text"))];
            let answer = client.send(Method::POST, "/take", &headers, Body::from(body)).await;
            let status = answer.status.as_u16();
            assert!(matches!(status, 200 | 400 | 413 | 415 | 422), "{}: {}", case["case"], answer.text());
            assert!(case["valid"] == json!(true) || status != 200, "{} passed", case["case"]);
            refused += u32::from(status != 200);
        }
    })
    .await;
    println!("N8: {} multipart cases on a manifest, {refused} refused", cases.len());
    assert!(cases.len() == 58 && refused >= 6, "{refused}");
}
