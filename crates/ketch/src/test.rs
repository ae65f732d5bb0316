//! For tests of applications: the tools of `ketch-testkit`, and the wired server on a real socket.

use std::net::SocketAddr;

use ketch_edge::{Stopped, bind};
use ketch_server::Server;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use ketch_testkit::{
    Answer, Client, Expect, ExpectFile, ManualClock, Scenario, check, expect, expect_file, soak_factor,
};

/// A client of a server that is built but bound to nothing. Panics with the problems when it cannot be built.
pub fn client(server: Server) -> Client {
    match server.build() {
        Ok(built) => Client::new(built.app().clone()),
        Err(problems) => panic!("{problems}"),
    }
}

/// The whole server on a free port of 127.0.0.1. Dropped, it is told to stop.
#[derive(Debug)]
pub struct TestServer {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<Stopped, ketch_server::Error>>,
}

impl TestServer {
    /// Starts a server. When this returns, it serves. Panics when it cannot be built, bound or started.
    pub async fn start(server: Server) -> Self {
        let built = server.build().unwrap_or_else(|problems| panic!("{problems}"));
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
        Self { address, stop, running }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Tells it to stop and waits until it has.
    pub async fn stop(self) -> Stopped {
        let _gone = self.stop.send(());
        self.running.await.expect("the server does not panic").expect("a server that was ready can stop")
    }
}
