//! A program with jobs, run as its users run it: a process, a command line, an exit code. It is this test binary, started
//! again.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use ketch::jobs::{JobCtx, JobError, JobResult};
use ketch::prelude::*;
use serde::{Deserialize, Serialize};

use crate::child::Served;

const ASKED: &str = "KETCH_TEST_PROGRAM";
/// What libtest says itself stands before it.
const BEGIN: &str = "-- the program begins --\n";

/// How a run ended: exit code, stdout, stderr.
pub(crate) struct Ran(pub(crate) i32, pub(crate) String, pub(crate) String);

/// A program and where its data is.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    data: Vec<String>,
}

/// Does what it is told.
#[derive(Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Errand {
    Succeed,
    Fail,
    GiveUp,
    /// Until it is told to end.
    Wait,
    Sleep {
        millis: u64,
    },
    /// As no job should: it lets go of its thread after this time only.
    Block {
        millis: u64,
    },
}

impl Job for Errand {
    const TYPE: &'static str = "errand";
    const MAX_ATTEMPTS: u32 = 3;
    type State = ();

    async fn run(self, ctx: JobCtx) -> JobResult {
        match self {
            Self::Succeed => Ok(()),
            Self::Fail => Err(JobError::new("out of luck\u{1b}[2J")),
            Self::GiveUp => Err(JobError::new("no use").give_up()),
            Self::Wait => {
                ctx.ended().await;
                Err(JobError::new("told to end"))
            }
            Self::Sleep { millis } => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                Ok(())
            }
            Self::Block { millis } => {
                std::thread::sleep(Duration::from_millis(millis));
                Ok(())
            }
        }
    }
}

/// Does nothing in an ordinary run; in the child it is the program.
#[test]
#[expect(clippy::disallowed_methods, reason = "the child is told what it is by its environment")]
#[expect(clippy::exit, reason = "the exit code is what is tested")]
fn runs_when_asked() {
    let Ok(asked) = std::env::var(ASKED) else { return };
    print!("{BEGIN}");
    let line: Vec<String> = serde_json::from_str(&asked).unwrap();
    let leap_day = Schedule::cron("leap day", "0 0 29 2 *", &Errand::Succeed).zone("Europe/Paris");
    let server = Server::new().job::<Errand>(()).schedule(leap_day);
    let code = ketch::main_from(line, server);
    let code = [0, 1, 2, 130].into_iter().find(|&known| ExitCode::from(known) == code).unwrap();
    std::process::exit(code.into());
}

impl Program {
    /// Its data is in this folder.
    pub(crate) fn with_data(folder: &Path) -> Self {
        Self { data: vec!["--data".to_owned(), folder.to_str().unwrap().to_owned()] }
    }

    /// Its data is in this database; the folder holds the rest.
    pub(crate) fn with_database(url: &str, folder: &Path) -> Self {
        let mut program = Self::with_data(folder);
        program.data.extend(["--database".to_owned(), url.to_owned()]);
        program
    }

    #[expect(clippy::disallowed_methods, reason = "the child is this test binary itself")]
    fn command(&self, arguments: &[&str]) -> Command {
        let mut line = vec!["ketch"];
        line.extend(arguments);
        line.extend(self.data.iter().map(String::as_str));
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "program::runs_when_asked", "--nocapture"]);
        command.env(ASKED, serde_json::to_string(&line).unwrap());
        command.env_remove("KETCH_DATABASE_URL").env_remove("KETCH_DATA").env_remove("KETCH_LOG");
        command
    }

    /// Starts it as a server.
    pub(crate) fn serve(&self) -> Served {
        self.serve_with(&[])
    }

    /// The same with more flags.
    pub(crate) fn serve_with(&self, flags: &[&str]) -> Served {
        let line: Vec<&str> = ["serve", "--listen", "127.0.0.1:0"].iter().chain(flags).copied().collect();
        Served::launch(self.command(&line))
    }

    /// Runs a command of it, to the end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        ended(self.start(arguments))
    }

    /// Starts a command of it.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Runs `jobs`; what it printed. It must go well.
    pub(crate) fn jobs(&self, arguments: &[&str]) -> String {
        let line: Vec<&str> = std::iter::once("jobs").chain(arguments.iter().copied()).collect();
        let Ran(code, stdout, stderr) = self.run(&line);
        assert_eq!(code, 0, "{arguments:?}: {stdout}{stderr}");
        stdout
    }

    /// Runs `jobs`, which must fail; what it printed and said.
    pub(crate) fn refused(&self, arguments: &[&str]) -> (String, String) {
        let line: Vec<&str> = std::iter::once("jobs").chain(arguments.iter().copied()).collect();
        let Ran(code, stdout, stderr) = self.run(&line);
        assert_eq!(code, 1, "{arguments:?}: {stdout}{stderr}");
        (stdout, stderr)
    }

    /// The same in JSON.
    pub(crate) fn jobs_json(&self, arguments: &[&str]) -> serde_json::Value {
        let mut line = arguments.to_vec();
        line.push("--json");
        serde_json::from_str(&self.jobs(&line)).unwrap()
    }

    /// Enqueues an errand; its number.
    pub(crate) fn add(&self, errand: &str, more: &[&str]) -> String {
        let payload = format!(r#"{{"do": "{errand}"}}"#);
        let line: Vec<&str> = ["add", "errand", &payload].into_iter().chain(more.iter().copied()).collect();
        self.jobs(&line).trim_end().to_owned()
    }
}

/// Waits for the end of a command.
pub(crate) fn ended(command: Child) -> Ran {
    let output = command.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let stdout = text(output.stdout);
    let stdout = stdout.split_once(BEGIN).expect("the program was run").1.to_owned();
    Ran(output.status.code().unwrap(), stdout, text(output.stderr))
}

/// Where the control socket of a folder is.
pub(crate) fn socket(folder: &Path) -> PathBuf {
    folder.join("ketch.sock")
}
