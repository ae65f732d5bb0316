//! A connection to the server that runs: HTTP/1 over its control socket.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use ketch_edge::DATABASE_HEADER;
use ketch_server::Database;
use tokio::time::timeout;

use super::{Answer, Ask, answer, request, socket};

/// How long a server may take to say which database it has.
const HELLO: Duration = Duration::from_secs(5);

/// A server that answers, on one connection.
pub(crate) struct Link {
    sender: SendRequest<Full<Bytes>>,
    socket: PathBuf,
}

/// Who is at the socket.
pub(super) enum Found {
    /// The server that has this database.
    Server(Link),
    /// A server that has another one; which.
    Other(String),
    Nobody,
}

/// Looks for the server that has a database.
pub(super) async fn open(database: &Database) -> Result<Found> {
    let socket = socket::path(database);
    let stream = match socket::connect(&socket).await {
        Ok(Some(stream)) => stream,
        Ok(None) => return Ok(Found::Nobody),
        Err(error) => return Err(closed(&socket, &error)),
    };
    let shown = socket.display().to_string();
    let silent = || format!("the server at {shown} does not answer");
    let (sender, connection) = handshake(TokioIo::new(stream)).await.with_context(silent)?;
    // It ends with the sender.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the connection to the server ended");
        }
    });
    let mut link = Link { sender, socket };
    // Any reply says which database it is; this one is asked for nothing else (RFC 9110, 9.3.7).
    let hello = Ask { method: Method::OPTIONS, ..Ask::get("*") };
    let hello = request(hello, Full::new)?;
    let reply =
        timeout(HELLO, link.sender.send_request(hello)).await.with_context(silent)?.with_context(silent)?;
    let its = reply.headers().get(DATABASE_HEADER).and_then(|which| which.to_str().ok()).map(str::to_owned);
    // The connection can be used again when the reply was read.
    answer(reply.status(), reply.into_body()).await?;
    Ok(match its {
        Some(its) if its == database.identity() => Found::Server(link),
        Some(its) => Found::Other(format!("the server at {shown} has another database, {its}")),
        None => Found::Other(format!("who answers at {shown} is no Ketch server")),
    })
}

fn closed(socket: &std::path::Path, error: &std::io::Error) -> anyhow::Error {
    let hint = match error.kind() {
        ErrorKind::PermissionDenied => ": commands are for the user whom the server runs as, and for root",
        _ => "",
    };
    anyhow!("cannot reach the server at {}: {error}{hint}", socket.display())
}

impl Link {
    /// Sends a request.
    pub(super) async fn ask(&mut self, request: Request<Full<Bytes>>) -> Result<Answer> {
        let gone = || format!("the server at {} went away; it may be stopping", self.socket.display());
        // The reply before was read, but whether the connection is free again is its task's to say.
        self.sender.ready().await.with_context(gone)?;
        let reply = self.sender.send_request(request).await.with_context(gone)?;
        answer(reply.status(), reply.into_body()).await
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> std::path::Display<'_> {
        self.socket.display()
    }
}
