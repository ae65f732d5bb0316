//! `serve`: run the server until it is told to stop.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use ketch_edge::{Stopped, bind, inherited};
use ketch_server::{Built, Ready, Reloader, Server};
use tokio::task::JoinSet;

use crate::database::{DatabaseOptions, project};
use crate::follow::{Told, follow, many};
use crate::project::{meant, require_manifest};
use crate::terminal::print;

/// How to serve.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// The folder of a manifest to serve [default: `.` when it has one, and the program nothing of its own]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Where to listen; port 0 lets the system choose, and `stdin` means the socket that is its standard input
    /// [default: what the program says, else 127.0.0.1:8080]
    #[arg(long, env = "KETCH_LISTEN", hide_env_values = true, value_name = "ADDRESS")]
    listen: Option<String>,
    /// For development: scripts of any port of localhost may read every reply
    #[arg(long)]
    dev: bool,
    /// Enqueue jobs, but run none: other servers on the same database do
    #[arg(long)]
    no_jobs: bool,
    /// Do not load a manifest anew when its files change; SIGHUP does it then
    #[arg(long)]
    no_watch: bool,
    /// Check everything, say on stdout where it would listen, and serve nothing
    #[arg(long, hide = true)]
    only_check: bool,
    /// The process that runs this one, for development: it serves no longer than that
    #[arg(long, hide = true, env = "KETCH_SUPERVISOR", hide_env = true, value_name = "PID")]
    supervisor: Option<u32>,
    #[command(flatten)]
    database: DatabaseOptions,
}

/// How long blocking work that outlived the drain is waited for.
const BLOCKING_GRACE: Duration = Duration::from_secs(1);

/// What is written for the socket that is the standard input.
const INHERITED: &str = "stdin";

/// What to do when there is nothing to serve.
const NOTHING: &str = "Nothing is served but documents: `ketch serve DIR` serves the folder of an api.json, and `ketch new \
                       --manifest DIR` writes one.\n";

pub(crate) fn run(server: Server, options: &Options) -> Result<ExitCode> {
    let dir = meant(&server, options.dir.as_deref());
    if let Some(dir) = &dir {
        require_manifest(dir)?;
    }
    let hint = (dir.is_none() && !server.has_endpoints()).then_some(NOTHING);
    let options = &Options { dir, ..options.clone() };
    let built = options.apply(server).build().map_err(ketch_server::Error::from)?;
    if options.only_check {
        print(&format!("{}\n", built.address()))?;
        return Ok(ExitCode::SUCCESS);
    }
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let stopped = runtime.block_on(options.serve(built, hint));
    runtime.shutdown_timeout(BLOCKING_GRACE);
    Ok(match stopped? {
        Stopped::Cut { connections } => {
            tracing::warn!(connections, "stopped before everything was answered");
            ExitCode::from(130)
        }
        Stopped::Drained => ExitCode::SUCCESS,
    })
}

impl Options {
    fn apply(&self, server: Server) -> Server {
        let server = match &self.dir {
            Some(dir) => project(server, dir),
            None => server,
        };
        let server = match &self.listen {
            Some(address) if address != INHERITED => server.listen_from(address, "--listen or KETCH_LISTEN"),
            _ => server,
        };
        let server = self.database.apply(server);
        let server = if self.dev || self.supervisor.is_some() { server.development() } else { server };
        if self.no_jobs { server.without_runner() } else { server }
    }

    /// What is served from files, and when it is loaded anew.
    fn manifest_line(&self, reloader: &Reloader) -> String {
        let folders: Vec<String> = reloader.folders().map(|folder| folder.display().to_string()).collect();
        let endpoints = many(reloader.endpoints(), "endpoint");
        let middlewares = many(reloader.middlewares(), "middleware");
        let anew = if self.no_watch { "on SIGHUP" } else { "when a file changes" };
        format!("{endpoints} and {middlewares} of {}, loaded anew {anew}", folders.join(", "))
    }

    /// `hint` is said to people once it is ready.
    async fn serve(&self, built: Built, hint: Option<&str>) -> Result<Stopped> {
        let listener = if self.listen.as_deref() == Some(INHERITED) {
            inherited()
                .context("the standard input is no socket to listen on: write `--listen 127.0.0.1:8080`")?
        } else {
            let address = built.address();
            bind(address).map_err(|error| ketch_server::Error::Bind(address, error))?
        };
        let mut tasks = JoinSet::new();
        if let Some(reloader) = built.reloader().filter(|_| !self.no_watch) {
            let told = if self.supervisor.is_some() { Told::ToPeople } else { Told::InTheLog };
            tasks.spawn(follow(reloader.clone(), told));
        }
        let until = async {
            match self.supervisor {
                Some(supervisor) => gone(supervisor).await,
                None => std::future::pending().await,
            }
        };
        let manifest = built.reloader().map(|reloader| self.manifest_line(reloader));
        Ok(built.run_on(listener, |ready| say(&ready, manifest.as_deref(), hint), until).await?)
    }
}

/// Resolves when the process that runs this one has ended, however that was.
#[cfg(unix)]
async fn gone(supervisor: u32) {
    while std::os::unix::process::parent_id() == supervisor {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[cfg(not(unix))]
async fn gone(_supervisor: u32) {
    std::future::pending().await
}

/// Every connection is a descriptor, and the soft limit is often 1,024: take what the hard limit allows.
fn raise_descriptor_limit() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "cannot raise the limit of open files; many connections may be refused");
    }
}

/// Says where to look.
fn say(ready: &Ready, manifest: Option<&str>, hint: Option<&str>) {
    let mut text = format!("{} is ready at {}\n", ready.title, ready.url("/"));
    if ready.docs {
        text += &format!("  docs     {}\n  openapi  {}\n", ready.url("/docs"), ready.url("/openapi.json"));
    }
    if let Some(manifest) = manifest {
        text += &format!("  manifest {manifest}\n");
    }
    if let Some(database) = &ready.database {
        text += &format!("  database {database}\n");
    }
    text += &format!("  health   {}\n", ready.url("/health/ready"));
    text += hint.unwrap_or_default();
    text += "Ctrl-C stops it.\n";
    let _unheard = std::io::stderr().write_all(text.as_bytes());
}
