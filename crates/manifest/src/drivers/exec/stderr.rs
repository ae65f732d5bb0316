//! What programs write on standard error: lines of the log, with the request that they belong to. A program that floods is
//! read on, so that it is not held up, but most of it is only counted.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ketch_web::RequestId;
use tokio::io::AsyncReadExt;
use tokio::process::ChildStderr;
use tokio::time::{Instant, timeout};

use super::errors::{SHOWN, shown};
use super::spawn::Ended;

/// Lines of one process that are logged in one second.
const LINES: u32 = 50;

/// How long one waits for the end of the pipe once the process has ended: another may hold it.
const LINGERS: Duration = Duration::from_millis(200);

/// The request that a process is at, or was at last.
#[derive(Clone, Debug, Default)]
pub(super) struct Current(Arc<Mutex<Option<RequestId>>>);

impl Current {
    pub(super) fn set(&self, id: Option<RequestId>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = id;
    }

    fn get(&self) -> Option<RequestId> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs until the pipe ends, in a task of its own.
pub(super) fn log(stderr: Option<ChildStderr>, program: &Path, current: Current, mut ended: Ended) {
    let Some(stderr) = stderr else { return };
    let program = program.display().to_string();
    tokio::spawn(async move {
        let mut lines = Lines { program, current, line: Vec::new(), since: Instant::now(), told: 0, left: 0 };
        let read = lines.read(stderr);
        tokio::pin!(read);
        tokio::select! {
            () = &mut read => return,
            _status = ended.status() => {}
        }
        let _held = timeout(LINGERS, read).await;
    });
}

struct Lines {
    program: String,
    current: Current,
    /// What has come of a line, one byte more than is shown at the most.
    line: Vec<u8>,
    since: Instant,
    told: u32,
    left: u64,
}

impl Lines {
    async fn read(&mut self, mut stderr: ChildStderr) {
        let mut bytes = vec![0; 8192];
        while let Ok(count @ 1..) = stderr.read(&mut bytes).await {
            for part in bytes[..count].split_inclusive(|byte| *byte == b'\n') {
                let (text, ends) = part.strip_suffix(b"\n").map_or((part, false), |text| (text, true));
                let room = (SHOWN + 1).saturating_sub(self.line.len());
                self.line.extend_from_slice(&text[..text.len().min(room)]);
                if ends {
                    self.tell();
                }
            }
        }
        self.tell();
        self.count();
    }

    fn tell(&mut self) {
        if self.since.elapsed() >= Duration::from_secs(1) {
            self.count();
            (self.since, self.told) = (Instant::now(), 0);
        }
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        if line.is_empty() {
            // Nothing was said.
        } else if self.told < LINES {
            self.told += 1;
            let (line, program) = (shown(line), &self.program);
            match self.current.get() {
                Some(id) => tracing::warn!(request_id = %id, %program, "{line}"),
                None => tracing::warn!(%program, "{line}"),
            }
        } else {
            self.left += 1;
        }
        self.line.clear();
    }

    fn count(&mut self) {
        if self.left > 0 {
            tracing::warn!(program = %self.program, lines = self.left, "wrote more on standard error than is logged");
            self.left = 0;
        }
    }
}
