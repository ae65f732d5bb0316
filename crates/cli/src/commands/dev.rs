//! `dev`: serve a project while it is written.
//!
//! A process of its own serves, on a socket that this one keeps: whatever is loaded or built anew, or falls over, clients
//! wait in the socket and are not refused. A manifest is loaded anew by the process that serves it; it is started anew
//! only when it could not start, or needs a database for the first time. What of it has sources is built beside it.

#[cfg(unix)]
mod manifest;
#[cfg(unix)]
mod program;
#[cfg(unix)]
mod supervisor;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;

/// What to serve, and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// The folder of an `api.json` or a `Cargo.toml`
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Where to listen [default: what the program says, else 127.0.0.1:8080]
    #[arg(long, env = "KETCH_LISTEN", hide_env_values = true, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// The program to run, where a package has several
    #[arg(long, value_name = "NAME")]
    pub(crate) bin: Option<String>,
    /// What else to tell `cargo build`: `-- --features assets`
    #[arg(last = true, value_name = "CARGO FLAGS")]
    pub(crate) cargo: Vec<String>,
}

#[cfg(unix)]
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(1)
        .build()
        .context("cannot start the runtime")?;
    let here = |name: &str| options.dir.join(name).is_file();
    runtime.block_on(async {
        if here("Cargo.toml") {
            supervisor::run(program::Program::new(options), options).await
        } else if here("api.json") || here("ketch.json") || here("aicra.json") {
            supervisor::run(manifest::Manifest::new(options)?, options).await
        } else {
            bail!(
                "{} has neither an `api.json` nor a `Cargo.toml`: give the folder of a project, or begin one with \
                 `ketch new`",
                options.dir.display()
            )
        }
    })
}

#[cfg(not(unix))]
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let _both = (&options.bin, &options.cargo, &options.listen);
    bail!("`dev` hands sockets on as Unix does: use `ketch serve {} --dev` here", options.dir.display())
}
