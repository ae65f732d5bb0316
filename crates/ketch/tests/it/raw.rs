//! A client for hostile HTTP/1: it writes exactly the bytes it is given and takes the answer apart, reply by reply.
//!
//! Not here: any opinion about the bytes it sends; a client library would refuse or repair most of them.
//! Sources: RFC 9112 sections 2.2 and 6.3, as far as a reader of replies needs them.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// After this the test gives up on the server. Nothing is asserted about time; it turns a hang into a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(100);

/// An honest request that ends its connection.
pub(crate) const HONEST: &[u8] = b"GET /hello HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n";

/// How the bytes of a request reach the server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// In one write.
    Whole,
    /// One write for each byte, so that the parser sees the message cut at every place.
    ByteByByte,
}

/// One reply, without its framing.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The value of the first field of this name, written in lower case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn is_problem(&self) -> bool {
        self.field("content-type").is_some_and(|kind| kind.starts_with("application/problem+json"))
    }

    pub(crate) fn is_hello(&self) -> bool {
        self.status == 200 && self.body == b"hello"
    }
}

/// One TCP connection to the server.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
    ended: bool,
}

impl Connection {
    pub(crate) async fn open(addr: SocketAddr) -> Connection {
        let stream = TcpStream::connect(addr).await.expect("the server accepts connections");
        stream.set_nodelay(true).expect("a fresh socket takes options");
        Connection { stream, unread: Vec::new(), ended: false }
    }

    /// Writes the bytes; false if the server ended the connection before it had taken them all.
    pub(crate) async fn send(&mut self, bytes: &[u8], pace: Pace) -> bool {
        let step = if pace == Pace::Whole { bytes.len().max(1) } else { 1 };
        for piece in bytes.chunks(step) {
            let written = timeout(PATIENCE, self.stream.write_all(piece)).await;
            if written.expect("the server reads or closes").is_err() {
                return false;
            }
        }
        true
    }

    /// Says that no more bytes follow, while replies are still awaited.
    pub(crate) async fn finish_sending(&mut self) {
        // A server that has closed already makes this fail, which is no news.
        let _ = self.stream.shutdown().await;
    }

    /// The next final reply, or `None` if the connection ends first. Interim replies (1xx) are skipped.
    pub(crate) async fn reply(&mut self, bodiless: bool) -> Option<Reply> {
        loop {
            let head = self.head().await?;
            let (status, fields) = parse_head(&head);
            if (100..200).contains(&status) && status != 101 {
                continue;
            }
            let mut reply = Reply { status, fields, body: Vec::new() };
            if !bodiless && status != 101 && status != 204 && status != 304 {
                reply.body = self.body(&reply).await;
            }
            return Some(reply);
        }
    }

    /// Every further reply until the connection ends.
    pub(crate) async fn replies_to_the_end(&mut self) -> Vec<Reply> {
        let mut replies = Vec::new();
        while let Some(reply) = self.reply(false).await {
            replies.push(reply);
        }
        replies
    }

    /// Takes the bytes up to and including an empty line.
    async fn head(&mut self) -> Option<String> {
        loop {
            if let Some(at) = find(&self.unread, b"\r\n\r\n") {
                let head: Vec<u8> = self.unread.drain(..at + 4).collect();
                return Some(String::from_utf8_lossy(&head).into_owned());
            }
            if !self.fill().await {
                let rest = String::from_utf8_lossy(&self.unread).into_owned();
                assert!(rest.is_empty(), "the connection ended inside a reply: {rest:?}");
                return None;
            }
        }
    }

    async fn body(&mut self, reply: &Reply) -> Vec<u8> {
        if let Some(length) = reply.field("content-length") {
            return self.take(length.parse().expect("a content-length of digits")).await;
        }
        if reply.field("transfer-encoding") == Some("chunked") {
            return self.chunks().await;
        }
        while self.fill().await {}
        std::mem::take(&mut self.unread)
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = self.line().await;
            let size = usize::from_str_radix(line.trim_end(), 16).expect("a chunk size in hexadecimal");
            body.extend(self.take(size).await);
            assert_eq!(self.line().await, "\r\n", "a chunk ends with an empty line");
            if size == 0 {
                return body;
            }
        }
    }

    async fn line(&mut self) -> String {
        loop {
            if let Some(at) = find(&self.unread, b"\r\n") {
                let line: Vec<u8> = self.unread.drain(..at + 2).collect();
                return String::from_utf8_lossy(&line).into_owned();
            }
            assert!(self.fill().await, "the connection ended inside a chunked body");
        }
    }

    async fn take(&mut self, length: usize) -> Vec<u8> {
        while self.unread.len() < length {
            assert!(self.fill().await, "the connection ended inside a body");
        }
        self.unread.drain(..length).collect()
    }

    /// Reads once; false at the end of the connection, by FIN or by RST.
    async fn fill(&mut self) -> bool {
        let mut piece = [0; 16 * 1024];
        if !self.ended {
            let read = timeout(PATIENCE, self.stream.read(&mut piece)).await;
            let length = read.expect("the server answers or closes").unwrap_or(0);
            self.unread.extend_from_slice(&piece[..length]);
            self.ended = length == 0;
        }
        !self.ended
    }
}

/// Asks honestly on a new connection, and fails unless exactly the right answer comes back.
pub(crate) async fn ask_honestly(addr: SocketAddr) -> Result<(), String> {
    let mut connection = Connection::open(addr).await;
    connection.send(HONEST, Pace::Whole).await;
    let replies = connection.replies_to_the_end().await;
    match replies.as_slice() {
        [only] if only.is_hello() => Ok(()),
        other => Err(format!("an honest request was answered {other:?}")),
    }
}

fn parse_head(head: &str) -> (u16, Vec<(String, String)>) {
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default();
    assert!(first.starts_with("HTTP/1."), "not a reply: {head:?}");
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
    let fields = lines.filter_map(|line| line.split_once(':'));
    let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
    (status.expect("a status of digits"), fields.collect())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
