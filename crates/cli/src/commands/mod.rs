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

use std::path::Path;

use anyhow::Result;
use ketch_server::{Built, Server};

use crate::database::project;
use crate::project::{meant, require_manifest};

/// Builds a server only to look at it.
fn build(server: Server) -> Result<Built> {
    Ok(server.build().map_err(ketch_server::Error::from)?)
}

/// The same with the manifest of a folder: the one that is named, else the one that is meant.
fn build_with(server: Server, dir: Option<&Path>) -> Result<Built> {
    let Some(dir) = meant(&server, dir) else { return build(server) };
    require_manifest(&dir)?;
    build(project(server, &dir))
}
