//! `serve`: run the server until it is told to stop.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use ketch_edge::Stopped;
use ketch_server::{Ready, Server};

use crate::database::DatabaseOptions;

/// How to serve.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// The folder of a manifest to serve, such as `.`
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Where to listen; port 0 lets the system choose [default: what the program says, else 127.0.0.1:8080]
    #[arg(long, env = "KETCH_LISTEN", hide_env_values = true, value_name = "ADDRESS")]
    listen: Option<String>,
    /// For development: scripts of any port of localhost may read every reply
    #[arg(long)]
    dev: bool,
    /// Enqueue jobs, but run none: other servers on the same database do
    #[arg(long)]
    no_jobs: bool,
    #[command(flatten)]
    database: DatabaseOptions,
}

/// How long blocking work that outlived the drain is waited for.
const BLOCKING_GRACE: Duration = Duration::from_secs(1);

pub(crate) fn run(server: Server, options: &Options) -> Result<ExitCode> {
    let server = match &options.dir {
        Some(dir) => server.manifest(dir),
        None => server,
    };
    let server = match &options.listen {
        Some(address) => server.listen_from(address, "--listen or KETCH_LISTEN"),
        None => server,
    };
    let server = options.database.apply(server);
    let server = if options.dev { server.development() } else { server };
    let server = if options.no_jobs { server.without_runner() } else { server };
    let built = server.build().map_err(ketch_server::Error::from)?;
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let stopped = runtime.block_on(built.run(|ready| say(&ready)));
    runtime.shutdown_timeout(BLOCKING_GRACE);
    Ok(match stopped? {
        Stopped::Cut { connections } => {
            tracing::warn!(connections, "stopped before everything was answered");
            ExitCode::from(130)
        }
        Stopped::Drained => ExitCode::SUCCESS,
    })
}

/// Every connection is a descriptor, and the soft limit is often 1,024: take what the hard limit allows.
fn raise_descriptor_limit() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "cannot raise the limit of open files; many connections may be refused");
    }
}

/// Says where to look.
fn say(ready: &Ready) {
    let mut text = format!("{} is ready at {}\n", ready.title, ready.url("/"));
    if ready.docs {
        text += &format!("  docs     {}\n  openapi  {}\n", ready.url("/docs"), ready.url("/openapi.json"));
    }
    if let Some(database) = &ready.database {
        text += &format!("  database {database}\n");
    }
    text += &format!("  health   {}\nCtrl-C stops it.\n", ready.url("/health/ready"));
    let _unheard = std::io::stderr().write_all(text.as_bytes());
}
