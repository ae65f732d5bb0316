//! A process that may be killed: this test binary, started again with one test's name and a task in its environment.
//!
//! It says what it has done in lines on its standard output, each with one write(2), so that a line is out when the
//! write is, however the process ends.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{clock, every_step, fsync, full, ledger, overload};

const ASKED: &str = "KETCH_TEST_DB_CHILD";

/// A child that takes longer hangs.
const TOO_LONG: Duration = Duration::from_secs(600);

/// What a child is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Task {
    /// Writes to the ledger.
    Ledger(ledger::Run),
    /// Does one of everything.
    Steps(every_step::Steps),
    /// Meets an fsync that fails.
    Fsync(ledger::Run),
    /// Fills its disk.
    Full(ledger::Run),
    /// Sets its clock.
    Clock(clock::Jumps),
    /// Asks for more than can be done.
    Overload(ledger::Run),
}

/// Does nothing in an ordinary run; in the child it is the whole program.
#[test]
#[expect(clippy::disallowed_methods, reason = "the child is told what it is by its environment")]
fn works_when_asked() {
    let Ok(asked) = std::env::var(ASKED) else { return };
    let task = serde_json::from_str(&asked).expect("a task as `Task` is written");
    std::thread::spawn(|| {
        std::thread::sleep(TOO_LONG);
        eprintln!("the child hangs, after {} s", TOO_LONG.as_secs());
        std::process::abort();
    });
    // What the test harness has said so far does not end its line.
    say("");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime starts").block_on(async {
        match task {
            Task::Ledger(run) => ledger::run(run).await,
            Task::Steps(steps) => every_step::run(steps).await,
            Task::Fsync(run) => fsync::run(run).await,
            Task::Full(run) => full::run(run).await,
            Task::Clock(jumps) => clock::run(jumps).await,
            Task::Overload(run) => overload::run(run).await,
        }
    });
    say("end");
}

/// Says a line, with one write(2).
pub(super) fn say(line: &str) {
    // The standard library's buffer hands on what ends with a line's end, at once and as a whole.
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).expect("the parent listens");
}

/// How a child is started.
#[derive(Debug)]
pub(super) enum Under {
    /// As it is.
    Nothing,
    /// Under `strace`, with these arguments.
    Strace(Vec<String>),
    /// Under any other program, which runs the rest of its arguments.
    Program(Vec<String>, Vec<(&'static str, String)>),
}

impl Under {
    /// Every call that changes files, or tells of it, goes to a record.
    pub(super) fn record(to: &Path) -> Self {
        let calls = "trace=openat,open,creat,close,lseek,read,write,pwrite64,pwritev,pwritev2,writev,\
                     fsync,fdatasync,sync_file_range,msync,sync,syncfs,ftruncate,truncate,fallocate,\
                     copy_file_range,sendfile,splice,rename,renameat,renameat2,link,linkat,symlink,symlinkat,\
                     unlink,unlinkat,mkdir,mkdirat,rmdir";
        let words = ["-qq", "-y", "-xx", "-s", "1000000", "-o"].map(str::to_owned);
        let mut words = words.to_vec();
        words.extend([to.display().to_string(), "-e".to_owned(), calls.to_owned()]);
        Self::Strace(words)
    }
}

/// A child, and the lines it says.
pub(super) struct Started {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Started {
    pub(super) fn new(task: &Task) -> Self {
        Self::under(&Under::Nothing, task)
    }

    #[expect(clippy::disallowed_methods, reason = "the child is this test binary itself")]
    pub(super) fn under(under: &Under, task: &Task) -> Self {
        let me = std::env::current_exe().expect("this program has a path");
        let mut command = match under {
            Under::Nothing => Command::new(&me),
            Under::Strace(words) => {
                let mut strace = Command::new("strace");
                strace.args(["-f", "--seccomp-bpf"]).args(words).arg(&me);
                strace
            }
            Under::Program(words, variables) => {
                let mut program = Command::new(&words[0]);
                program.args(&words[1..]).arg(&me).envs(variables.iter().map(|(name, value)| (name, value)));
                program
            }
        };
        command.args(["--exact", "durability::child::works_when_asked", "--nocapture", "--test-threads=1"]);
        command.env(ASKED, serde_json::to_string(task).expect("a task can be written"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| {
            panic!("{command:?}: {error}; `cargo xtask test` installs what is missing, or says how")
        });
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Self { child, lines }
    }

    /// The next line; none when the child has ended.
    pub(super) fn line(&mut self) -> Option<String> {
        self.lines.next().map(|line| line.expect("the child says UTF-8"))
    }

    /// Ends it at once, as `kill -9` does.
    pub(super) fn kill(&mut self) {
        self.child.kill().expect("a child can be killed");
    }

    /// All lines until it ends by itself, which it must do well.
    pub(super) fn finish(mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.line() {
            lines.push(line);
        }
        let status = self.child.wait().expect("a child ends");
        assert!(
            status.success() && lines.iter().any(|line| line == "end"),
            "the child failed ({status}): {lines:#?}"
        );
        lines
    }
}

impl Drop for Started {
    /// A test that failed leaves no process behind.
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
    }
}

/// The file in a folder that a child's database is in. The folder below is the child's to make.
pub(super) fn database(folder: &Path) -> PathBuf {
    folder.join("data").join("app.db")
}
