//! Running a server: bind, say so, serve, drain.

use std::future::Future;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use ketch_edge::{Stopped, bind, reload_signal, stop_signal};
use ketch_jobs::Running;
use ketch_manifest::Driver;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::build::Built;
use crate::control;
use crate::database::Database;
use crate::error::Error;
use crate::events::Events;
use crate::jobs::Queued;
use crate::reload::Reloader;
use crate::server::Server;

/// What a server that is ready can be asked, for whoever started it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The API's title.
    pub title: String,
    /// The address it listens on.
    pub address: SocketAddr,
    /// Whether it has the page `/docs`.
    pub docs: bool,
    /// Where its database is, without a password; none when it has none.
    pub database: Option<String>,
}

impl Ready {
    /// The URL of a path on this server. An address that means "all" is written as the loopback one.
    pub fn url(&self, path: &str) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            match address {
                SocketAddr::V4(_) => address.set_ip(std::net::Ipv4Addr::LOCALHOST.into()),
                SocketAddr::V6(_) => address.set_ip(std::net::Ipv6Addr::LOCALHOST.into()),
            }
        }
        format!("http://{address}{path}")
    }
}

impl Server {
    /// Builds the server and runs it until SIGTERM or SIGINT, then drains. A second signal ends it at once. Neither
    /// flags nor environment are read; `ketch::main` does that.
    ///
    /// # Errors
    /// Every problem of the build, or why the address cannot be listened on.
    pub async fn run(self) -> Result<Stopped, Error> {
        self.build()?.run(|ready| tracing::info!(url = %ready.url("/"), "ready")).await
    }
}

impl Built {
    /// Binds its address and serves until SIGTERM or SIGINT; `ready` is told when it listens. At SIGHUP its
    /// [manifests](Server::manifest) are loaded anew, if it has any and is not run in a terminal: one that is closed ends
    /// what runs in it with the same signal.
    ///
    /// # Errors
    /// When the address cannot be listened on, or signals cannot be watched.
    pub async fn run(self, ready: impl FnOnce(Ready)) -> Result<Stopped, Error> {
        let address = self.address;
        let listener = bind(address).map_err(|error| Error::Bind(address, error))?;
        self.run_on(listener, ready, std::future::pending()).await
    }

    /// The same on a listener that is there already, and no longer than `until`.
    ///
    /// # Errors
    /// When signals cannot be watched, and as [`serve`](Self::serve).
    pub async fn run_on(
        self,
        listener: TcpListener,
        ready: impl FnOnce(Ready),
        until: impl Future<Output = ()> + Send,
    ) -> Result<Stopped, Error> {
        let (first, second) = signals()?;
        let _until_it_stops = self.reloader.clone().map(reload_at_signal).transpose()?;
        let stop = async {
            tokio::select! {
                () = first => {}
                () = until => {}
            }
        };
        self.serve(listener, ready, stop, second).await
    }

    /// Serves on a listener until `stop` resolves, then drains; when `stop_now` resolves, what is left is cut. The
    /// database is connected, start hooks run and [jobs](Server::job) begin to be run before `ready` is told and anything
    /// is accepted. At the stop, requests and jobs share the time to drain; jobs that are not done then are given back to
    /// the queue. Then stop hooks run, and the database is closed last. A server that is told to stop while it starts
    /// runs no more hooks.
    ///
    /// # Errors
    /// When the database cannot be used, a start hook failed, or the listener has no address.
    pub async fn serve(
        self,
        listener: TcpListener,
        ready: impl FnOnce(Ready),
        stop: impl Future<Output = ()> + Send,
        stop_now: impl Future<Output = ()> + Send,
    ) -> Result<Stopped, Error> {
        let Self { app, api, address, limits, readiness, docs, events, database, jobs, operator, reloader } =
            self;
        let drivers = reloader.map(|reloader| reloader.drivers()).unwrap_or_default();
        let mut events = events.into_inner().unwrap_or_else(PoisonError::into_inner);
        let address = listener.local_addr().map_err(|error| Error::Bind(address, error))?;
        let shown = database.as_ref().map(Database::shown);
        let here = Ready { title: api.title.clone(), address, docs, database: shown };
        let (mut stop, stop_now) = (pin!(stop.fuse()), stop_now.shared());
        let drain = limits.drain;
        let started = tokio::select! {
            started = start(database.as_ref(), &mut events, &here, jobs) => started.map(Some),
            () = stop.as_mut() => Ok(None),
        };
        let running = match started {
            Ok(Some(running)) => running,
            not_started => {
                close(database.as_ref(), drain, stop_now).await;
                return not_started.map(|_| Stopped::Drained);
            }
        };
        let control = operator.and_then(|app| Some((control::open(database.as_ref()?)?, app)));
        ready(here);
        let (draining, drains) = oneshot::channel();
        let stop = async {
            stop.await;
            let _no_jobs = draining.send(());
        };
        let (stopped, ended) = tokio::join!(
            ketch_edge::serve(listener, control, app, limits, readiness, stop, stop_now.clone()),
            end(running, drains, drain, stop_now.clone()),
        );
        rest(&drivers, drain, stop_now.clone()).await;
        tokio::select! {
            () = events.stop() => {}
            () = stop_now.clone() => tracing::warn!("stopped before the stop hooks were done"),
        }
        close(database.as_ref(), drain, stop_now).await;
        Ok(if ended == Ended::Well { stopped } else { cut(stopped) })
    }
}

/// What comes before anything is accepted. The runner is last: jobs may need what start hooks make.
async fn start(
    database: Option<&Database>,
    events: &mut Events,
    here: &Ready,
    jobs: Option<Queued>,
) -> Result<Option<Running>, Error> {
    if let Some(database) = database {
        database.connect().await?;
    }
    events.start(here).await?;
    let Some(jobs) = jobs else { return Ok(None) };
    let which = here.database.clone().unwrap_or_default();
    jobs.start().await.map_err(|error| Error::Database(which, error))
}

/// Whether jobs were ended in peace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// They are done, or given back to the queue.
    Well,
    /// They were left as they were: whoever comes next finds that their process is gone.
    Left,
}

/// Ends the jobs that run once the server drains, in the same time as it has for its requests.
async fn end(
    running: Option<Running>,
    drains: oneshot::Receiver<()>,
    within: Duration,
    stop_now: impl Future<Output = ()>,
) -> Ended {
    let Some(running) = running else { return Ended::Well };
    let _either = drains.await;
    tokio::select! {
        () = running.stop(within) => Ended::Well,
        () = stop_now => {
            tracing::warn!("stopped before the jobs were given back; they are run again by whoever comes next");
            Ended::Left
        }
    }
}

/// Lets what the drivers of manifests keep running end by itself, in this time or until it has to stop now.
async fn rest(drivers: &[Arc<dyn Driver>], within: Duration, stop_now: impl Future<Output = ()>) {
    let rest = tokio::time::timeout(within, join_all(drivers.iter().map(|driver| driver.stop())));
    tokio::select! {
        rested = rest => if rested.is_err() {
            tracing::warn!("stopped before all workers had ended: they are killed");
        },
        () = stop_now => tracing::warn!("stopped before the workers had ended: they are killed"),
    }
}

/// Something was cut, if no connection was.
fn cut(stopped: Stopped) -> Stopped {
    match stopped {
        Stopped::Drained => Stopped::Cut { connections: 0 },
        cut @ Stopped::Cut { .. } => cut,
    }
}

/// Closes the database, when there is one, in this time or until it has to stop now.
async fn close(database: Option<&Database>, within: Duration, stop_now: impl Future<Output = ()>) {
    let Some(database) = database else { return };
    tokio::select! {
        () = database.close(within) => {}
        () = stop_now => tracing::warn!("stopped before the database was closed"),
    }
}

/// Loads manifests anew at each signal to do so, until what is returned is dropped.
fn reload_at_signal(reloader: Reloader) -> Result<JoinSet<()>, Error> {
    let mut tasks = JoinSet::new();
    if std::io::stdin().is_terminal() || std::io::stderr().is_terminal() {
        return Ok(tasks);
    }
    let mut signals = reload_signal().map_err(Error::Signals)?;
    tasks.spawn(async move {
        loop {
            signals.next().await;
            Reloader::log(&reloader.reload().await);
        }
    });
    Ok(tasks)
}

/// Two futures: the first signal to stop, and the second.
fn signals() -> Result<(impl Future<Output = ()> + Send, impl Future<Output = ()> + Send), Error> {
    let mut signals = stop_signal().map_err(Error::Signals)?;
    let (first_came, first) = tokio::sync::oneshot::channel();
    let (second_came, second) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!("stopping: answering what was asked; a second signal stops at once");
        let _nobody_waits = first_came.send(());
        signals.next().await;
        let _nobody_waits = second_came.send(());
    });
    Ok((async { first.await.unwrap_or_default() }, async { second.await.unwrap_or_default() }))
}
