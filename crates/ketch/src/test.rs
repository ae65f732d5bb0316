//! For tests of applications: the tools of `ketch-testkit`, and the wired server on a real socket.
//!
//! A test never touches the data of whoever runs it: a server that has a database gets a fresh one in a temporary
//! folder, whatever URL its code says, unless the test itself names another (`client_on`, `TestServer::start_on`).

use std::net::SocketAddr;
use std::sync::Arc;

use ketch_edge::{Stopped, bind};
use ketch_server::{Built, Reloader, Server};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use ketch_jobs::Ran;
pub use ketch_testkit::{
    Answer, Client, Expect, ExpectFile, ManualClock, Scenario, Scratch, check, expect, expect_file,
    overheard, postgres, soak_factor,
};

/// A client of a server that is built but bound to nothing, with a fresh database if it has one. Panics with the
/// problems when it cannot be built, and at the first request when its database cannot be used.
pub fn client(server: Server) -> Client {
    let (server, scratch) = with_scratch(server);
    client_of(server, scratch)
}

/// The same with its data in the database at this URL: that of a [`Scratch`] which the test keeps, or of a PostgreSQL
/// server.
pub fn client_on(server: Server, url: impl Into<String>) -> Client {
    let (server, scratch) = with_scratch(server);
    client_of(server.database_from(url, "the test"), scratch)
}

/// A fresh folder for the data, and a database in it if the server has one.
fn with_scratch(server: Server) -> (Server, Option<Scratch>) {
    if !server.opens_database() {
        return (server, None);
    }
    let scratch = Scratch::new();
    (server.data_folder(scratch.path()).database_from(scratch.url(), "the test"), Some(scratch))
}

fn client_of(server: Server, scratch: Option<Scratch>) -> Client {
    let built = server.build().unwrap_or_else(|problems| panic!("{problems}"));
    Client::prepared(Arc::clone(built.app()), async move {
        let begun = async {
            built.connect().await?;
            built.begin_schedules().await
        };
        if let Err(error) = begun.await {
            panic!("{error}");
        }
        Arc::new(Tested { built, _data: scratch }) as _
    })
}

/// What a client keeps.
struct Tested {
    built: Built,
    _data: Option<Scratch>,
}

/// Runs the jobs that are due, and those that they enqueue, until none is; how the runs ended. Behind a client nothing is
/// run otherwise. What is due is said by the server's clock ([`Server::clock`]), so that delays, retries and what recurs
/// can be tried without waiting. Panics when the database cannot be used.
///
/// With a client that takes turns, each server has its turn until there is nothing left for any.
pub async fn run_jobs(client: &Client) -> Ran {
    let servers = client.kept::<Tested>().await;
    let mut all = Ran::default();
    loop {
        let mut turn = Ran::default();
        for server in &servers {
            turn += server.built.run_jobs().await.unwrap_or_else(|error| panic!("{error}"));
        }
        all += turn;
        if turn.all() == 0 {
            return all;
        }
    }
}

/// The whole server on a free port of 127.0.0.1. Dropped, it is told to stop.
#[derive(Debug)]
pub struct TestServer {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<Stopped, ketch_server::Error>>,
    reloader: Option<Reloader>,
    _data: Option<Scratch>,
}

impl TestServer {
    /// Starts a server, with a fresh database if it has one. When this returns, it serves. Panics when it cannot be
    /// built, bound or started.
    pub async fn start(server: Server) -> Self {
        let (server, scratch) = with_scratch(server);
        Self::start_with(server, scratch).await
    }

    /// The same with its data in the database at this URL.
    pub async fn start_on(server: Server, url: impl Into<String>) -> Self {
        let (server, scratch) = with_scratch(server);
        Self::start_with(server.database_from(url, "the test"), scratch).await
    }

    async fn start_with(server: Server, scratch: Option<Scratch>) -> Self {
        let built = server.build().unwrap_or_else(|problems| panic!("{problems}"));
        let reloader = built.reloader().cloned();
        let listener = bind(([127, 0, 0, 1], 0).into()).expect("a free port can be bound");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            // Dropping the sender says stop as well as sending does.
            let _either = stopped.await;
        };
        let (tell, told) = oneshot::channel();
        let ready = |_| {
            let _gone = tell.send(());
        };
        let running = tokio::spawn(built.serve(listener, ready, stopped, std::future::pending()));
        if told.await.is_err() {
            let outcome = running.await.expect("the server does not panic");
            panic!("the server did not start: {}", outcome.expect_err("it was never ready"));
        }
        Self { address, stop, running, reloader, _data: scratch }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// What loads its manifests anew. Panics when it has none.
    pub fn reloader(&self) -> &Reloader {
        self.reloader.as_ref().expect("the server has a manifest")
    }

    /// Tells it to stop and waits until it has.
    pub async fn stop(self) -> Stopped {
        let _gone = self.stop.send(());
        self.running.await.expect("the server does not panic").expect("a server that was ready can stop")
    }
}
