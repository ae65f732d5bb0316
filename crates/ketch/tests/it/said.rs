//! A process of the `ketch` program, and what it says on stderr, line by line as it comes.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Ten times what a cold build of a project needs, so that a hang is a failure.
const PATIENCE: Duration = Duration::from_secs(1200);

/// A program that runs.
pub(crate) struct Said {
    child: Child,
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Said {
    /// Starts `ketch` in a folder.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_with(folder, arguments, |_| {})
    }

    #[expect(clippy::disallowed_methods, reason = "the command is what is tested")]
    pub(crate) fn start_with(folder: &Path, arguments: &[&str], set: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ketch"));
        command.args(arguments).current_dir(folder);
        command.env_remove("KETCH_DATABASE_URL").env_remove("KETCH_DATA").env_remove("KETCH_LOG");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        set(&mut command);
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, heard: Vec::new() }
    }

    /// Waits for a line that holds this; the line.
    pub(crate) fn until(&mut self, part: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.heard.push(line.clone());
                    if line.contains(part) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("`{part}` was not said in time: {:#?}", self.heard),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("it ended before it said `{part}`: {:#?}", self.heard)
                }
            }
        }
    }

    /// Waits until it says where it listens.
    pub(crate) fn ready(&mut self) -> SocketAddr {
        let line = self.until(" is ready at http://");
        line.split("http://").nth(1).unwrap().trim_end_matches('/').parse().unwrap()
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

    /// Waits for the end.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Said {
    /// A test that failed leaves nothing behind: what it started ends with it.
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Asks on a connection of its own; the status and the body. It is an error when nobody listens or the reply is cut.
pub(crate) fn ask(addr: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    say(addr, &request).map(|(status, _, body)| (status, body))
}

/// Sends a request as it is written; the status, the head and the body.
pub(crate) fn say(addr: SocketAddr, request: &str) -> std::io::Result<(u16, String, String)> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    let (head, body) = reply.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    Ok((head[9..12].parse().unwrap(), format!("{head}\r\n"), body.to_owned()))
}
