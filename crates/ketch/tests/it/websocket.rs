//! WebSockets (RFC 6455) through axum's extractor: they work, they are bounded, and they do not hold up a stop.

use std::time::{Duration, Instant};

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use futures_util::{SinkExt, StreamExt};
use ketch::http;
use ketch::prelude::*;
use ketch::test::TestServer;
use ketch::{Limits, Stopped};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as Sent;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

struct Sockets;

#[service(root = "-")]
impl Sockets {
    #[get]
    async fn echo(&self, socket: Extract<WebSocketUpgrade>) -> Response {
        socket.0.on_upgrade(echo)
    }

    /// Never reads, so it cannot see that its peer is gone.
    #[get]
    async fn push(&self, socket: Extract<WebSocketUpgrade>) -> Response {
        socket.0.on_upgrade(async |mut socket| {
            while socket.send(Message::text("tick")).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
    }
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if matches!(message, Message::Text(_) | Message::Binary(_)) && socket.send(message).await.is_err() {
            return;
        }
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(server: &TestServer, path: &str) -> Socket {
    let (socket, reply) = connect_async(format!("ws://{}{path}", server.addr())).await.unwrap();
    assert_eq!(reply.status(), http::StatusCode::SWITCHING_PROTOCOLS);
    socket
}

async fn echoes(socket: &mut Socket, text: &str) {
    socket.send(Sent::text(text)).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Sent::text(text));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_comes_back() {
    let server = TestServer::start(Server::new().add(Sockets)).await;
    let mut socket = connect(&server, "/echo").await;
    echoes(&mut socket, "ahoy").await;
    // What looks like an ambiguous HTTP head is data now.
    echoes(&mut socket, "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    echoes(&mut socket, &"x".repeat(1 << 20)).await;
    socket.close(None).await.unwrap();
    assert_eq!(server.stop().await, Stopped::Drained);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_request_is_told_what_is_missing() {
    let server = TestServer::start(Server::new().add(Sockets)).await;
    let mut connection = super::raw::Connection::open(server.addr()).await;
    connection.send(b"GET /echo HTTP/1.1\r\nHost: test\r\n\r\n", super::raw::Pace::Whole).await;
    let reply = connection.reply(false).await.unwrap();
    assert_eq!(reply.status, 400);
    assert!(reply.is_problem(), "{reply:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_them_well_before_the_time_to_drain() {
    let limits = Limits { drain: Duration::from_secs(100), ..Limits::default() };
    let server = TestServer::start(Server::new().limits(limits).add(Sockets)).await;
    let mut socket = connect(&server, "/echo").await;
    echoes(&mut socket, "ahoy").await;
    let told = Instant::now();
    assert_eq!(server.stop().await, Stopped::Drained);
    assert!(told.elapsed() < Duration::from_secs(50), "took {:?}", told.elapsed());
    let last = socket.next().await;
    assert!(matches!(last, None | Some(Ok(Sent::Close(_)) | Err(_))), "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_listen_is_cut_when_the_time_is_over() {
    let limits = Limits { drain: Duration::from_millis(300), ..Limits::default() };
    let server = TestServer::start(Server::new().limits(limits).add(Sockets)).await;
    let mut socket = connect(&server, "/push").await;
    socket.next().await.unwrap().unwrap();
    assert_eq!(server.stop().await, Stopped::Cut { connections: 1 });
    while let Some(Ok(_)) = socket.next().await {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_silent_for_too_long_is_let_go() {
    let limits = Limits { switched_idle: Duration::from_millis(200), ..Limits::default() };
    let server = TestServer::start(Server::new().limits(limits).add(Sockets)).await;
    let mut socket = connect(&server, "/echo").await;
    echoes(&mut socket, "ahoy").await;
    let last = tokio::time::timeout(Duration::from_secs(100), socket.next()).await.expect("it ends");
    assert!(matches!(last, None | Some(Err(_))), "{last:?}");
    assert_eq!(server.stop().await, Stopped::Drained);
}

/// They count as connections while they are open, and no longer.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_of_them_leave_no_place_taken() {
    let _alone = super::watch::alone().await;
    let limits = Limits { connections_per_address: 100, ..Limits::default() };
    let server = TestServer::start(Server::new().limits(limits).add(Sockets)).await;
    for _ in 0..2 {
        let mut sockets = Vec::new();
        for _ in 0..100 {
            sockets.push(connect(&server, "/echo").await);
        }
        assert!(connect_async(format!("ws://{}/echo", server.addr())).await.is_err(), "one more is refused");
        for mut socket in sockets {
            echoes(&mut socket, "ahoy").await;
            socket.close(None).await.unwrap();
            while let Some(Ok(_)) = socket.next().await {}
        }
        // The places are given back when the tasks have ended, which is a moment later.
        let end = Instant::now() + Duration::from_secs(100);
        let mut free = 0;
        while free < 100 {
            assert!(Instant::now() < end, "places stay taken");
            let mut probes = Vec::new();
            for _ in 0..100 {
                match connect_async(format!("ws://{}/echo", server.addr())).await {
                    Ok((socket, _)) => probes.push(socket),
                    Err(_) => break,
                }
            }
            free = probes.len();
            for mut probe in probes {
                let _either = probe.close(None).await;
                while let Some(Ok(_)) = probe.next().await {}
            }
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(server.stop().await, Stopped::Drained);
}
