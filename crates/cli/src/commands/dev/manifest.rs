//! A manifest: this very program serves it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use ketch_edge::StopSignal;
use ketch_manifest::Footprint;

use super::Options;
use super::supervisor::{Made, Project, Runnable, State};
use crate::follow::real;
use crate::watch::Watched;

/// A manifest that is served.
pub(super) struct Manifest {
    runnable: Runnable,
    files: Arc<Files>,
}

impl Manifest {
    pub(super) fn new(options: &Options) -> Result<Self> {
        let program = std::env::current_exe().context("cannot find the program itself")?;
        let folder = options.dir.display().to_string();
        let root = real(&options.dir);
        let files = Files { seen: Mutex::new(Seen::of(&root)), root, up: AtomicBool::new(false) };
        let arguments = vec!["serve".to_owned(), folder];
        Ok(Self { runnable: Runnable { program, arguments, folder: None }, files: Arc::new(files) })
    }
}

impl Project for Manifest {
    fn watched(&self) -> Arc<dyn Watched> {
        Arc::clone(&self.files) as _
    }

    async fn ready(&mut self, _: &mut StopSignal) -> Result<Made> {
        Ok(Made::Ready(self.runnable.clone()))
    }

    fn runs(&mut self, state: State) {
        self.files.up.store(state == State::Up, Ordering::Release);
    }
}

/// As long as a server is up, which loads its manifest anew itself, only migrations count: they are applied at the start.
struct Files {
    root: PathBuf,
    up: AtomicBool,
    seen: Mutex<Seen>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    all: u64,
    migrations: u64,
}

impl Seen {
    fn of(root: &Path) -> Self {
        Self { all: Footprint::of(root).revision(), migrations: Footprint::of_migrations(root).revision() }
    }
}

impl Files {
    fn counts(&self) -> Footprint {
        if self.up.load(Ordering::Acquire) {
            Footprint::of_migrations(&self.root)
        } else {
            Footprint::of(&self.root)
        }
    }
}

impl Watched for Files {
    fn folders(&self) -> Vec<PathBuf> {
        Footprint::of(&self.root).watched()
    }

    fn covers(&self, path: &Path) -> bool {
        self.counts().covers(path)
    }

    fn has_changed(&self) -> bool {
        let now = Seen::of(&self.root);
        let before = std::mem::replace(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner), now);
        if self.up.load(Ordering::Acquire) { now.migrations != before.migrations } else { now != before }
    }
}
