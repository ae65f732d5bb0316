//! Bodies without an end, over a socket: they are sent until the server stops them.

use std::net::SocketAddr;

use super::raw::{Connection, Pace};

/// A sender gives up after this many bytes: by then the server has failed to stop it. 100,000 parts are fewer.
const ENDLESS: usize = 16 << 20;

/// A body that goes on until it is stopped.
#[derive(Clone, Debug)]
pub(crate) struct Storm {
    pub(crate) name: &'static str,
    pub(crate) content_type: &'static str,
    /// How it begins.
    pub(crate) begin: String,
    /// What it goes on with.
    pub(crate) unit: String,
}

impl Storm {
    /// Sends it in chunks, so that the limit must hold while the body streams, and gives the reply's status. Who still sends
    /// when the connection is reset may not see the reply: then it is 0.
    pub(crate) async fn send(self, addr: SocketAddr, path: &str) -> u16 {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
            self.content_type
        );
        let mut connection = Connection::open(addr).await;
        connection.send(head.as_bytes(), Pace::Whole).await;
        let piece = self.unit.repeat((16 << 10) / self.unit.len());
        let chunk = |data: &str| format!("{:x}\r\n{data}\r\n", data.len());
        let (first, next) = (chunk(&(self.begin + &piece)), chunk(&piece));
        let mut sent = connection.send(first.as_bytes(), Pace::Whole).await;
        for _ in 0..ENDLESS / piece.len() {
            sent = sent && connection.send(next.as_bytes(), Pace::Whole).await;
        }
        connection.reply(false).await.map_or(0, |reply| reply.status)
    }
}
