//! The commands. Each file has the same parts: its options, then `run`.

pub(crate) mod migrate;
pub(crate) mod new;
pub(crate) mod openapi;
pub(crate) mod routes;
pub(crate) mod serve;

use anyhow::Result;
use ketch_server::{Built, Server};

/// Builds a server only to look at it.
fn build(server: Server) -> Result<Built> {
    Ok(server.build().map_err(ketch_server::Error::from)?)
}

/// Writes data for whoever reads stdout. A reader that has seen enough, such as `head`, is no error.
fn print(text: &str) -> Result<()> {
    use std::io::Write;
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
