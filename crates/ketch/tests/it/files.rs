//! Files as replies: types, ranges and conditions, by HTTP and in the bytes of a real connection.

use std::fs;
use std::time::{Duration, SystemTime};

use axum::body::Body;
use futures_util::StreamExt;
use ketch::http::Method;
use ketch::prelude::*;
use ketch::test::{Answer, Client, TestServer, client};

use crate::raw::{Connection, Pace};
use crate::scratch::Scratch;

struct Files {
    folder: Folder,
    report: std::path::PathBuf,
}

#[service(root = "-")]
impl Files {
    #[get("files/{*path}")]
    async fn file(&self, path: String) -> Result<File> {
        self.folder.file(path).await
    }

    #[get]
    async fn report(&self) -> Result<File> {
        Ok(File::open(&self.report).await?.download("B\u{e9}richt \"7\".txt").content_type("text/x-report"))
    }

    #[post]
    async fn made(&self) -> Result<File> {
        self.folder.file("digits.txt").await
    }
}

const DIGITS: &str = "0123456789";

/// A folder whose files were changed an hour ago.
fn served(name: &str) -> (Scratch, Server) {
    let scratch = Scratch::new(name);
    for (file, content) in [
        ("digits.txt", DIGITS),
        ("empty.txt", ""),
        ("page.html", "<p>"),
        ("sub/data.json", "{}"),
        ("raw", "x"),
    ] {
        let path = scratch.write(&format!("files/{file}"), content);
        age(&path, 3600);
    }
    fs::write(scratch.path("files/large.bin"), vec![7; 300_000]).unwrap();
    let files =
        Files { folder: Folder::new(scratch.path("files")), report: scratch.path("files/digits.txt") };
    (scratch, Server::new().add(files))
}

fn age(path: &std::path::Path, seconds: u64) {
    let time = now() - Duration::from_secs(seconds);
    fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "files have the machine's time")]
fn now() -> SystemTime {
    SystemTime::now()
}

async fn ask(client: &Client, request: &str, headers: &[(&str, &str)]) -> Answer {
    let (method, path) = request.split_once(' ').unwrap();
    client.send(method.parse().unwrap(), path, headers, Body::empty()).await
}

#[tokio::test]
async fn a_whole_file_says_what_it_is() {
    let (_scratch, server) = served("files-whole");
    let client = client(server);
    for (name, content_type) in [
        ("digits.txt", "text/plain; charset=utf-8"),
        ("page.html", "text/html; charset=utf-8"),
        ("sub/data.json", "application/json"),
        ("raw", "application/octet-stream"),
    ] {
        let answer = client.get(&format!("/files/{name}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (200, Some(content_type)),
            "{name}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("accept-ranges"), Some("bytes"));
        assert!(answer.header("etag").unwrap().starts_with('"'), "an hour old, so its tag is strong");
        assert!(answer.header("last-modified").is_some());
        assert_eq!(answer.header("content-disposition"), None);
    }
    assert_eq!(client.get("/files/large.bin").await.body.len(), 300_000);
    let report = client.get("/report").await;
    assert_eq!(report.header("content-type"), Some("text/x-report"));
    assert_eq!(
        report.header("content-disposition"),
        Some("attachment; filename=\"B_richt _7_.txt\"; filename*=UTF-8''B%C3%A9richt%20%227%22.txt")
    );
}

#[tokio::test]
async fn what_is_not_there_says_nothing_of_where() {
    let (scratch, server) = served("files-missing");
    let client = client(server);
    for name in ["nothing.txt", "sub", "digits.txt/x", "sub/nothing.txt"] {
        let answer = client.get(&format!("/files/{name}")).await;
        assert_eq!(answer.status, 404, "{name}");
        assert!(answer.text().contains("not_found"), "{}", answer.text());
        assert!(!answer.text().contains(scratch.as_ref().to_str().unwrap()), "{}", answer.text());
        assert!(!answer.text().contains("os error"), "{}", answer.text());
    }
    fs::remove_file(scratch.path("files/digits.txt")).unwrap();
    assert_eq!(client.get("/report").await.status, 404);
}

#[tokio::test]
async fn ranges_by_rfc_9110() {
    let (_scratch, server) = served("files-ranges");
    let client = client(server);
    let huge = format!("bytes={}", vec!["0-0"; 7_000].join(","));
    let cases = [
        ("bytes=0-3", 206, "0123", Some("bytes 0-3/10")),
        ("bytes=4-", 206, "456789", Some("bytes 4-9/10")),
        ("bytes=-2", 206, "89", Some("bytes 8-9/10")),
        ("bytes=-100", 206, DIGITS, Some("bytes 0-9/10")),
        ("bytes=8-100", 206, "89", Some("bytes 8-9/10")),
        ("bytes=10-", 416, "range_not_satisfiable", Some("bytes */10")),
        ("bytes=-0", 416, "range_not_satisfiable", Some("bytes */10")),
        ("bytes=0-1,4-5", 200, DIGITS, None),
        ("bytes=9-0", 200, DIGITS, None),
        ("pages=1-2", 200, DIGITS, None),
        ("nonsense", 200, DIGITS, None),
        (huge.as_str(), 200, DIGITS, None),
    ];
    for (range, status, body, content_range) in cases {
        let answer = ask(&client, "GET /files/digits.txt", &[("range", range)]).await;
        assert_eq!(answer.status, status, "{range:.40}");
        assert_eq!(answer.header("content-range"), content_range, "{range:.40}");
        let fits = if status == 416 { answer.text().contains(body) } else { answer.text() == body };
        assert!(fits, "{range:.40}: {}", answer.text());
    }
    let far = ask(&client, "GET /files/large.bin", &[("range", "bytes=100000-299998")]).await;
    assert_eq!((far.status.as_u16(), far.body.len()), (206, 199_999));
    let empty = ask(&client, "GET /files/empty.txt", &[("range", "bytes=0-")]).await;
    assert_eq!((empty.status.as_u16(), empty.header("content-range")), (416, Some("bytes */0")));
    let posted = ask(&client, "POST /made", &[("range", "bytes=0-3")]).await;
    assert_eq!((posted.status.as_u16(), posted.text().as_str()), (200, DIGITS));
}

#[tokio::test]
async fn who_has_it_already_is_told_so() {
    let (scratch, server) = served("files-conditions");
    let client = client(server);
    let request = "GET /files/digits.txt";
    let first = ask(&client, request, &[]).await;
    let (tag, date) = (first.header("etag").unwrap(), first.header("last-modified").unwrap());
    for fields in [("if-none-match", tag), ("if-modified-since", date)] {
        for method in ["GET", "HEAD"] {
            let answer = ask(&client, &format!("{method} /files/digits.txt"), &[fields]).await;
            assert_eq!((answer.status.as_u16(), answer.body.len()), (304, 0), "{fields:?}");
            assert_eq!(answer.header("etag"), Some(tag));
            assert_eq!(answer.header("content-type"), None);
        }
        assert_eq!(ask(&client, "POST /made", &[fields]).await.status, 200, "a POST has no conditions");
    }
    let part = [("if-range", tag), ("range", "bytes=0-0")];
    assert_eq!(ask(&client, request, &part).await.status, 206);
    assert_eq!(ask(&client, request, &[("if-match", "\"other\"")]).await.status, 412);

    age(&scratch.write("files/digits.txt", "9876543210"), 60);
    for fields in [("if-none-match", tag), ("if-modified-since", date)] {
        assert_eq!(ask(&client, request, &[fields]).await.text(), "9876543210", "{fields:?}");
    }
    assert_eq!(ask(&client, request, &part).await.text(), "9876543210", "a part of the old would not fit");
}

/// What a change within the same tick of the clock may hide is not promised.
#[tokio::test]
async fn a_file_just_written_has_a_weak_tag() {
    let (scratch, server) = served("files-weak");
    let client = client(server);
    scratch.write("files/new.txt", "new");
    age(&scratch.path("files/new.txt"), 0);
    let answer = client.get("/files/new.txt").await;
    assert!(answer.header("etag").unwrap().starts_with("W/\""), "{:?}", answer.headers);
    assert_eq!(answer.header("last-modified"), None);
}

/// In the bytes of a connection: lengths, HEAD, and that the connection goes on after each.
#[tokio::test]
async fn lengths_are_right_on_the_wire() {
    let (_scratch, server) = served("files-wire");
    let server = TestServer::start(server).await;
    let mut connection = Connection::open(server.addr()).await;
    let cases = [
        ("GET", "digits.txt", "", 200, "10", 10),
        ("HEAD", "digits.txt", "", 200, "10", 0),
        ("HEAD", "digits.txt", "Range: bytes=0-3\r\n", 200, "10", 0),
        ("GET", "digits.txt", "Range: bytes=0-3\r\n", 206, "4", 4),
        ("GET", "empty.txt", "", 200, "0", 0),
        ("HEAD", "large.bin", "", 200, "300000", 0),
        ("GET", "large.bin", "Range: bytes=65535-65536\r\n", 206, "2", 2),
        ("GET", "large.bin", "", 200, "300000", 300_000),
    ];
    for (method, name, field, status, length, bytes) in cases {
        let request = format!("{method} /files/{name} HTTP/1.1\r\nHost: test\r\n{field}\r\n");
        connection.send(request.as_bytes(), Pace::Whole).await;
        let reply = connection.reply(method == Method::HEAD).await.expect("the connection goes on");
        let got = (reply.status, reply.field("content-length"), reply.body.len());
        assert_eq!(got, (status, Some(length), bytes), "{request}");
    }
    server.stop().await;
}

/// A file that becomes shorter while it is sent breaks the reply off: the client can see that it has not all of it.
#[tokio::test]
async fn a_file_that_shrinks_breaks_off() {
    let scratch = Scratch::new("files-shrink");
    let path = scratch.write("large.bin", vec![7; 300_000]);
    let file = File::open(path.clone()).await.unwrap();
    let mut pieces = ketch::Reply::reply(file).unwrap().into_body().into_data_stream();
    fs::File::options().write(true).open(&path).unwrap().set_len(100_000).unwrap();
    let mut got = 0;
    let error = loop {
        match pieces.next().await.expect("there is no good end") {
            Ok(piece) => got += piece.len(),
            Err(error) => break error,
        }
    };
    assert_eq!(got, 100_000);
    assert!(error.to_string().contains("shorter"), "{error}");
}
