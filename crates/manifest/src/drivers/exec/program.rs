//! Programs that are in use: one for each file and options, over all endpoints that name it and over reloads.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::Metadata;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use ketch_model::Error;
use ketch_web::RequestId;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::errors::Part;
use super::gate::Gate;
use super::oneshot::{self, Asked};
use super::options::{Mode, Options};
use super::pool::Pool;
use super::protocol::{Ask, Failure};
use super::spawn::{Launch, MOST};

/// A program, ready to be asked.
#[derive(Debug)]
pub(super) struct Program {
    launch: Launch,
    /// Before oneshot processes; workers have one of their own.
    gate: Gate,
    workers: Option<Arc<Pool>>,
}

/// All that are in use. A program whose last user has gone lets its workers end.
#[derive(Debug)]
pub(super) struct Programs {
    known: Mutex<HashMap<Key, Weak<Program>>>,
    slots: Arc<Semaphore>,
}

/// What makes two the same.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    program: PathBuf,
    folder: PathBuf,
    identity: Identity,
    /// That of what it may load, for those that stay.
    sources: u64,
    options: Options,
}

/// A file, as long as it is not written anew.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Identity {
    size: u64,
    modified: Option<std::time::SystemTime>,
    inode: u64,
}

impl Default for Programs {
    fn default() -> Self {
        Self { known: Mutex::default(), slots: Arc::new(Semaphore::new(MOST)) }
    }
}

impl Programs {
    /// The program with these options: the one that is there already, or a new one. Nothing is started. `sources` says
    /// which state of other files it is to load.
    pub(super) fn get(
        &self,
        program: PathBuf,
        (metadata, sources): (&Metadata, u64),
        folder: PathBuf,
        options: Options,
    ) -> Arc<Program> {
        let launch = Launch { program, folder, options, slots: Arc::clone(&self.slots) };
        let (program, folder, options) =
            (launch.program.clone(), launch.folder.clone(), launch.options.clone());
        let key = Key { program, folder, identity: Identity::of(metadata), sources, options };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(program) = known.get(&key).and_then(Weak::upgrade) {
            return program;
        }
        known.retain(|_, program| program.strong_count() > 0);
        let program = Arc::new(Program::new(launch));
        known.insert(key, Arc::downgrade(&program));
        program
    }

    /// Lets the workers of all programs end.
    pub(super) async fn close(&self) {
        let programs: Vec<_> = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.values().filter_map(Weak::upgrade).collect()
        };
        join_all(programs.iter().filter_map(|program| program.workers.as_ref()).map(|pool| pool.close()))
            .await;
    }
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Self { size: metadata.len(), modified: metadata.modified().ok(), inode }
    }
}

impl Program {
    fn new(launch: Launch) -> Self {
        let options = &launch.options;
        let gate = Gate::new(options.processes, options.queue, options.wait);
        let workers = (options.mode == Mode::Worker).then(|| Pool::new(launch.clone()));
        Self { launch, gate, workers }
    }

    /// Its workers, unless there is a process for each call.
    pub(super) fn workers(&self) -> Option<&Pool> {
        self.workers.as_deref()
    }

    /// How it is started.
    pub(super) fn launch(&self) -> &Launch {
        &self.launch
    }

    /// Runs a process for a call and gives what it wrote.
    ///
    /// # Errors
    /// As [`oneshot::output`].
    pub(super) async fn output(&self, asked: Asked) -> Result<Vec<u8>, Error> {
        oneshot::output(&self.launch, &self.gate, asked).await
    }

    /// The result of a request to a worker.
    ///
    /// # Errors
    /// What the program says that the client is told; else as [`Pool::ask`].
    pub(super) async fn result(
        &self,
        pool: &Pool,
        part: Part,
        ask: &Ask<'_>,
        time: Duration,
        request: Option<RequestId>,
    ) -> Result<Value, Error> {
        pool.ask(part, ask, time, request).await?.map_err(|failure| self.told(part, failure))
    }

    /// Runs a process for a call and gives its document.
    ///
    /// # Errors
    /// As [`oneshot::output`] and [`oneshot::document`].
    pub(super) async fn document(&self, asked: Asked) -> Result<Value, Error> {
        let part = asked.part;
        let output = self.output(asked).await?;
        oneshot::document(&self.launch, part, &output)
    }

    /// 502: it answered, but not what it has to.
    pub(super) fn bad(&self, part: Part, cause: impl std::fmt::Display) -> Error {
        part.bad(&self.launch.program, cause)
    }

    fn told(&self, part: Part, failure: Failure) -> Error {
        let Failure { code, message, data } = failure;
        match data {
            Some(told) => {
                let code = told.code.unwrap_or_else(|| "controller_error".to_owned());
                Error::new(told.status, code, message)
            }
            None => {
                let message = super::errors::shown(message.as_bytes());
                self.bad(part, format_args!("replied with the error {code}: {message}"))
            }
        }
    }
}

/// The arguments of a oneshot process: what is asked for, and the JSON too where that is how it was.
pub(super) fn args(words: &[&str], json: &[u8], seed: bool) -> Vec<OsString> {
    let mut args: Vec<OsString> = words.iter().map(OsString::from).collect();
    if seed && json.len() <= oneshot::LARGEST_ARGUMENT {
        args.extend(std::str::from_utf8(json).map(OsString::from));
    }
    args
}
