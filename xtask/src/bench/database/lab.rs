//! Where the measurements with a database happen: a folder for the files, the programs, and how servers are started on
//! fresh copies of one file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::super::server::Server;
use super::peer::Peer;
use super::side::Side;
use super::{ROWS, direct};
use crate::command;
use crate::workspace::Workspace;

pub(in super::super) struct Lab<'w> {
    pub(in super::super) workspace: &'w Workspace,
    baseline: PathBuf,
    candidate: PathBuf,
    /// On the disk that is built on; a memory file system would not show what a commit costs.
    pub(in super::super) folder: PathBuf,
    /// The file that all copies are made of.
    seed: PathBuf,
    pub(super) peer: Option<Peer>,
}

impl<'w> Lab<'w> {
    /// Makes the folder anew, and the file with its rows.
    pub(in super::super) fn set_up(workspace: &'w Workspace, programs: &[PathBuf; 2]) -> Result<Self> {
        let folder = workspace.target.join("bench");
        fresh(&folder)?;
        let seed = folder.join("seed.db");
        let [baseline, candidate] = programs.clone();
        let lab = Self { workspace, baseline, candidate, folder, seed, peer: None };
        command::output(lab.direct().arg("seed").arg(&lab.seed).arg(ROWS.to_string()))?;
        Ok(lab)
    }

    /// Removes the folder: it may hold gigabytes.
    pub(in super::super) fn clear_up(&self) -> Result<()> {
        fs::remove_dir_all(&self.folder).with_context(|| cannot("remove", &self.folder))
    }

    /// The program that calls SQLite directly.
    pub(in super::super) fn direct(&self) -> Command {
        let program = self.workspace.target.join("release").join(direct::PACKAGE);
        command::program(program, &self.workspace.root)
    }

    /// A fresh copy of the file, in a folder of this name.
    pub(in super::super) fn copy(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        fresh(&folder)?;
        let file = folder.join("app.db");
        copied(&self.seed, &file)?;
        Ok(file)
    }

    /// A side of a group on a fresh copy; no two at a time have the same number.
    pub(super) fn start(&self, side: &Side, number: usize, workers: Option<u32>) -> Result<Server> {
        let name = format!("side-{number}");
        if let Side::PocketBase { log } = side {
            let peer = self.peer.as_ref().context("PocketBase is set up before it is measured")?;
            return peer.start(*log, &self.folder.join(name));
        }
        let mut command = match side {
            Side::Axum { .. } => command::program(&self.baseline, &self.folder),
            _ => self.candidate(&self.copy(&name)?),
        };
        if let Some(workers) = workers {
            command.env("TOKIO_WORKER_THREADS", workers.to_string());
        }
        match side {
            Side::Ketch { sync, alone } => {
                command.env("BENCH_SYNC", sync.name());
                if *alone {
                    command.env("BENCH_BATCH", "1");
                }
            }
            Side::Axum { reads, sync } => {
                command.env("BENCH_DATABASE", self.copy(&name)?);
                command.env("BENCH_SYNC", sync.name()).env("BENCH_READS", reads.name());
            }
            Side::Manifest => {
                command.env("BENCH_SYNC", "full").env("BENCH_MANIFEST", "1");
            }
            Side::PocketBase { .. } => {}
        }
        Server::launch(command)
    }

    /// The candidate on a file, as it comes.
    pub(in super::super) fn candidate(&self, file: &Path) -> Command {
        let mut command = command::program(&self.candidate, &self.folder);
        command.env("BENCH_DATABASE", file);
        command
    }
}

/// An empty folder.
pub(in super::super) fn fresh(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| cannot("remove", folder))?;
    }
    fs::create_dir_all(folder).with_context(|| cannot("make", folder))
}

/// Copies a file onto the disk, so that no later commit has to wait for that.
pub(in super::super) fn copied(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    File::open(to).and_then(|file| file.sync_all()).with_context(|| cannot("sync", to))
}

fn cannot(what: &str, path: &Path) -> String {
    format!("cannot {what} {}", path.display())
}
