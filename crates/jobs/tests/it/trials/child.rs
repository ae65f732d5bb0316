//! What a process is, from within: this test binary with a task in its environment.
//!
//! It says what it has done in lines on its standard output, each with one write(2), so that a line is out when the
//! write is, however the process ends. It is told what to do in lines on its standard input.

use std::io::{BufRead, Write};
use std::panic::PanicHookInfo;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{clock, deadly, full, memory, work};

/// The variable with the task.
pub(super) const ASKED: &str = "KETCH_TEST_JOBS_CHILD";

/// How a panic begins that a job is meant to end with.
pub(super) const ON_PURPOSE: &str = "on purpose";

/// A process that takes longer hangs.
const TOO_LONG: Duration = Duration::from_mins(30);

/// What a process is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Task {
    /// Enqueues jobs and runs them.
    Work(work::Work),
    /// Does so while its clock jumps.
    Clock(clock::Jumps),
    /// Runs a job that ends the process.
    Deadly(deadly::Dies),
    /// Does its work while its disk fills up.
    Full(full::Fills),
    /// Enqueues much more than it runs.
    Flood(memory::Flood),
    /// Runs jobs that panic.
    Panics(memory::Panics),
}

/// What a process is told.
pub(super) type Ear = mpsc::UnboundedReceiver<String>;

/// Does nothing in an ordinary run; in the child it is the whole program.
#[test]
#[expect(clippy::disallowed_methods, reason = "the child is told what it is by its environment")]
fn works_when_asked() {
    let Ok(asked) = std::env::var(ASKED) else { return };
    let task = serde_json::from_str(&asked).expect("a task as `Task` is written");
    std::panic::set_hook(Box::new(panicked));
    std::thread::spawn(|| {
        std::thread::sleep(TOO_LONG);
        std::process::abort();
    });
    let (tell, told) = mpsc::unbounded_channel();
    hear(tell);
    // What the test harness has said so far does not end its line.
    say("");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
    runtime.expect("a runtime starts").block_on(async {
        match task {
            Task::Work(work) => work::run(work, told).await,
            Task::Clock(jumps) => clock::run(jumps, told).await,
            Task::Deadly(dies) => deadly::run(dies).await,
            Task::Full(fills) => full::run(fills).await,
            Task::Flood(flood) => memory::flood(flood, told).await,
            Task::Panics(panics) => memory::panics(panics, told).await,
        }
    });
    say("end");
}

/// Says a line, with one write(2).
pub(super) fn say(line: &str) {
    // The standard library's buffer hands on what ends with a line's end, at once and as a whole.
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).expect("the parent listens");
}

/// Whoever started the process fails when a panic is said that nobody meant.
fn panicked(panic: &PanicHookInfo<'_>) {
    let text = panic.to_string().replace('\n', " ");
    if !text.contains(ON_PURPOSE) {
        // Without the trial there is nobody to tell.
        let _nobody_listens = std::io::stdout().write_all(format!("panic {text}\n").as_bytes());
    }
}

/// What the process is told, line by line. When whoever started it is gone, so is the process.
fn hear(tell: mpsc::UnboundedSender<String>) {
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            // A task that is told nothing does not listen.
            let _nobody_listens = tell.send(line);
        }
        std::process::abort();
    });
}
