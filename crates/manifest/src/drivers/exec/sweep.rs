//! What has left its group: found by a mark in its environment, and killed too. It costs a look at every process of the
//! machine, so it happens only where a worker has ended, or a program of one call because it did not end or broke the rules.

use std::fs::{self, File};
use std::io::Read;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use uuid::Uuid;

/// The variable that is the mark.
pub(super) const NAME: &str = "KETCH_PROCESS";

/// As much of an environment as is read, in bytes.
const LARGEST: u64 = 256 << 10;

/// How often all processes are looked at, while some are found: what is killed may have started others.
const PASSES: usize = 8;

/// A mark of one process, which all inherit that it starts.
#[derive(Clone, Debug)]
pub(super) struct Mark(String);

impl Mark {
    pub(super) fn new() -> Self {
        Self(Uuid::new_v4().simple().to_string())
    }

    /// The value of the variable.
    pub(super) fn value(&self) -> &str {
        &self.0
    }

    /// Kills every process with this mark. It blocks.
    pub(super) fn sweep(&self) {
        for _ in 0..PASSES {
            if self.pass() == 0 {
                return;
            }
        }
        tracing::warn!("a program starts processes outside its group faster than they are killed");
    }

    /// How many were killed.
    fn pass(&self) -> usize {
        let mark = format!("{NAME}={}", self.0);
        let Ok(entries) = fs::read_dir("/proc") else { return 0 };
        let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        ids.filter(|id| environment(*id).split(|byte| *byte == 0).any(|it| it == mark.as_bytes()))
            .filter(|id| kill(Pid::from_raw(*id), Signal::SIGKILL).is_ok())
            .count()
    }
}

/// The environment that a process was started with; empty when it has ended, or is another user's.
fn environment(id: i32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = File::open(format!("/proc/{id}/environ"));
    match file.and_then(|file| file.take(LARGEST).read_to_end(&mut bytes)) {
        Ok(_) => bytes,
        Err(_) => Vec::new(),
    }
}
