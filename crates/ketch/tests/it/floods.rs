//! Requests that are too big (N7, and the part of N8 that needs no decoder): heads, targets, cookies, bodies, JSON.
//!
//! Each flood comes from many connections at once. It must be answered with its 4xx and end its connection; what must
//! hold meanwhile is in `watch`.
//!
//! Not here: ambiguous messages (`framing`), slow ones, HTTP/2 (`http2`), compressed and multipart bodies.
//! Sources: RFC 6585 section 5 (431), RFC 9110 sections 15.5.14 (413) and 15.5.15 (414), RFC 9112 section 3.

use std::net::SocketAddr;
use std::sync::Arc;

use ketch::test::soak_factor;

use super::probe::Target;
use super::raw::{Connection, HONEST, Pace};
use super::watch::under_watch;

/// Connections of one flood at a time; as many waves as the soak factor.
const CONNECTIONS: u64 = 20;
/// An endless sender gives up after this many bytes: by then the server has failed to stop it.
const ENDLESS: usize = 64 << 20;

/// Connections that each send one endless request.
const ENDLESS_CONNECTIONS: u64 = 4;

/// A request that is too big: its name, its bytes, and the statuses that may answer it.
type Flood = (&'static str, Vec<u8>, &'static [u16]);

fn get(target: &str, fields: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: probe\r\n{fields}\r\n").into_bytes()
}

fn post(fields: &str, body: &str) -> Vec<u8> {
    let start = "POST /echo HTTP/1.1\r\nHost: probe\r\nContent-Type: application/json\r\n";
    format!("{start}{fields}\r\n{body}").into_bytes()
}

/// A body with its length.
fn sized(body: &str) -> Vec<u8> {
    post(&format!("Content-Length: {}\r\n", body.len()), body)
}

fn heads() -> Vec<Flood> {
    let mebibyte = "a".repeat(1 << 20);
    let numbered: String = (0..10_000).map(|number| format!("x-{number}: a\r\n")).collect();
    let long_lines = format!("x: {}\r\n", "a".repeat(200)).repeat(5_000);
    vec![
        ("10,000 headers", get("/hello", &numbered), &[431]),
        ("10,000 headers of one name", get("/hello", &"x: a\r\n".repeat(10_000)), &[431]),
        ("10,000 cookies", get("/hello", &"Cookie: a=b\r\n".repeat(10_000)), &[431]),
        ("5,000 headers of 200 bytes", get("/hello", &long_lines), &[431]),
        ("1 MiB of the smallest headers", get("/hello", &"a:\r\n".repeat(1 << 18)), &[431]),
        ("header of 1 MiB", get("/hello", &format!("x: {mebibyte}\r\n")), &[431]),
        ("header name of 1 MiB", get("/hello", &format!("{mebibyte}: x\r\n")), &[431]),
        ("cookie of 1 MiB", get("/hello", &format!("Cookie: a={mebibyte}\r\n")), &[431]),
        (
            "Host of 1 MiB",
            format!("GET /hello HTTP/1.1\r\nHost: {mebibyte}\r\n\r\n").into_bytes(),
            &[400, 431],
        ),
        ("1 MiB of blanks in a header", get("/hello", &format!("x:{}a\r\n", " ".repeat(1 << 20))), &[431]),
        (
            "1 MiB of empty lines before",
            [&b"\r\n".repeat(1 << 19)[..], &get("/hello", "")].concat(),
            &[200, 400, 431],
        ),
        ("path of 64 KiB", get(&format!("/{}", &mebibyte[..65_535]), ""), &[414]),
        ("query of 64 KiB", get(&format!("/hello?{}", &mebibyte[..65_529]), ""), &[414]),
        ("path of 32 KiB", get(&format!("/{}", &mebibyte[..32_767]), ""), &[414]),
        ("path of 32,768 segments", get(&"/a".repeat(32_768), ""), &[414]),
        ("path of 1 MiB", get(&format!("/{mebibyte}"), ""), &[414, 431]),
        (
            "method of 1 MiB",
            format!("{mebibyte} /hello HTTP/1.1\r\nHost: probe\r\n\r\n").into_bytes(),
            &[400, 405, 414, 431, 501],
        ),
        (
            "version of 1 MiB",
            format!("GET /hello HTTP/{mebibyte}\r\nHost: probe\r\n\r\n").into_bytes(),
            &[400, 431, 505],
        ),
    ]
}

fn bodies() -> Vec<Flood> {
    let chunked = |rest: &str| post("Transfer-Encoding: chunked\r\n", rest);
    let mebibytes = "1".repeat(10 << 20);
    vec![
        ("body of 10 GiB by its length", post("Content-Length: 10737418240\r\n", "[1"), &[413]),
        ("body of 10 GiB that starts at once", post("Content-Length: 10737418240\r\n", &mebibytes), &[413]),
        ("number of 10 MiB", sized(&mebibytes), &[400, 413]),
        ("string of 10 MiB", sized(&format!("\"{mebibytes}\"")), &[413]),
        ("chunk of 10 MiB", chunked(&format!("a00000\r\n{mebibytes}\r\n0\r\n\r\n")), &[400, 413]),
        (
            "chunk extension of 1 MiB",
            chunked(&format!("1;{}\r\n1\r\n0\r\n\r\n", &mebibytes[..1 << 20])),
            &[400, 413, 431],
        ),
        ("10,000 chunks with extensions", chunked(&"1;abcdefgh\r\n1\r\n".repeat(10_000)), &[400, 413, 431]),
        (
            "trailer of 1 MiB",
            chunked(&format!("1\r\n1\r\n0\r\nx: {}\r\n\r\n", &mebibytes[..1 << 20])),
            &[400, 413, 431],
        ),
        (
            "10,000 trailers",
            chunked(&format!("1\r\n1\r\n0\r\n{}\r\n", "x: y\r\n".repeat(10_000))),
            &[400, 413, 431],
        ),
    ]
}

/// Fits the body limit, so that it is the parser that is asked; the connection may stay.
fn nestings() -> Vec<Flood> {
    let deep = 100_000;
    let refused: &[u16] = &[400, 413, 422];
    vec![
        ("JSON of 100,000 arrays", sized(&format!("{}{}", "[".repeat(deep), "]".repeat(deep))), refused),
        ("JSON of 100,000 open arrays", sized(&"[".repeat(deep)), refused),
        (
            "JSON of 100,000 objects",
            sized(&format!("{}1{}", "{\"a\":".repeat(deep), "}".repeat(deep))),
            refused,
        ),
        (
            "JSON of 50,000 of both",
            sized(&format!("{}1{}", "[{\"a\":".repeat(deep / 2), "}]".repeat(deep / 2))),
            refused,
        ),
        ("JSON exponent of 100,000 digits", sized(&format!("1e{}", "9".repeat(deep))), refused),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_are_too_big_are_refused_and_end_their_connection() {
    flood_all(heads(), Ending::Closed).await;
    println!("N7: {} floods of {} connections", heads().len(), CONNECTIONS * soak_factor());
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_too_big_are_refused_and_end_their_connection() {
    flood_all(bodies(), Ending::Closed).await;
    println!("N8: {} floods of {} connections", bodies().len(), CONNECTIONS * soak_factor());
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_is_too_deep_is_refused_without_overflowing_the_stack() {
    flood_all(nestings(), Ending::Either).await;
    println!("N8: {} nestings of {} connections", nestings().len(), CONNECTIONS * soak_factor());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_never_ends_is_refused() {
    endless(get("/hello", "").split_last_chunk::<2>().expect("an empty line").0, b"x: abcdefgh\r\n", &[431])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_that_never_ends_is_refused() {
    let start = post("Transfer-Encoding: chunked\r\n", "1\r\n\"\r\n");
    endless(&start, &format!("1000\r\n{}\r\n", "a".repeat(4096)).into_bytes(), &[413]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_in_chunks_of_one_byte_that_never_ends_is_refused() {
    // Kept one by one, the pieces would take many times the room of the body; and so slow a body may be too late.
    endless(&post("Transfer-Encoding: chunked\r\n", "1\r\n\"\r\n"), b"1\r\na\r\n", &[408, 413]).await;
}

/// Whether the connection must end after the reply.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    Closed,
    Either,
}

async fn flood_all(floods: Vec<Flood>, ending: Ending) {
    let target = Target::start().await;
    let mut failures = Vec::new();
    for (name, bytes, statuses) in floods {
        let bytes: Arc<[u8]> = bytes.into();
        under_watch(name, &target, CONNECTIONS, async || {
            // In waves, because the kernel's queue for new connections may be short.
            for _ in 0..soak_factor() {
                let connections = 0..CONNECTIONS;
                let floods: Vec<_> = connections
                    .map(|_| tokio::spawn(flood(target.addr(), bytes.clone(), statuses, ending)))
                    .collect();
                for flood in floods {
                    if let Err(reason) = flood.await.expect("a flood does not panic") {
                        failures.push(format!("{name}: {reason}"));
                    }
                }
            }
        })
        .await;
    }
    failures.dedup();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

async fn flood(addr: SocketAddr, bytes: Arc<[u8]>, statuses: &[u16], ending: Ending) -> Result<(), String> {
    let mut connection = Connection::open(addr).await;
    connection.send(&bytes, Pace::Whole).await;
    let reply = connection.reply(false).await.ok_or("it was cut off without a reply")?;
    if !statuses.contains(&reply.status) {
        return Err(format!("status {} is not in {statuses:?}", reply.status));
    }
    if ending == Ending::Closed && reply.status != 200 {
        // If the connection were kept, this would be answered.
        connection.send(HONEST, Pace::Whole).await;
        let more = connection.replies_to_the_end().await;
        if !more.is_empty() {
            return Err(format!("after {} the connection went on, with {} more", reply.status, more.len()));
        }
    }
    Ok(())
}

/// From a few connections, sends a start, then the same piece again and again until the server ends it.
async fn endless(start: &[u8], piece: &[u8], statuses: &'static [u16]) {
    let target = Target::start().await;
    let start: Arc<[u8]> = start.into();
    let pieces: Arc<[u8]> = piece.repeat((64 << 10) / piece.len() + 1).into();
    under_watch("an endless request", &target, ENDLESS_CONNECTIONS, async || {
        let senders: Vec<_> = (0..ENDLESS_CONNECTIONS)
            .map(|_| tokio::spawn(send_endlessly(target.addr(), start.clone(), pieces.clone())))
            .collect();
        for sender in senders {
            let status = sender.await.expect("a sender does not panic");
            assert!(statuses.contains(&status), "status {status} is not in {statuses:?}");
        }
    })
    .await;
}

async fn send_endlessly(addr: SocketAddr, start: Arc<[u8]>, pieces: Arc<[u8]>) -> u16 {
    let mut connection = Connection::open(addr).await;
    let mut sent = start.len();
    let mut taken = connection.send(&start, Pace::Whole).await;
    while taken {
        taken = connection.send(&pieces, Pace::Whole).await;
        sent += pieces.len();
        assert!(sent < ENDLESS, "the server took {sent} bytes of one request");
    }
    let reply = connection.reply(false).await.expect("it is answered before it is cut off");
    assert!(connection.replies_to_the_end().await.is_empty(), "the connection went on");
    reply.status
}
