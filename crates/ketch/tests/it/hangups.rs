//! Clients that hang up: work that may write goes on to its end, work that only reads does not.

use std::sync::Arc;
use std::time::Duration;

use ketch::prelude::*;
use ketch::test::TestServer;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

/// What the handlers tell the test, and what they wait for.
struct Signs {
    begun: Semaphore,
    go_on: Semaphore,
    ended: Semaphore,
    given_up: Semaphore,
}

/// Says so when it is dropped before the end.
struct Watch<'s>(&'s Signs, bool);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let sign = if self.1 { &self.0.ended } else { &self.0.given_up };
        sign.add_permits(1);
    }
}

struct Work(Arc<Signs>);

impl Work {
    async fn work(&self) {
        let mut watch = Watch(&self.0, false);
        self.0.begun.add_permits(1);
        self.0.go_on.acquire().await.expect("it is never closed").forget();
        watch.1 = true;
    }
}

#[service(root = "-")]
impl Work {
    #[get]
    async fn read(&self) {
        self.work().await;
    }

    #[post]
    async fn write(&self) {
        self.work().await;
    }
}

async fn seen(sign: &Semaphore, what: &str) {
    let permit = timeout(PATIENCE, sign.acquire()).await;
    permit.unwrap_or_else(|_| panic!("waited in vain until {what}")).unwrap().forget();
}

/// Asks, and hangs up as soon as the handler runs.
async fn hang_up(server: &TestServer, signs: &Signs, request: &str) {
    let mut client = TcpStream::connect(server.addr()).await.unwrap();
    let head = format!("{request} HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    seen(&signs.begun, "the handler runs").await;
}

#[tokio::test]
async fn only_work_that_may_write_goes_on_without_its_client() {
    let [begun, go_on, ended, given_up] = [0; 4].map(Semaphore::new);
    let signs = Arc::new(Signs { begun, go_on, ended, given_up });
    let server = TestServer::start(Server::new().add(Work(Arc::clone(&signs)))).await;
    hang_up(&server, &signs, "GET /read").await;
    seen(&signs.given_up, "reading is given up").await;
    hang_up(&server, &signs, "POST /write").await;
    // A connection after it has gone, so that the server has noticed.
    hang_up(&server, &signs, "GET /read").await;
    seen(&signs.given_up, "reading is given up").await;
    assert_eq!(signs.given_up.available_permits(), 0, "writing is not");
    signs.go_on.add_permits(1);
    seen(&signs.ended, "writing has ended").await;
}
