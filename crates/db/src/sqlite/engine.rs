//! The engine as a [`Driver`].

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use super::counts::Counts;
use super::lock::Lock;
use super::notify::Channels;
use super::read::Readers;
use super::version::check_version;
use super::write::Writer;
use crate::driver::{Change, Company, Decode, Dialect, Driver, Heard, Now, Pending, Sink, Statement, Work};
use crate::error::{Error, Result};
use crate::options::Options;
use crate::stats::Stats;

/// SQLite, in this process.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    readers: Readers,
    writer: Writer,
    channels: Arc<Channels>,
    counts: Arc<Counts>,
    options: Options,
    /// Held while the schema is changed: no other process has the file open, but this one may ask twice.
    schema: Arc<tokio::sync::Mutex<()>>,
    _lock: Lock,
}

impl Sqlite {
    /// Opens a file, and makes it and its folder if they are not there.
    ///
    /// # Errors
    /// [`Error::TooOld`], [`Error::Locked`] when another process has it open, [`Error::Open`] with what the system says.
    pub fn open(path: impl AsRef<Path>, options: &Options) -> Result<Self> {
        let path = path.as_ref();
        check_version(rusqlite::version_number())?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| {
                Error::Open(format!("cannot make the folder {}: {error}", folder.display()))
            })?;
        }
        let lock = Lock::take(path)?;
        let counts = Arc::new(Counts::default());
        let channels = Arc::new(Channels::new(options.notices));
        let writer = Writer::start(path, options, &counts, &channels)?;
        let readers = Readers::start(path, options, &counts)?;
        Ok(Self {
            path: path.to_owned(),
            readers,
            writer,
            channels,
            counts,
            options: options.clone(),
            schema: Arc::default(),
            _lock: lock,
        })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Driver for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn query_now(&self, statement: &Statement, sink: &mut dyn Sink) -> Now {
        self.readers.query_now(statement, sink)
    }

    fn query(&self, statement: Statement, mut sink: Box<dyn Sink>) -> Pending<Result<()>> {
        let work: Work = Box::new(move |session| session.query(&statement, &mut *sink));
        self.writer.run(work, Company::Shared)
    }

    fn execute(&self, statements: Vec<Statement>) -> Pending<Result<Vec<u64>>> {
        let counts = Arc::new(Mutex::new(Vec::new()));
        let inside = Arc::clone(&counts);
        let work: Work = Box::new(move |session| {
            let all: Result<Vec<u64>> = statements.iter().map(|it| session.execute(it)).collect();
            *inside.lock().unwrap_or_else(PoisonError::into_inner) = all?;
            Ok(())
        });
        let done = self.writer.run(work, Company::Shared);
        Box::pin(async move {
            done.await?;
            Ok(std::mem::take(&mut *counts.lock().unwrap_or_else(PoisonError::into_inner)))
        })
    }

    fn read(&self, work: Work) -> Pending<Result<()>> {
        self.readers.run(work)
    }

    fn write(&self, work: Work, company: Company) -> Pending<Result<()>> {
        self.writer.run(work, company)
    }

    fn stream(&self, _: Statement, _: Decode) -> BoxStream<'static, Result<Box<dyn Any + Send>>> {
        stream::iter([Err(Error::Unsupported("streams".to_owned()))]).boxed()
    }

    fn notify(&self, channel: String, payload: String) -> Pending<Result<()>> {
        self.channels.tell(&channel, payload);
        Box::pin(async { Ok(()) })
    }

    fn listen(&self, channel: String) -> Pending<Result<BoxStream<'static, Heard>>> {
        let listener = self.channels.listen(channel);
        Box::pin(async { Ok(listener) })
    }

    fn change(&self, change: Change) -> Pending<Result<()>> {
        let (path, options) = (self.path.clone(), self.options.clone());
        blocking(move || super::change::change(&path, &options, &change))
    }

    fn lock_schema(&self) -> Pending<Result<Box<dyn Any + Send>>> {
        let schema = Arc::clone(&self.schema);
        Box::pin(async move { Ok(Box::new(schema.lock_owned().await) as Box<dyn Any + Send>) })
    }

    fn backup(&self, to: PathBuf) -> Pending<Result<()>> {
        let (path, options) = (self.path.clone(), self.options.clone());
        blocking(move || super::backup::backup(&path, &options, &to))
    }

    fn health(&self) -> Pending<Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn stats(&self) -> Stats {
        self.counts.stats()
    }

    fn close(&self) -> Pending<()> {
        Box::pin(async {})
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn blocking(work: impl FnOnce() -> Result<()> + Send + 'static) -> Pending<Result<()>> {
    Box::pin(async move {
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|panic| Err(Error::Panicked(panic.to_string())))
    })
}
