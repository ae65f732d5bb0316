//! Compilers as child processes: what they say is kept for the one who asked, and one that is missing is named.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::Job;

/// A program of a toolchain.
pub(super) struct Tool {
    command: Command,
    name: &'static str,
    /// What it is, and how to get it.
    get: &'static str,
}

impl Tool {
    /// A program to run in a folder. `get` says how to install it.
    #[expect(
        clippy::disallowed_methods,
        reason = "compilers are trusted as the sources are, and their user waits"
    )]
    pub(super) fn new(name: &'static str, folder: &Path, get: &'static str) -> Self {
        let mut command = Command::new(name);
        command.current_dir(folder).stdin(Stdio::null());
        Self { command, name, get }
    }

    /// The same, or the program that a variable of the environment names in its place.
    #[expect(clippy::disallowed_methods, reason = "compilers are trusted as the sources are")]
    pub(super) fn said(variable: &str, name: &'static str, folder: &Path, get: &'static str) -> Self {
        let mut tool = Self::new(name, folder, get);
        if let Some(program) = std::env::var_os(variable).filter(|program| !program.is_empty()) {
            tool.command = Command::new(program);
            tool.command.current_dir(folder).stdin(Stdio::null());
        }
        tool
    }

    pub(super) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(super) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    pub(super) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Whether it can be started and ends well.
    pub(super) fn works(mut self) -> bool {
        self.command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// Runs it to its end. What it says goes to the job's output.
    ///
    /// # Errors
    /// That it is missing, with how to get it; that it failed.
    pub(super) fn run(mut self, job: &Job<'_>) -> Result<()> {
        self.command.stdout(job.said.try_clone()?).stderr(job.said.try_clone()?);
        let status = self.command.status();
        self.judged(status)
    }

    /// The same, and gives what it wrote on standard output.
    pub(super) fn output(mut self, job: &Job<'_>) -> Result<Vec<u8>> {
        self.command.stdout(Stdio::piped()).stderr(job.said.try_clone()?);
        match self.command.output() {
            Ok(output) => {
                self.judged(Ok(output.status))?;
                Ok(output.stdout)
            }
            Err(error) => self.judged(Err(error)).map(|()| Vec::new()),
        }
    }

    fn judged(&self, status: std::io::Result<std::process::ExitStatus>) -> Result<()> {
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => bail!("{} failed ({status})", self.name),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                bail!("there is no `{}` here: {}", self.name, self.get)
            }
            Err(error) => Err(error).with_context(|| format!("cannot start {}", self.name)),
        }
    }
}
