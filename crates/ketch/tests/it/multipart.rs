//! Multipart forms: what a good one brings, the 58 cases of an outside suite, and storms (N8).
//!
//! Not here: content types that do not fit (`bodies`).

use axum::body::Body;
use http::Method;
use ketch::http;
use ketch::prelude::*;
use ketch::test::{Answer, Client, TestServer, client};
use serde_json::{Value, json};

use super::probe::Target;
use super::quiet::quietly;
use super::storm::Storm;
use super::watch::under_watch;

struct Uploads;

#[service(root = "-", limit = "1mb")]
impl Uploads {
    /// Tells what came, data byte by byte as characters.
    #[post]
    async fn tell(&self, mut parts: Multipart) -> Result<Json<Value>> {
        let mut all = Vec::new();
        while let Some(mut part) = parts.next().await? {
            let data: String = part.bytes(100_000).await?.iter().map(|byte| char::from(*byte)).collect();
            let (name, file_name, content_type) = (part.name(), part.file_name(), part.content_type());
            all.push(
                json!({ "name": name, "file_name": file_name, "content_type": content_type, "data": data }),
            );
        }
        Ok(Json(all.into()))
    }

    /// Counts bytes without keeping any.
    #[post]
    async fn count(&self, mut parts: Multipart) -> Result<String> {
        let (mut files, mut bytes) = (0, 0);
        while let Some(mut part) = parts.next().await? {
            files += 1;
            while let Some(chunk) = part.chunk().await? {
                bytes += chunk.len();
            }
        }
        Ok(format!("{files} {bytes}"))
    }

    /// Reads only names, and a title as text.
    #[post]
    async fn names(&self, mut parts: Multipart) -> Result<String> {
        let mut names = Vec::new();
        while let Some(mut part) = parts.next().await? {
            match part.name() {
                "title" => names.push(part.text(16).await?),
                name => names.push(name.to_owned()),
            }
        }
        Ok(names.join(","))
    }

    #[post]
    async fn save(&self, folder: String, mut parts: Multipart) -> Result<String> {
        let mut saved = 0;
        while let Some(mut part) = parts.next().await? {
            saved += part.save_to(format!("{folder}/upload")).await?;
        }
        Ok(saved.to_string())
    }
}

async fn post(client: &Client, path: &str, boundary: &str, body: impl Into<Body>) -> Answer {
    let content_type = format!("multipart/form-data; boundary={boundary}");
    client.send(Method::POST, path, &[("content-type", &content_type)], body.into()).await
}

/// One part of a body whose boundary is `b`.
fn part(disposition: &str, data: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{data}\r\n")
}

/// Cases that we judge otherwise than the suite, and what we do.
const DIFFERENCES: &[(&str, Verdict, &str)] = &[
    ("026-filename-with-backslash", Verdict::FileName("file.txt"), "names lose the folders before them"),
    ("029-filename-path-traversal", Verdict::FileName("passwd"), "names lose the folders before them"),
    ("061-lf-only-lenient", Verdict::Refused, "lines end in CRLF; the case itself allows to be strict"),
    ("062-mixed-endings", Verdict::Refused, "lines end in CRLF; the case itself allows to be strict"),
    ("208-duplicate-headers", Verdict::Refused, "which of two is meant cannot be told; the case allows it"),
    ("210-control-chars-in-name", Verdict::Refused, "no browser sends control characters in a name"),
];

#[derive(Clone, Copy)]
enum Verdict {
    Refused,
    FileName(&'static str),
}

#[tokio::test]
async fn n8_the_58_cases_of_the_conformance_suite() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../multipart/conformance.json")).unwrap();
    assert_eq!(cases.len(), 58);
    let client = client(Server::new().add(Uploads));
    let mut failures = Vec::new();
    quietly(async {
        for mut case in cases {
            let name = case["case"].as_str().unwrap().to_owned();
            let ours = DIFFERENCES.iter().find(|(other, ..)| *other == name).map(|(_, verdict, _)| *verdict);
            match ours {
                Some(Verdict::Refused) => case["valid"] = json!(false),
                Some(Verdict::FileName(file_name)) => case["parts"][0]["file_name"] = json!(file_name),
                None => {}
            }
            let body: Vec<u8> =
                case["body"].as_str().unwrap().chars().map(|c| u8::try_from(c).unwrap()).collect();
            let headers = [("content-type", case["content_type"].as_str().unwrap())];
            let answer = client.send(Method::POST, "/tell", &headers, Body::from(body)).await;
            let good = if case["valid"] == json!(true) {
                answer.status == 200 && answer.json::<Value>() == case["parts"]
            } else {
                answer.status == 400 && answer.text().contains("invalid_multipart")
            };
            if !good {
                failures.push(format!("{name}: {} {}\n   {}", answer.status, answer.text(), case["parts"]));
            }
        }
    })
    .await;
    assert!(failures.is_empty(), "{} cases:\n{}", failures.len(), failures.join("\n"));
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let client = client(Server::new().add(Uploads));
    let x = || part("name=x", "1");
    let (end, long) = ("--b--", "b".repeat(71));
    let rows: Vec<(&str, &str, String, u16, &str)> = vec![
        ("nothing", "b", String::new(), 400, "ends before its last delimiter"),
        ("another boundary", "c", x() + end, 400, "its boundary is another"),
        ("no end", "b", x(), 400, "ends before its last delimiter"),
        ("no boundary", "\"\"", x() + end, 400, "boundary"),
        ("a boundary of 71", &long, x() + end, 400, "longer than 70"),
        ("two boundaries", "b; boundary=c", x() + end, 400, "twice"),
        (
            "no name",
            "b",
            part("filename=x", "1") + end,
            400,
            "part 1 cannot be read: its headers have no `name`",
        ),
        ("no disposition", "b", "--b\r\nA: b\r\n\r\n1\r\n--b--".to_owned(), 400, "no `Content-Disposition`"),
        ("no headers", "b", "--b\r\n\r\n1\r\n--b--".to_owned(), 400, "no `Content-Disposition`"),
        ("two names", "b", part("name=x; name=y", "1") + end, 400, "a parameter twice"),
        ("no header", "b", "--b\r\nx\r\n\r\n1\r\n--b--".to_owned(), 400, "a line that is no header"),
        ("the second is bad", "b", x() + &part("x", "1") + end, 400, "part 2"),
        (
            "a long field",
            "b",
            part("name=title", &"t".repeat(17)) + end,
            413,
            "`title` is larger than the 16 bytes",
        ),
        ("128 parts", "b", x().repeat(128) + end, 200, "x,x"),
        ("129 parts", "b", x().repeat(129) + end, 413, "more than 128 parts"),
        (
            "long headers",
            "b",
            part(&format!("name={}", "x".repeat(9000)), "") + end,
            413,
            "8192 bytes of headers",
        ),
        (
            "a long body",
            "b",
            part("name=x", &"x".repeat(1 << 20)) + end,
            413,
            "larger than the 1048576 bytes",
        ),
        ("an empty form", "b", end.to_owned(), 200, ""),
    ];
    quietly(async {
        for (name, boundary, body, status, said) in rows {
            let answer = post(&client, "/names", boundary, body).await;
            assert_eq!(answer.status, status, "{name}: {}", answer.text());
            assert!(answer.text().contains(said), "{name}: {}", answer.text());
        }
    })
    .await;
}

#[tokio::test]
async fn text_that_is_not_utf_8_names_its_field() {
    let mut body = part("name=title", "?").into_bytes();
    let at = body.iter().position(|byte| *byte == b'?').unwrap();
    body[at] = 0xff;
    body.extend(b"--b--");
    let client = client(Server::new().add(Uploads));
    let answer = quietly(post(&client, "/names", "b", body)).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("\"pointer\":\"#/title\""), "{}", answer.text());
}

#[tokio::test]
async fn a_file_is_saved_whole_or_not_at_all() {
    let folder = std::env::temp_dir().join(format!("ketch-upload-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (path, file) = (format!("/save?folder={}", folder.display()), folder.join("upload"));
    let client = client(Server::new().add(Uploads));
    let data = "boat ".repeat(1000);
    let whole = part("name=f; filename=\"../../x\"", &data);
    let answer = post(&client, &path, "b", whole.clone()).await;
    assert_eq!(answer.status, 400, "its end is missing");
    assert!(!file.exists(), "what is not whole is removed");
    let answer = post(&client, &path, "b", whole.clone() + "--b--").await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "5000"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), data);
    let answer = post(&client, &path, "b", whole + "--b--").await;
    assert_eq!(answer.status, 500, "nothing is overwritten");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), data);
    std::fs::remove_dir_all(folder).unwrap();
}

fn storms() -> [Storm; 9] {
    let x = || part("name=x", "1");
    let begun = || "--b\r\nContent-Disposition: form-data; name=x\r\n\r\n".to_owned();
    let nested =
        "--b\r\nContent-Disposition: form-data; name=x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
    let (none, text) = (String::new, |text: &str| text.to_owned());
    [
        ("endless parts", none(), x()),
        ("endless headers", text("--b\r\n"), text("A: b\r\n")),
        ("one endless header", text("--b\r\nA: "), text("b")),
        ("an endless field", begun(), text("x")),
        ("an endless preamble", none(), text("x\r\n--")),
        ("line ends only", none(), text("\r")),
        ("almost delimiters", begun(), text("\r\n--bb")),
        ("nested", none(), nested.to_owned()),
        ("endless padding", text("--b"), text(" ")),
    ]
    .map(|(name, begin, unit)| Storm {
        name,
        content_type: "multipart/form-data; boundary=b",
        begin,
        unit,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn n8_storms_are_refused_within_their_memory() {
    let server = TestServer::start(Server::new().add(Uploads)).await;
    let (addr, watched) = (server.addr(), Target::start().await);
    let storms = storms();
    let connections = storms.len() as u64;
    under_watch("multipart storms", &watched, connections, async || {
        let sends = storms.map(|storm| (storm.name, tokio::spawn(storm.send(addr, "/count"))));
        for (name, status) in sends {
            let status = status.await.unwrap();
            assert!(status == 413 || status == 0, "{name}: {status}");
        }
    })
    .await;
    server.stop().await;
}

/// What a storm is answered, without the races of a socket.
#[tokio::test]
async fn n8_a_storm_is_told_what_is_too_much() {
    let client = client(Server::new().add(Uploads));
    quietly(async {
        for Storm { name, begin, unit, .. } in storms() {
            let body = begin + &unit.repeat((2 << 20) / unit.len());
            let stream = futures_util::stream::iter(
                body.as_bytes()
                    .chunks(1000)
                    .map(|piece| Ok::<_, Error>(Bytes::copy_from_slice(piece)))
                    .collect::<Vec<_>>(),
            );
            let answer = post(&client, "/count", "b", Body::from_stream(stream)).await;
            assert_eq!(answer.status, 413, "{name}: {}", answer.text());
        }
    })
    .await;
}
