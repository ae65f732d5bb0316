//! What needs a real connection: WebSockets, and events until the server stops.

use futures_util::{SinkExt, StreamExt};
use ketch::test::TestServer;
use ketch::{Server, Stopped};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

async fn started(server: fn() -> Server) -> TestServer {
    TestServer::start(server()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_sends_back_what_it_gets() {
    let server = started(recipes::websocket::server).await;
    let url = format!("ws://{}/socket/echo", server.addr());
    let (mut socket, _) = connect_async(&url).await.unwrap();
    for message in [Message::text("ahoy"), Message::binary(vec![0, 255])] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message);
    }
    socket.send(Message::text("x".repeat((64 << 10) + 1))).await.unwrap();
    assert!(!matches!(socket.next().await, Some(Ok(Message::Text(_)))), "too long");
    let (mut socket, _) = connect_async(&url).await.unwrap();
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
    assert_eq!(server.stop().await, Stopped::Drained);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_ticks_until_the_server_stops() {
    let server = started(recipes::events::server).await;
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    let request = b"GET /clock/ticks HTTP/1.1\r\nHost: test\r\nLast-Event-ID: 41\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut ids = Vec::new();
    while ids.len() < 2 {
        let line = lines.next_line().await.unwrap().expect("it goes on");
        ids.extend(line.strip_prefix("id: ").map(str::to_owned));
    }
    assert_eq!(ids, ["42", "43"], "it goes on where the client left off");
    assert_eq!(server.stop().await, Stopped::Drained);
    let mut rest = String::new();
    lines.into_inner().read_to_string(&mut rest).await.unwrap();
    assert!(rest.ends_with("0\r\n\r\n"), "the reply has a good end: {rest:?}");
}
