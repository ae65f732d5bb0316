//! A server in a process of its own, for what a test cannot do to itself: signals and exit codes.
//!
//! The test binary starts itself again with the name of the test [`serves_when_asked`] and an environment variable.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use ketch::http::request::Parts;
use ketch::prelude::*;
use ketch::{Guard, Limits};

const ASKED: &str = "KETCH_TEST_CHILD";

struct Slow;

#[service(root = "-")]
impl Slow {
    #[get]
    async fn hello(&self) -> &'static str {
        "hello"
    }

    #[get("sleep/{millis}", timeout = "60s")]
    async fn sleep(&self, millis: u64) -> &'static str {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        "slept"
    }

    #[post]
    async fn echo(&self, body: Json<String>) -> Json<String> {
        body
    }

    #[post(timeout = "300ms")]
    async fn hurried(&self, body: Json<String>) -> Json<String> {
        body
    }

    /// Too much for any socket's buffers.
    #[get]
    async fn flood(&self) -> Response {
        static ZEROS: [u8; 32 << 20] = [0; 32 << 20];
        Response::new(ZEROS.as_slice().into())
    }
}

struct Shaky;

#[service(middleware = ["shaky"])]
impl Shaky {
    #[get]
    async fn handler(&self) -> String {
        panic!("handler fell over")
    }

    #[post]
    async fn writer(&self) -> String {
        panic!("writer fell over")
    }

    #[get]
    fn blocking() -> String {
        panic!("blocking fell over")
    }

    #[get]
    async fn stream(&self) -> ByteStream {
        let pieces = stream::iter([true, false]).map(|good| {
            assert!(good, "stream fell over");
            Ok::<_, Error>(Bytes::from_static(b"good so far"))
        });
        ByteStream::new(pieces)
    }

    #[get]
    async fn events(&self) -> Sse {
        Sse::new(stream::poll_fn(|_| -> Poll<Option<Result<Event>>> { panic!("stream fell over") }))
    }

    #[get]
    async fn middleware(&self) -> &'static str {
        "not reached"
    }
}

async fn shaky(request: Request, next: Next) -> Response {
    assert!(request.uri().path() != "/shaky/middleware", "middleware fell over");
    next.run(request).await
}

/// A guard with a mistake in it.
#[derive(Debug)]
struct ShakyGuard;

impl Guard for ShakyGuard {
    fn name(&self) -> &'static str {
        "shaky"
    }

    fn check(&self, head: &Parts) -> Result<(), Error> {
        assert!(head.uri.path() != "/shaky/guard", "guard fell over");
        Ok(())
    }
}

/// Does nothing in an ordinary run; in the child it is the server.
#[test]
#[expect(clippy::disallowed_methods, reason = "the child is told what it is by its environment")]
fn serves_when_asked() {
    let Some(asked) = std::env::var_os(ASKED) else { return };
    let limits = if asked == "hasty" { hasty() } else { Limits::default() };
    let server = Server::new()
        .limits(limits)
        .guard(ShakyGuard)
        .define_middleware("shaky", from_fn(shaky))
        .add(Slow)
        .add(Shaky);
    let code = ketch::main_from(["ketch", "serve", "--listen", "127.0.0.1:0"], server);
    assert_eq!(code, ExitCode::SUCCESS);
}

/// A second where the defaults say ten; five for heads, so that thousands can be opened meanwhile.
fn hasty() -> Limits {
    let second = Duration::from_secs(1);
    Limits {
        head_time: second * 5,
        body_idle: second,
        patience: second,
        connections_per_address: 20_000,
        ..Limits::default()
    }
}

/// The child, and everything it says.
pub(crate) struct Served {
    child: Child,
    said: Option<JoinHandle<String>>,
    pub(crate) addr: SocketAddr,
}

impl Served {
    pub(crate) fn start() -> Self {
        Self::run("default")
    }

    /// A server whose patience is a second.
    pub(crate) fn hasty() -> Self {
        Self::run("hasty")
    }

    #[expect(clippy::disallowed_methods, reason = "the child is this test binary itself")]
    fn run(limits: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child::serves_when_asked", "--nocapture"]).env(ASKED, limits);
        Self::launch(command)
    }

    /// Starts a server by this command, and waits until it has said where it listens.
    pub(crate) fn launch(mut command: Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| {
            panic!("{command:?}: {error}; `cargo xtask test` installs what is missing, or says how")
        });
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let addr = loop {
            let from = said.len();
            let read = stderr.read_line(&mut said).unwrap();
            assert!(read > 0, "the child did not say where it listens: {said}");
            let place = said[from..].split("http://").nth(1);
            if let Some(addr) = place.and_then(|rest| rest.trim_end().trim_end_matches('/').parse().ok()) {
                break addr;
            }
        };
        let said = std::thread::spawn(move || {
            stderr.read_to_string(&mut said).unwrap();
            said
        });
        Self { child, said: Some(said), addr }
    }

    /// Ends it at once, as `kill -9` does, and waits until it is gone.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by its name.
    #[expect(
        clippy::disallowed_methods,
        reason = "there is no safe call for kill(2) in the standard library"
    )]
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// The memory it has taken for itself, in bytes; none where there is no procfs. Pages of its file do not count: they
    /// come and go with what is touched.
    pub(crate) fn resident(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
        Some(line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10)
    }

    /// Waits for the end; gives how it ended and what it said.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        (status, self.said.take().unwrap().join().unwrap())
    }
}

impl Drop for Served {
    /// A test that failed leaves no server behind.
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
    }
}
