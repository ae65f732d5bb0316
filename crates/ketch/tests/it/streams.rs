//! Streams on real connections: events, what becomes of a stream that fails, and of a client that does not read.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use ketch::http::{self, Method};
use ketch::prelude::*;
use ketch::test::{TestServer, client};
use ketch::{EndsAtStop, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::raw::{PATIENCE, ask_honestly};

struct Streams {
    /// Told when the endless stream is put away.
    dropped: mpsc::UnboundedSender<()>,
    made: Arc<AtomicUsize>,
}

/// Tells when it goes.
struct Told(mpsc::UnboundedSender<()>);

impl Drop for Told {
    fn drop(&mut self) {
        let _nobody_waits = self.0.send(());
    }
}

const PIECE: usize = 64 << 10;

#[service(root = "-")]
impl Streams {
    #[get]
    async fn hello(&self) -> &'static str {
        "hello"
    }

    /// One event, and then nothing.
    #[get]
    async fn events(&self) -> Sse {
        let first = Event::text("one\ntwo").named("news").id("7");
        let told = Told(self.dropped.clone());
        let events = stream::iter([Ok::<_, Error>(first)]).chain(stream::pending()).map(move |event| {
            let _until_the_end = &told;
            event
        });
        Sse::new(events).keep_alive(Duration::from_millis(100))
    }

    #[get]
    async fn fails(&self) -> ByteStream {
        let pieces = [Ok(Bytes::from_static(b"first")), Err(io::Error::other("the disk is gone"))];
        ByteStream::new(stream::iter(pieces))
    }

    #[get]
    async fn panics(&self) -> ByteStream {
        let pieces = stream::iter([true, false]).map(|good| {
            assert!(good, "the stream fell over");
            Ok::<_, io::Error>(Bytes::from_static(b"first"))
        });
        ByteStream::new(pieces)
    }

    #[get]
    async fn endless(&self) -> ByteStream {
        let (made, told) = (Arc::clone(&self.made), Told(self.dropped.clone()));
        let pieces = stream::repeat(Bytes::from_static(&[0; PIECE])).map(move |piece| {
            let _until_the_end = &told;
            made.fetch_add(1, Ordering::Relaxed);
            Ok::<_, io::Error>(piece)
        });
        ByteStream::new(pieces)
    }
}

fn streams() -> (Server, mpsc::UnboundedReceiver<()>, Arc<AtomicUsize>) {
    let (dropped, gone) = mpsc::unbounded_channel();
    let made = Arc::new(AtomicUsize::new(0));
    (Server::new().add(Streams { dropped, made: Arc::clone(&made) }), gone, made)
}

async fn ask(server: &TestServer, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads until `enough` says so, or to the end.
async fn read(stream: &mut TcpStream, enough: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    let mut piece = [0; 4096];
    while !enough(&text) {
        let count = timeout(PATIENCE, stream.read(&mut piece)).await.expect("something comes").unwrap_or(0);
        if count == 0 {
            break;
        }
        text.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
    text
}

/// They are slower than a reader may be: that nothing comes is not the client's fault.
#[tokio::test]
async fn events_arrive_and_so_do_signs_of_life() {
    let (server, mut gone, _) = streams();
    let limits = Limits { patience: Duration::from_millis(200), ..Limits::default() };
    let server = TestServer::start(server.limits(limits)).await;
    let mut stream = ask(&server, "/events").await;
    let text = read(&mut stream, |text| text.matches("\n:\n\n").count() >= 12).await;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    for field in ["content-type: text/event-stream", "cache-control: no-store", "x-accel-buffering: no"] {
        assert!(head.lines().any(|line| line == field), "{field}: {head}");
    }
    assert!(body.contains("event: news\nid: 7\ndata: one\ndata: two\n\n"), "{body}");
    assert!(gone.try_recv().is_err(), "the stream goes on");
    drop(stream);
    timeout(PATIENCE, gone.recv()).await.expect("a client that leaves ends the stream");
    server.stop().await;
}

#[tokio::test]
async fn events_end_when_the_server_stops() {
    let (server, _gone, _) = streams();
    let built = server.build().unwrap();
    let asked = |path: &str| http::Request::get(path).header("host", "test").body(Body::empty()).unwrap();
    let events = built.app().handle(asked("/events"), None).await;
    assert!(events.extensions().get::<EndsAtStop>().is_some());
    let bytes = built.app().handle(asked("/endless"), None).await;
    assert!(bytes.extensions().get::<EndsAtStop>().is_none(), "a download is waited for");
}

#[tokio::test]
async fn a_stream_that_fails_ends_its_connection_and_no_more() {
    let (server, _gone, _) = streams();
    let server = TestServer::start(server).await;
    for path in ["/fails", "/panics"] {
        let text = read(&mut ask(&server, path).await, |_| false).await;
        assert!(text.starts_with("HTTP/1.1 200"), "{path}: {text}");
        assert!(text.contains("first"), "{path}: {text}");
        assert!(!text.contains("\r\n0\r\n"), "{path} looks whole: {text}");
        assert!(!text.contains("fell over") && !text.contains("disk"), "{path}: {text}");
        ask_honestly(server.addr()).await.unwrap();
    }
    server.stop().await;
}

/// R4 for streams: nothing is made ahead for a client that does not read, and in the end it is let go.
#[tokio::test]
async fn a_client_that_does_not_read_is_bounded_and_let_go() {
    let (server, mut gone, made) = streams();
    let second = Duration::from_secs(1);
    let server = TestServer::start(server.limits(Limits { patience: second, ..Limits::default() })).await;
    let deaf = ask(&server, "/endless").await;
    timeout(PATIENCE, gone.recv()).await.expect("a deaf client is let go");
    let bytes = made.load(Ordering::Relaxed) * PIECE;
    assert!(bytes < 64 << 20, "{bytes} bytes were made for nobody");
    drop(deaf);
    server.stop().await;
}

#[tokio::test]
async fn the_head_of_a_stream_starts_none() {
    let (server, mut gone, made) = streams();
    let client = client(server);
    for path in ["/endless", "/events"] {
        let answer = client.send(Method::HEAD, path, &[], Body::empty()).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
        gone.recv().await.unwrap();
    }
    assert_eq!(made.load(Ordering::Relaxed), 0);
}
