//! A manifest: this very program serves it.

use std::path::{Path, PathBuf};
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
        let seen = Mutex::new(Footprint::of(&root).revision());
        let files = Files { seen, root, up: Mutex::default() };
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
        let stores = state == State::Up && self.files.needs_database();
        *self.files.up.lock().unwrap_or_else(PoisonError::into_inner) =
            (state == State::Up).then_some(stores);
    }
}

/// A server that is up loads its manifest anew itself. It is started anew only when the manifest needs a database for the
/// first time.
struct Files {
    root: PathBuf,
    /// Whether the server that is up has a database; none when none is up.
    up: Mutex<Option<bool>>,
    seen: Mutex<u64>,
}

impl Files {
    fn needs_database(&self) -> bool {
        ketch_manifest::Project::open(&self.root, &mut Vec::new())
            .is_some_and(|project| project.needs_database())
    }
}

impl Watched for Files {
    fn folders(&self) -> Vec<PathBuf> {
        Footprint::of(&self.root).watched()
    }

    fn covers(&self, path: &Path) -> bool {
        Footprint::of(&self.root).covers(path)
    }

    fn has_changed(&self) -> bool {
        let now = Footprint::of(&self.root).revision();
        let before = std::mem::replace(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner), now);
        let up = *self.up.lock().unwrap_or_else(PoisonError::into_inner);
        match up {
            None => now != before,
            Some(stores) => now != before && !stores && self.needs_database(),
        }
    }
}
