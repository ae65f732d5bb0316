//! Manifests that are loaded anew when their files change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ketch_manifest::Footprint;
use ketch_server::{Reloaded, Reloader};

use crate::terminal::{clean, say};
use crate::watch::{Watch, Watched};

/// Who is told what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Whoever reads the log.
    InTheLog,
    /// Whoever writes the project, in a terminal.
    ToPeople,
}

/// Loads the manifests of a server anew whenever their files change, for ever.
pub(crate) async fn follow(reloader: Reloader, told: Told) {
    let projects = Projects { reloader: reloader.clone(), footprints: Mutex::default() };
    let mut watch = Watch::start(Arc::new(projects));
    let current = reloader.clone();
    // Between the build and here something may have been written.
    let mut is_current = tokio::task::spawn_blocking(move || current.is_current()).await.unwrap_or(false);
    loop {
        if is_current {
            watch.changed().await;
        }
        is_current = true;
        match told {
            // A migration that is half written must not be applied, and a guard that is being replaced not be left out.
            Told::InTheLog => Reloader::log(&reloader.reload_seen().await),
            Told::ToPeople => reload_and_say(&reloader).await,
        }
    }
}

async fn reload_and_say(reloader: &Reloader) {
    match reloader.reload().await {
        Ok(Reloaded { endpoints, took, without, .. }) => {
            say(&format!("Loaded anew in {} ms: {endpoints} endpoints.", took.as_millis()));
            for name in without {
                say(&format!("The middleware {} is gone: endpoints are served without it.", clean(&name)));
            }
        }
        Err(problems) => {
            let lines: Vec<String> = problems.0.iter().map(|problem| clean(&problem.to_string())).collect();
            let count = match lines.len() {
                1 => "1 problem".to_owned(),
                many => format!("{many} problems"),
            };
            say(&format!("{count}; the last good state is served on:\n  {}", lines.join("\n  ")));
        }
    }
}

struct Projects {
    reloader: Reloader,
    /// As they were when folders were asked for last.
    footprints: Mutex<Vec<Footprint>>,
}

impl Watched for Projects {
    fn folders(&self) -> Vec<PathBuf> {
        let footprints: Vec<Footprint> =
            self.reloader.folders().map(|folder| Footprint::of(&real(folder))).collect();
        let folders = footprints.iter().flat_map(Footprint::watched).collect();
        *self.footprints.lock().unwrap_or_else(PoisonError::into_inner) = footprints;
        folders
    }

    fn covers(&self, path: &Path) -> bool {
        let footprints = self.footprints.lock().unwrap_or_else(PoisonError::into_inner);
        footprints.iter().any(|footprint| footprint.covers(path))
    }

    fn has_changed(&self) -> bool {
        !self.reloader.is_current()
    }
}

/// The folder as the system's events name it.
pub(crate) fn real(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}
