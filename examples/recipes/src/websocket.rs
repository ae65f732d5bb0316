//! A WebSocket that sends back what it gets, through axum's own extractor.
//!
//! Open one with `new WebSocket("ws://localhost:8080/socket/echo")`. It counts as a connection while it is open, and is
//! closed when the server stops.

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use ketch::prelude::*;

/// The longest message, in bytes. axum's own bound is 64 MiB.
const LONGEST: usize = 64 << 10;

struct SocketService;

/// Talking back.
#[service]
impl SocketService {
    /// Sends back every message.
    #[get]
    async fn echo(&self, upgrade: Extract<WebSocketUpgrade>) -> Response {
        upgrade.0.max_message_size(LONGEST).on_upgrade(echo)
    }
}

/// Until either side closes. Pings are answered by axum.
async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let is_data = matches!(message, Message::Text(_) | Message::Binary(_));
        if is_data && socket.send(message).await.is_err() {
            return;
        }
    }
}

/// The server.
pub fn server() -> Server {
    Server::new().title("WebSocket").add(SocketService)
}
