//! The circumstances of a run: machine, compiler, commit, and how busy the machine was.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::command;
use crate::workspace::Workspace;

/// What a reader must know to compare a run with another.
pub(super) struct Circumstances {
    pub(super) machine: String,
    pub(super) toolchain: String,
    pub(super) commit: String,
    /// Load averages of the last minute, before and after.
    pub(super) load: (f64, f64),
    pub(super) seconds: u64,
    pub(super) pairs: u64,
}

/// How many processes wanted to run, in the mean of the last minute.
pub(super) fn load() -> Result<f64> {
    let text = fs::read_to_string("/proc/loadavg").context("cannot read /proc/loadavg: this needs Linux")?;
    let first = text.split(' ').next().unwrap_or_default();
    first.parse().with_context(|| format!("`{}` is no load average", text.trim()))
}

impl Circumstances {
    /// As a list, with how it was measured.
    pub(super) fn shown(&self, how: &str) -> String {
        let Self { machine, toolchain, commit, load, .. } = self;
        format!(
            "- Machine: {machine}; load average {:.2} before and {:.2} after.\n\
             - Commit {commit}; {toolchain}.\n\
             - {how}.\n\
             - Cells show the median, and in parentheses the least and the most of all.\n\n",
            load.0, load.1
        )
    }
}

pub(super) fn circumstances(
    workspace: &Workspace,
    (seconds, pairs): (u64, u64),
    before: f64,
) -> Result<Circumstances> {
    let root = &workspace.root;
    let cores = std::thread::available_parallelism()?;
    let kernel =
        fs::read_to_string("/proc/sys/kernel/osrelease").context("cannot read the kernel's version")?;
    let rustc = command::output(command::program("rustc", root).arg("--version"))?;
    Ok(Circumstances {
        machine: format!("{}, {cores} cores, Linux {}", processor()?, kernel.trim()),
        toolchain: rustc.trim().to_owned(),
        commit: commit(root)?,
        load: (before, load()?),
        seconds,
        pairs,
    })
}

/// The size of each program without symbols and debug information.
pub(super) fn sizes(workspace: &Workspace, programs: &[PathBuf; 2]) -> Result<[u64; 2]> {
    let size = |program: &PathBuf| {
        let stripped = workspace.target.join("release/bench-stripped");
        let mut strip = command::program("strip", &workspace.root);
        command::output(strip.arg("-o").arg(&stripped).arg(program)).context("binutils bring `strip`")?;
        Ok::<u64, anyhow::Error>(fs::metadata(&stripped)?.len())
    };
    Ok([size(&programs[0])?, size(&programs[1])?])
}

fn processor() -> Result<String> {
    let text = fs::read_to_string("/proc/cpuinfo").context("cannot read /proc/cpuinfo")?;
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    Ok(name.map_or("an unnamed processor", |(_, name)| name.trim()).to_owned())
}

fn commit(root: &Path) -> Result<String> {
    let git = |arguments: &[&str]| command::output(command::program("git", root).args(arguments));
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = !git(&["status", "--porcelain", "--", "crates", "benches", "Cargo.lock"])?.is_empty();
    Ok(format!("{}{}", commit.trim(), if changed { " with changes" } else { "" }))
}
