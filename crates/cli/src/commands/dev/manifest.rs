//! A manifest: this very program serves it, and builds what has sources.

use std::fs::Metadata;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use ketch_edge::StopSignal;
use ketch_manifest::{Footprint, TOOL_FOLDERS, source_folders};
use process_wrap::tokio::{CommandWrap, KillOnDrop, ProcessGroup};

use super::Options;
use super::supervisor::{Made, Project, Runnable, State, run_to_end};
use crate::follow::real;
use crate::watch::Watched;

/// What sources may share, as `ketch build` gives it to compilers.
const SHARED: &str = "lib";

/// Files of sources that are looked at.
const FILES: usize = 10_000;

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
        let files = Files { root, seen: Mutex::default(), sources: Mutex::default(), up: Mutex::default() };
        files.has_changed();
        let arguments = vec!["serve".to_owned(), folder];
        Ok(Self { runnable: Runnable { program, arguments, folder: None }, files: Arc::new(files) })
    }

    fn build(&self) -> CommandWrap {
        let mut command = CommandWrap::with_new(&self.runnable.program, |command| {
            command.args(["build", "--quiet"]).arg(&self.files.root).stdin(Stdio::null());
        });
        command.wrap(KillOnDrop).wrap(ProcessGroup::leader());
        command
    }
}

impl Project for Manifest {
    fn watched(&self) -> Arc<dyn Watched> {
        Arc::clone(&self.files) as _
    }

    async fn ready(&mut self, stop: &mut StopSignal) -> Result<Made> {
        let mut is_built = true;
        if self.files.have_sources() {
            let builder = self.build().spawn().context("cannot run the program itself")?;
            let Some(status) = run_to_end(builder, stop).await? else { return Ok(Made::Stopped) };
            is_built = status.success();
        }
        Ok(match *self.files.up.lock().unwrap_or_else(PoisonError::into_inner) {
            // The server that is up loads what was built.
            Some(stores) if stores || !self.files.needs_database() => {
                if is_built {
                    Made::Same
                } else {
                    Made::Failed
                }
            }
            // What was built before can be served still; the check tells what is missing.
            _ => Made::Ready(self.runnable.clone()),
        })
    }

    fn runs(&mut self, state: State) {
        let stores = state == State::Up && self.files.needs_database();
        *self.files.up.lock().unwrap_or_else(PoisonError::into_inner) =
            (state == State::Up).then_some(stores);
    }
}

/// A server that is up loads its manifest anew itself. It is started anew only when the manifest needs a database for the
/// first time. Sources are built anew whenever they change.
struct Files {
    root: PathBuf,
    /// Whether the server that is up has a database; none when none is up.
    up: Mutex<Option<bool>>,
    seen: Mutex<u64>,
    sources: Mutex<u64>,
}

impl Files {
    fn have_sources(&self) -> bool {
        !self.source_folders().is_empty()
    }

    /// Where sources are, and what they share; nothing when there are none.
    fn source_folders(&self) -> Vec<PathBuf> {
        let project = ketch_manifest::Project::open(&self.root, &mut Vec::new());
        let sources = project.iter().flat_map(|project| source_folders(&project.file));
        let mut found: Vec<PathBuf> = sources.map(|source| self.root.join(source.folder)).collect();
        if !found.is_empty() {
            found.push(self.root.join(SHARED));
        }
        found
    }

    /// A number that differs when a source does.
    fn sources(&self) -> u64 {
        let mut files = Vec::new();
        walk(self.source_folders(), |path, known| {
            if !known.is_dir() {
                files.push((path.to_owned(), known.len(), known.modified().ok()));
            }
        });
        files.sort();
        let mut hash = DefaultHasher::new();
        files.hash(&mut hash);
        hash.finish()
    }

    fn needs_database(&self) -> bool {
        ketch_manifest::Project::open(&self.root, &mut Vec::new())
            .is_some_and(|project| project.needs_database())
    }
}

impl Watched for Files {
    fn folders(&self) -> Vec<PathBuf> {
        let mut folders = Footprint::of(&self.root).watched();
        walk(self.source_folders(), |path, known| {
            if known.is_dir() {
                folders.push(path.to_owned());
            }
        });
        folders
    }

    fn covers(&self, path: &Path) -> bool {
        Footprint::of(&self.root).covers(path) || path.starts_with(self.root.join(SHARED))
    }

    fn has_changed(&self) -> bool {
        let is_new = |seen: &Mutex<u64>, now| {
            std::mem::replace(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner), now) != now
        };
        let is_otherwise = is_new(&self.seen, Footprint::of(&self.root).revision());
        let is_to_build = is_new(&self.sources, self.sources());
        let up = *self.up.lock().unwrap_or_else(PoisonError::into_inner);
        is_to_build
            || match up {
                None => is_otherwise,
                Some(stores) => is_otherwise && !stores && self.needs_database(),
            }
    }
}

/// Calls `see` with every folder and file of sources. Links are not followed.
fn walk(mut open: Vec<PathBuf>, mut see: impl FnMut(&Path, &Metadata)) {
    let mut seen = 0;
    while let Some(path) = open.pop() {
        let Ok(known) = path.symlink_metadata() else { continue };
        seen += 1;
        if seen > FILES {
            return;
        }
        see(&path, &known);
        if known.is_dir() {
            let below = path.read_dir().into_iter().flatten().flatten();
            open.extend(
                below.filter(|entry| is_source(&entry.file_name().to_string_lossy())).map(|it| it.path()),
            );
        }
    }
}

fn is_source(name: &str) -> bool {
    !name.starts_with('.') && !name.ends_with('~') && !TOOL_FOLDERS.contains(&name)
}
