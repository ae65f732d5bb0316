//! The driver `exec`: any executable, one process for each call.

mod protocol;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use ketch_model::{Error, Problem};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::call::{Answer, Call};
use crate::driver::{Bound, Controller, Driver, Pending, Wanted};

/// The driver.
#[derive(Debug)]
pub(crate) struct Exec;

impl Driver for Exec {
    fn name(&self) -> &'static str {
        "exec"
    }

    fn claims(&self, file: &Path) -> bool {
        !file.extension().is_some_and(|extension| extension == "sql" || extension == "wasm")
    }

    fn controller(&self, wanted: &Wanted<'_>) -> Result<Bound, Vec<Problem>> {
        let program = wanted.project.root.join(wanted.file);
        let (folder, seed) = (wanted.project.root.clone(), wanted.project.seed);
        Ok(Bound::Controller(Arc::new(Oneshot { program, folder, seed })))
    }
}

/// A process for each call.
#[derive(Debug)]
struct Oneshot {
    program: PathBuf,
    folder: PathBuf,
    seed: bool,
}

impl Controller for Oneshot {
    fn call(&self, call: Call) -> Pending<Result<Answer, Error>> {
        let mut command = Command::new(&self.program);
        let input = Value::Object(call.with_specials()).to_string();
        command.arg(call.method.as_str()).current_dir(&self.folder).kill_on_drop(true);
        if self.seed {
            command.arg(&input);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        Box::pin(async move {
            let mut child = command.spawn().map_err(Error::internal)?;
            if let Some(mut stdin) = child.stdin.take() {
                stdin.write_all(input.as_bytes()).await.map_err(Error::internal)?;
            }
            let output = child.wait_with_output().await.map_err(Error::internal)?;
            match serde_json::from_slice(&output.stdout) {
                Ok(Value::Object(fields)) if output.status.success() => Ok(Answer::Fields(fields)),
                _ => Err(Error::new(502, "bad_controller", "the controller answered nonsense")),
            }
        })
    }
}
