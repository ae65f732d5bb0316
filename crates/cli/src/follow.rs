//! Manifests that are loaded anew when their files change.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ketch_manifest::{Footprint, Release};
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
    let projects =
        Projects { reloader: reloader.clone(), footprints: Mutex::default(), links: Mutex::default() };
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
        Ok(Reloaded { endpoints, middlewares, took, without, .. }) => {
            let what = format!("{} and {}", many(endpoints, "endpoint"), many(middlewares, "middleware"));
            say(&format!("Loaded anew in {} ms: {what}.", took.as_millis()));
            for name in without {
                say(&format!("The middleware {} is gone: endpoints are served without it.", clean(&name)));
            }
        }
        Err(problems) => {
            let lines: Vec<String> = problems.0.iter().map(|problem| clean(&problem.to_string())).collect();
            let count = many(lines.len(), "problem");
            say(&format!("{count}; the last good state is served on:\n  {}", lines.join("\n  ")));
        }
    }
}

/// `1 endpoint`, `2 endpoints`, `no endpoints`.
pub(crate) fn many(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        many => format!("{many} {what}s"),
    }
}

struct Projects {
    reloader: Reloader,
    /// As they were when folders were asked for last.
    footprints: Mutex<Vec<Footprint>>,
    /// The links that led to them then, as the system's events name them.
    links: Mutex<BTreeSet<PathBuf>>,
}

impl Watched for Projects {
    fn folders(&self) -> Vec<PathBuf> {
        let footprints: Vec<Footprint> =
            self.reloader.folders().map(|folder| Footprint::of(&real(folder))).collect();
        let links: BTreeSet<PathBuf> = self
            .reloader
            .folders()
            .flat_map(|folder| Release::of(folder).links)
            .filter_map(|it| named(&it))
            .collect();
        let around = links.iter().filter_map(|link| link.parent()).map(Path::to_owned);
        let folders = footprints.iter().flat_map(Footprint::watched).chain(around).collect();
        *self.links.lock().unwrap_or_else(PoisonError::into_inner) = links;
        *self.footprints.lock().unwrap_or_else(PoisonError::into_inner) = footprints;
        folders
    }

    fn covers(&self, path: &Path) -> bool {
        let footprints = self.footprints.lock().unwrap_or_else(PoisonError::into_inner);
        footprints.iter().any(|footprint| footprint.covers(path))
            || self.links.lock().unwrap_or_else(PoisonError::into_inner).contains(path)
    }

    fn has_changed(&self) -> bool {
        !self.reloader.is_current()
    }
}

/// A link as the system's events name it.
fn named(link: &Path) -> Option<PathBuf> {
    let beside = link.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some(real(beside).join(link.file_name()?))
}

/// The folder as the system's events name it.
pub(crate) fn real(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}
