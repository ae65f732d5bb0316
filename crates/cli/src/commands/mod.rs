//! The commands. Each file has the same parts: its options, then `run`.

pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod dev;
pub(crate) mod jobs;
pub(crate) mod kit;
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
