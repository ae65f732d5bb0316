//! Files that are watched: what changed is told once it is quiet.
//!
//! Folders are watched one by one, so that large ones which do not matter cost nothing. Where the system cannot watch, or
//! has no room for more, files are looked at every now and then. What a change leads to is the caller's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};

/// So long nothing must have changed before a change is told: editors and `git` write many files in a row.
const QUIET: Duration = Duration::from_millis(100);

/// It is told after this time at the latest, however much still changes.
const LONGEST: Duration = Duration::from_secs(2);

/// How often files are looked at where they cannot be watched.
const POLL: Duration = Duration::from_secs(2);

/// Events that wait to be read. One more, and everything is taken to have changed.
const EVENTS: usize = 1024;

/// Paths that are told of one change. There may be more.
const TOLD: usize = 100;

/// What is watched.
pub(crate) trait Watched: Send + Sync + 'static {
    /// The folders, each for itself. Asked again after each change.
    fn folders(&self) -> Vec<PathBuf>;
    /// Whether a change of this path matters.
    fn covers(&self, path: &Path) -> bool;
    /// Whether anything is otherwise than when this was asked last, or than what is in use.
    fn has_changed(&self) -> bool;
}

/// Watches files.
pub(crate) struct Watch {
    what: Arc<dyn Watched>,
    eyes: Option<Eyes>,
}

/// The system's way to watch.
struct Eyes {
    watcher: RecommendedWatcher,
    folders: BTreeSet<PathBuf>,
    events: mpsc::Receiver<Event>,
    missed: Arc<AtomicBool>,
}

impl Watch {
    /// Begins to watch. It always works: at worst files are looked at every now and then, and that is told.
    pub(crate) fn start(what: Arc<dyn Watched>) -> Self {
        let mut watch = Self { what, eyes: None };
        watch.eyes = Eyes::open().map_err(|error| poll_instead(&error)).ok();
        watch.look_at_folders();
        watch
    }

    /// Resolves when something has changed and it is quiet; the paths, as far as they are known.
    pub(crate) async fn changed(&mut self) -> BTreeSet<PathBuf> {
        loop {
            let paths = match &mut self.eyes {
                Some(eyes) => eyes.quiet(&*self.what).await,
                None => {
                    sleep(POLL).await;
                    BTreeSet::new()
                }
            };
            let what = Arc::clone(&self.what);
            // What was made meanwhile is watched before it is read, so that nothing falls in between.
            self.look_at_folders();
            let changed = tokio::task::spawn_blocking(move || what.has_changed()).await;
            if changed.unwrap_or(true) {
                return paths;
            }
        }
    }

    fn look_at_folders(&mut self) {
        let Some(eyes) = &mut self.eyes else { return };
        if let Err(error) = eyes.look_at(self.what.folders()) {
            poll_instead(&error);
            self.eyes = None;
        }
    }
}

fn poll_instead(error: &notify::Error) {
    let hint = match &error.kind {
        ErrorKind::MaxFilesWatch => {
            "; the system watches no more files: raise fs.inotify.max_user_watches (sysctl)"
        }
        #[cfg(unix)]
        ErrorKind::Io(io) if io.raw_os_error() == Some(libc::EMFILE) => {
            "; no more watchers are allowed: raise fs.inotify.max_user_instances (sysctl)"
        }
        _ => "",
    };
    tracing::warn!(%error, "files cannot be watched, so they are looked at every {} s{hint}", POLL.as_secs());
}

impl Eyes {
    fn open() -> notify::Result<Self> {
        let (sender, events) = mpsc::channel(EVENTS);
        let missed = Arc::new(AtomicBool::new(false));
        let overflow = Arc::clone(&missed);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| match event {
            Ok(event) if !is_change(&event.kind) && !event.need_rescan() => {}
            Ok(event) if !event.need_rescan() => {
                if sender.try_send(event).is_err() {
                    overflow.store(true, Ordering::Release);
                }
            }
            // Something was lost: which, nobody knows.
            _ => {
                overflow.store(true, Ordering::Release);
                let _full_wakes_as_well = sender.try_send(Event::new(EventKind::Any));
            }
        })?;
        Ok(Self { watcher, folders: BTreeSet::new(), events, missed })
    }

    /// Watches these folders and no others. One that is gone meanwhile is no error.
    fn look_at(&mut self, folders: Vec<PathBuf>) -> notify::Result<()> {
        let wanted: BTreeSet<PathBuf> = folders.into_iter().collect();
        for gone in self.folders.difference(&wanted) {
            let _gone_anyway = self.watcher.unwatch(gone);
        }
        self.folders.retain(|folder| wanted.contains(folder));
        for folder in wanted {
            if self.folders.contains(&folder) {
                continue;
            }
            match self.watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => drop(self.folders.insert(folder)),
                Err(_) if !folder.is_dir() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits for a change that matters, and until it is quiet.
    async fn quiet(&mut self, what: &dyn Watched) -> BTreeSet<PathBuf> {
        let mut paths = BTreeSet::new();
        while !self.take(what, &mut paths, None).await {}
        let latest = Instant::now() + LONGEST;
        loop {
            let until = latest.min(Instant::now() + QUIET);
            if !self.take(what, &mut paths, Some(until)).await {
                return paths;
            }
        }
    }

    /// Takes the next event; whether it matters. Without a change that matters until then, it does not.
    async fn take(
        &mut self,
        what: &dyn Watched,
        paths: &mut BTreeSet<PathBuf>,
        until: Option<Instant>,
    ) -> bool {
        loop {
            let event = match until {
                Some(until) => timeout_at(until, self.events.recv()).await.ok(),
                None => Some(self.events.recv().await),
            };
            let Some(event) = event else { return false };
            // The sender is the watcher's, which is here.
            let Some(event) = event else { return std::future::pending().await };
            if self.missed.swap(false, Ordering::AcqRel) || event.kind == EventKind::Any {
                self.folders.clear();
                return true;
            }
            if matches!(event.kind, EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))) {
                // A folder that comes again is another one.
                self.folders.retain(|folder| !event.paths.iter().any(|path| folder.starts_with(path)));
            }
            let room = TOLD.saturating_sub(paths.len());
            let mut matters = event.paths.into_iter().filter(|path| what.covers(path)).peekable();
            if matters.peek().is_some() {
                paths.extend(matters.take(room));
                return true;
            }
        }
    }
}

/// Whether something is otherwise afterwards. Who only reads changes nothing.
fn is_change(kind: &EventKind) -> bool {
    match kind {
        EventKind::Access(access) => matches!(access, AccessKind::Close(AccessMode::Write)),
        _ => true,
    }
}
