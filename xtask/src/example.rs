//! An example server as a child process: started on a free port, asked to stop with SIGTERM, never left behind.
//!
//! Unix only, because of the signal.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::workspace::Workspace;

/// How long the server may take to print its URL, and to end after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lines of its output that are kept for an error message.
const KEPT_LINES: usize = 40;

/// A running server. Dropping it kills it.
pub(crate) struct Example {
    child: Child,
    url: String,
    tail: Tail,
}

/// What is kept of what the server printed, on either stream.
#[derive(Clone, Default)]
struct Tail(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    last: VecDeque<String>,
    /// The first ones at error level.
    errors: Vec<String>,
}

impl Example {
    /// Starts an example that is built, or the stock binary with a manifest, on data of its own: nobody's are touched, and
    /// nothing of an earlier run is there.
    pub(crate) fn serve(workspace: &Workspace, name: &str, manifest: Option<&str>) -> Result<Self> {
        let data = workspace.target.join("data").join(name);
        if let Err(error) = fs::remove_dir_all(&data)
            && error.kind() != ErrorKind::NotFound
        {
            return Err(error).with_context(|| format!("cannot empty {}", data.display()));
        }
        // Stubs are found from the top of the workspace.
        let mut serve = Command::new(workspace.target.join("debug").join(name));
        serve.current_dir(&workspace.root).env_remove("KETCH_DATABASE_URL");
        serve.arg("serve").args(manifest);
        serve.args(["--listen", "127.0.0.1:0", "--data"]).arg(&data);
        Self::start(&mut serve)
    }

    /// Starts the server and waits until it prints a line with `http://127.0.0.1:<port>`.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        Self::start_within(command, PATIENCE)
    }

    fn start_within(command: &mut Command, patience: Duration) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command.spawn().with_context(|| format!("cannot start {program}"))?;
        let (found, urls) = mpsc::channel();
        let tail = Tail::default();
        tail.follow(child.stdout.take().context("stdout is piped")?, found.clone());
        tail.follow(child.stderr.take().context("stderr is piped")?, found);
        let mut example = Self { child, url: String::new(), tail };
        match urls.recv_timeout(patience) {
            Ok(url) => example.url = url,
            Err(_) => bail!(
                "{program} ended or waited {} s without printing http://127.0.0.1:<port>; it printed:\n{}",
                patience.as_secs(),
                example.last_lines()
            ),
        }
        Ok(example)
    }

    /// Where it listens, without a trailing slash.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn last_lines(&self) -> String {
        self.tail.lines().last.iter().map(indented).collect()
    }

    /// The first lines that it logged at error level.
    pub(crate) fn errors(&self) -> String {
        self.tail.lines().errors.iter().map(indented).collect()
    }

    /// Asks it to stop and waits for it; anything but exit code 0 is an error.
    pub(crate) fn stop(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the server ended by itself ({status}); it printed:\n{}", self.last_lines());
        }
        let pid = self.child.id();
        // The shell has `kill` built in; as a program it is not on every machine.
        let order = format!("kill -TERM {pid}");
        let sent = Command::new("sh").args(["-c", &order]).status().context("cannot start `sh`")?;
        ensure!(sent.success(), "cannot send SIGTERM to process {pid} ({sent})");
        let status = self.wait()?;
        ensure!(
            status.success(),
            "the server must exit with 0 after SIGTERM, but: {status}; it printed:\n{}",
            self.last_lines()
        );
        Ok(())
    }

    fn wait(&mut self) -> Result<ExitStatus> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(20));
        }
        bail!(
            "the server still ran {} s after SIGTERM; it printed:\n{}",
            PATIENCE.as_secs(),
            self.last_lines()
        )
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // Both fail only when the process has ended already, which is what they are for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Tail {
    /// Reads a stream to its end in a thread of its own, so that the server never waits for a full pipe.
    fn follow(&self, stream: impl Read + Send + 'static, found: Sender<String>) {
        let tail = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                if let Some(url) = url_in(&line) {
                    // Nobody listens after the first one.
                    let _ = found.send(url);
                }
                tail.push(line);
            }
        });
    }

    fn push(&self, line: String) {
        let mut lines = self.lines();
        if is_error(&line) && lines.errors.len() < KEPT_LINES {
            lines.errors.push(line.clone());
        }
        if lines.last.len() == KEPT_LINES {
            lines.last.pop_front();
        }
        lines.last.push_back(line);
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn indented(line: &String) -> String {
    format!("  {line}\n")
}

/// Whether a line of the log, `<time> <level> <target>: …`, is at error level.
fn is_error(line: &str) -> bool {
    line.split_whitespace().nth(1) == Some("ERROR")
}

/// `http://127.0.0.1:<port>` anywhere in the line.
fn url_in(line: &str) -> Option<String> {
    const START: &str = "http://127.0.0.1:";
    let (_, rest) = line.split_once(START)?;
    let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
    if port.is_empty() { None } else { Some(format!("{START}{port}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn the_url_is_found_in_a_line() {
        assert_eq!(
            url_in("\u{1b}[1mlistening\u{1b}[0m on http://127.0.0.1:4711/docs").unwrap(),
            "http://127.0.0.1:4711"
        );
        assert_eq!(url_in("listening on http://127.0.0.1:"), None);
        assert_eq!(url_in("listening on 0.0.0.0:80"), None);
    }

    #[test]
    fn lines_at_error_level_are_kept() {
        let script = "echo http://127.0.0.1:81; echo '2026-01-01T00:00:00Z ERROR ketch: failed'; \
            echo '2026-01-01T00:00:00Z  INFO ketch: x=\" ERROR \"'; exec sleep 60";
        let example = Example::start(&mut shell(script)).unwrap();
        let end = Instant::now() + PATIENCE;
        while example.tail.lines().last.len() < 3 && Instant::now() < end {
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(example.errors(), "  2026-01-01T00:00:00Z ERROR ketch: failed\n");
    }

    #[test]
    fn a_server_that_ends_well_on_sigterm_passes() {
        let good = "trap 'exit 0' TERM; echo at http://127.0.0.1:81 >&2; while :; do sleep 0.05; done";
        let example = Example::start(&mut shell(good)).unwrap();
        assert_eq!(example.url(), "http://127.0.0.1:81");
        example.stop().unwrap();
    }

    #[test]
    fn a_server_that_dies_of_sigterm_or_before_it_fails() {
        let dies = "echo http://127.0.0.1:81; exec sleep 60";
        let error = Example::start(&mut shell(dies)).unwrap().stop().unwrap_err();
        assert!(error.to_string().contains("must exit with 0 after SIGTERM"), "{error}");

        let mut example = Example::start(&mut shell("echo http://127.0.0.1:81; exit 0")).unwrap();
        example.child.wait().unwrap();
        let error = example.stop().unwrap_err();
        assert!(error.to_string().contains("ended by itself"), "{error}");
    }

    #[test]
    fn a_server_that_never_says_where_it_is_fails_with_what_it_said() {
        let error = Example::start(&mut shell("echo no such option; exit 2")).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("no such option"), "{error}");
        let silent = Example::start_within(&mut shell("exec sleep 60"), Duration::from_millis(100));
        assert!(silent.is_err());
    }
}
