//! Copies of the database, written while it is in use.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};

use super::connection;
use super::error::of_engine;
use super::private;
use crate::driver::Pending;
use crate::error::{Error, Result};
use crate::options::Options;

/// Pages between two looks at whether the copy is still wanted.
const STEP: i32 = 1_024;

/// Where copies are made from.
#[derive(Debug)]
pub(super) struct Backups {
    path: PathBuf,
    options: Options,
    stop: Arc<AtomicBool>,
    /// One copy at a time: two to one name would be in each other's way, and each keeps a thread.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Backups {
    pub(super) fn new(path: &Path, options: &Options) -> Self {
        Self { path: path.to_owned(), options: options.clone(), stop: Arc::default(), turn: Arc::default() }
    }

    /// Ends the copies that are being made, and refuses others.
    pub(super) fn stop(&self) {
        self.stop.store(true, Relaxed);
    }

    /// Writes a copy of the data as of now to a file that is not there yet. It has its name only when it is whole and
    /// on the disk; `<name>.part` is what a crash may leave. When the answer is dropped the copy is given up.
    pub(super) fn write(&self, to: PathBuf) -> Pending<Result<()>> {
        let (path, options) = (self.path.clone(), self.options.clone());
        let (stop, turn) = (Arc::clone(&self.stop), Arc::clone(&self.turn));
        let wanted = Arc::new(());
        let unwanted = Arc::downgrade(&wanted);
        Box::pin(async move {
            let _wanted = wanted;
            let turn = turn.lock_owned().await;
            let copy = move || {
                // Until it has ended, not until nobody waits for it.
                let _turn = turn;
                let go_on = || {
                    if stop.load(Relaxed) || unwanted.strong_count() == 0 {
                        Err(Error::Closed)
                    } else {
                        Ok(())
                    }
                };
                write(&path, &to, &options, &go_on)
            };
            let done = tokio::task::spawn_blocking(copy).await;
            done.unwrap_or_else(|panic| Err(Error::Panicked(panic.to_string())))
        })
    }
}

fn write(from: &Path, to: &Path, options: &Options, go_on: &dyn Fn() -> Result<()>) -> Result<()> {
    go_on()?;
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    free(to)?;
    if part.exists() {
        // Of a copy that was not finished.
        fs::remove_file(&part).map_err(|error| failed(&part, &error))?;
    }
    let done = fill(from, &part, options, go_on).and_then(|()| {
        File::open(&part).and_then(|file| file.sync_all()).map_err(|error| failed(&part, &error))?;
        free(to)?;
        fs::rename(&part, to).map_err(|error| failed(to, &error))?;
        sync_folder(to)
    });
    if done.is_err() {
        let _not_there = fs::remove_file(&part);
    }
    done
}

/// All of it is of one snapshot: a copy in steps would begin again with every write beside it. The log cannot begin
/// anew meanwhile, so it grows by what is written.
fn fill(from: &Path, part: &Path, options: &Options, go_on: &dyn Fn() -> Result<()>) -> Result<()> {
    let (source, _) = connection::reader(from, options)?;
    source.execute_batch("begin; select 1 from sqlite_schema limit 1").map_err(of_engine)?;
    private::make(part).map_err(|error| failed(part, &error))?;
    let mut copy = connection::copy(part, options)?;
    let backup = Backup::new(&source, &mut copy).map_err(of_engine)?;
    loop {
        go_on()?;
        match backup.step(STEP).map_err(of_engine)? {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            // Nobody else has the copy, and readers are not kept out; but SQLite may say so.
            _ => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

fn free(to: &Path) -> Result<()> {
    match to.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(to, &error)),
        Ok(_) => Err(Error::Engine(format!("{} is there already: choose another name", to.display()))),
    }
}

/// A new name is on the disk when its folder is.
fn sync_folder(of: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        let folder = of.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| failed(folder, &error))?;
    }
    let _elsewhere_folders_cannot_be_synced = of;
    Ok(())
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Error::Full,
        _ => Error::Engine(format!("{}: {error}", path.display())),
    }
}
