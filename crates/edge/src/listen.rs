//! The accept loop, and how it ends.

use std::collections::HashMap;
use std::future::Future;
use std::io::{Error, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ketch_web::{App, network};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::connection::{self, Shared};
use crate::control::{self, Control, Guests};
use crate::health::Readiness;
use crate::limits::Limits;

/// How a server stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Every request was answered to its end.
    Drained,
    /// The time to drain was over, or a second signal came, and so many connections were cut.
    Cut {
        /// Connections that were still open.
        connections: usize,
    },
}

/// What the server is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Serving,
    Draining,
    Over,
}

pub(crate) type Phases = watch::Receiver<Phase>;

/// Serves an app on a listener until `stop` resolves, then drains: no new connections, what was asked is answered, idle
/// connections are closed, and after `limits.drain` the rest is cut. When `stop_now` resolves it is cut at once. The
/// control socket, which leads to an app of its own, is gone when the drain begins.
pub async fn serve(
    listener: TcpListener,
    control: Option<(Control, Arc<App>)>,
    app: Arc<App>,
    limits: Limits,
    readiness: Readiness,
    stop: impl Future<Output = ()> + Send,
    stop_now: impl Future<Output = ()> + Send,
) -> Stopped {
    let (phase, phases) = watch::channel(Phase::Serving);
    let (places, guests) = (Places::new(&limits), Guests::default());
    let drain = limits.drain;
    let (control, inner) = control.unzip();
    let inside = inner.clone().map(|app| Arc::new(Shared { app, limits: limits.clone() }));
    let shared = Arc::new(Shared { app: Arc::clone(&app), limits });
    readiness.set(true);
    tokio::select! {
        () = stop => {}
        () = accept(listener, &places, &shared, &phases) => {}
        () = control::accept(control.zip(inside), &guests, &phases) => {}
    }
    readiness.set(false);
    app.stopping();
    inner.iter().for_each(|app| app.stopping());
    phase.send_replace(Phase::Draining);
    let all_done = async {
        places.empty().await;
        guests.gone().await;
        app.idle().await;
        if let Some(app) = &inner {
            app.idle().await;
        }
    };
    let drained = tokio::select! {
        drained = timeout(drain, all_done) => drained.is_ok(),
        () = stop_now => false,
    };
    let connections = places.taken() + guests.count();
    phase.send_replace(Phase::Over);
    if drained { Stopped::Drained } else { Stopped::Cut { connections } }
}

/// Connections that wait in the kernel until they are accepted. The usual 128 overflows in a burst, and then clients wait
/// a second for their next try.
const BACKLOG: u32 = 4096;

/// Listens on an address.
///
/// # Errors
/// When the address is taken, forbidden or not this machine's.
pub fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart must not wait for the old process's connections to be forgotten. On Windows it would mean something else.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The socket that this process was started with as its standard input, bound and listening already: as `inetd` and
/// `systemd` (`StandardInput=socket`) hand it over, so that one that restarts refuses nobody.
///
/// # Errors
/// When the standard input is no such socket.
#[cfg(unix)]
pub fn inherited() -> std::io::Result<TcpListener> {
    use std::os::fd::AsFd;
    let socket = std::io::stdin().as_fd().try_clone_to_owned()?;
    let listener = std::net::TcpListener::from(socket);
    listener.local_addr()?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// The same where sockets cannot be handed over so.
///
/// # Errors
/// Always.
#[cfg(not(unix))]
pub fn inherited() -> std::io::Result<TcpListener> {
    Err(ErrorKind::Unsupported.into())
}

async fn accept(listener: TcpListener, places: &Places, shared: &Arc<Shared>, phases: &Phases) {
    loop {
        let Ok(place) = Arc::clone(&places.all).acquire_owned().await else { return };
        let (stream, peer) = next(&listener).await;
        let Some(seat) = places.sit(peer.ip()) else {
            tracing::debug!(address = %peer.ip(), "connection refused: too many from this address");
            continue;
        };
        let (shared, phases) = (Arc::clone(shared), phases.clone());
        tokio::spawn(async move {
            connection::run(stream, peer, shared, phases).await;
            drop((seat, place));
        });
    }
}

/// The next connection. An error of one connection is skipped; when the process has no descriptors left there is
/// nothing to do but to wait for some.
async fn next(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let mut pause = Duration::from_millis(5);
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections; trying again");
                sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(1));
            }
        }
    }
}

pub(crate) fn is_of_one_connection(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    )
}

/// How many connections there may be, in all and from one address.
struct Places {
    all: Arc<Semaphore>,
    size: usize,
    per_address: usize,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Places {
    fn new(limits: &Limits) -> Self {
        let size = limits.connections.min(Semaphore::MAX_PERMITS);
        let all = Arc::new(Semaphore::new(size));
        Self { all, size, per_address: limits.connections_per_address, by_address: Arc::default() }
    }

    fn sit(&self, address: IpAddr) -> Option<Seat> {
        let address = network(address);
        let mut counts = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        Some(Seat { address, counts: Arc::clone(&self.by_address) })
    }

    /// Connections that are open. The one that is waited for while accepting does not count.
    fn taken(&self) -> usize {
        self.size - self.all.available_permits()
    }

    async fn empty(&self) {
        let all = u32::try_from(self.size).unwrap_or(u32::MAX);
        let _all = self.all.acquire_many(all).await;
    }
}

/// A connection's place in the count of its address.
struct Seat {
    address: IpAddr,
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_counted_and_forgotten() {
        let limits = Limits { connections_per_address: 2, ..Limits::default() };
        let places = Places::new(&limits);
        let (a, b): (IpAddr, IpAddr) = ("2001:db8::1".parse().unwrap(), "2001:db8::ffff:1".parse().unwrap());
        let first = places.sit(a);
        let second = places.sit(b);
        assert!(first.is_some() && second.is_some());
        assert!(places.sit(a).is_none(), "one /64 counts as one address");
        assert!(places.sit("2001:db8:0:1::1".parse().unwrap()).is_some());
        drop((first, second));
        assert!(places.by_address.lock().unwrap().is_empty());
    }
}
