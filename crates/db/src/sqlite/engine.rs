//! The engine as a [`Driver`].

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::BoxStream;

use super::backup::Backups;
use super::counts::Counts;
use super::lock::Lock;
use super::name;
use super::notify::Channels;
use super::private;
use super::read::{Queried, Readers};
use super::revoke::Revocations;
use super::version::check_version;
use super::write::Writer;
use crate::describe::{Described, Undescribed};
use crate::driver::{Change, Company, Decode, Dialect, Driver, Heard, Now, Pending, Sink, Statement, Work};
use crate::error::{Error, Result};
use crate::options::Options;
use crate::sql::Sql;
use crate::stats::Stats;

/// SQLite, in this process.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    readers: Arc<Readers>,
    writer: Arc<Writer>,
    channels: Arc<Channels>,
    counts: Arc<Counts>,
    backups: Backups,
    /// Held while the schema is changed: no other process has the file open, but this one may ask twice.
    schema: Arc<tokio::sync::Mutex<()>>,
    schema_time: Duration,
}

impl Sqlite {
    /// Opens a file, and makes it and its folder if they are not there.
    ///
    /// # Errors
    /// [`Error::TooOld`], [`Error::Locked`] when another process has it open, [`Error::Open`] with what the system says.
    pub fn open(path: impl AsRef<Path>, options: &Options) -> Result<Self> {
        check_version(rusqlite::version_number())?;
        let options = &options.sensible();
        let path = &*name::real(path.as_ref())?;
        let lock = Lock::take(path)?;
        // What stands in the way of that, SQLite meets and tells too.
        let _told = private::make(path);
        let counts = Arc::new(Counts::default());
        let channels = Arc::new(Channels::new(options));
        let revocations = Arc::new(Revocations::new());
        let writer = Arc::new(Writer::start(path, lock, options, &counts, &channels, &revocations)?);
        let readers = Arc::new(Readers::start(path, options, &counts, &revocations)?);
        let backups = Backups::new(path, options);
        let (schema, schema_time) = (Arc::default(), options.alone_time);
        Ok(Self { path: path.to_owned(), readers, writer, channels, counts, backups, schema, schema_time })
    }

    /// Runs a closure with the engine's own connection, in a write transaction of its own, on the thread that writes:
    /// others wait for it, up to [`Options::alone_time`]. Transaction control, `attach` and `pragma` are refused. An
    /// error rolls back what it did.
    ///
    /// # Errors
    /// The closure's, or whatever the engine says.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&rusqlite::Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let kept = Arc::new(Mutex::new(None));
        let inside = Arc::clone(&kept);
        let mut work = Some(work);
        let done = self.writer.native(Box::new(move |connection| {
            let work = work.take().expect("a write of its own is run once");
            let result = work(connection);
            let outcome = if result.is_ok() { Ok(()) } else { Err(Error::RolledBack) };
            *inside.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            outcome
        }));
        let done = done.await;
        let kept = kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (done, kept) {
            (Ok(()) | Err(Error::RolledBack), Some(result)) => result,
            (Ok(()), None) => Err(Error::Engine("the closure was not run".to_owned())),
            (Err(error), _) => Err(error),
        }
    }

    /// Opens the file again, after [`Error::Broken`], once what was wrong with the disk is mended. Until then nothing
    /// is written; a restart of the process does the same.
    ///
    /// # Errors
    /// As [`open`](Self::open); then nothing is written until the next attempt goes well. None does after a checkpoint
    /// failed: then only a restart of the process helps, and the error says so.
    pub async fn reopen(&self) -> Result<()> {
        self.writer.reopen().await
    }

    /// Where the file is: its whole name, with links followed.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads with the engine's own connection, on one snapshot and one of the threads that read, where the portable
    /// calls are not enough. The connection cannot write. It is used by others afterwards: what is changed on it stays.
    ///
    /// ```no_run
    /// # use ketch_db::{Db, Result};
    /// # async fn shown(db: Db) -> Result<()> {
    /// let pages: i64 = db
    ///     .sqlite()?
    ///     .read(|connection| Ok(connection.query_row("pragma page_count", (), |row| row.get(0))?))
    ///     .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Busy`] when too many wait, [`Error::Deadline`] past [`Options::read_time`], [`Error::Panicked`], and
    /// the closure's own.
    pub fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&rusqlite::Connection) -> Result<T> + Send + 'static,
    ) -> Pending<Result<T>> {
        self.readers.run_native(work)
    }
}

impl Driver for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn query_now(&self, statement: &Statement, sink: &mut dyn Sink) -> Now {
        self.readers.query_now(statement, sink)
    }

    fn query(&self, statement: Statement, sink: Box<dyn Sink>) -> Pending<Result<()>> {
        if self.readers.knows_to_write(&statement.sql) {
            return self.writer.query(statement, sink);
        }
        let reading = self.readers.query(statement, sink);
        let writer = Arc::clone(&self.writer);
        Box::pin(async move {
            match reading.await? {
                Queried::Done => Ok(()),
                Queried::Writes(statement, sink) => writer.query(statement, sink).await,
            }
        })
    }

    fn execute(&self, statements: Vec<Statement>) -> Pending<Result<Vec<u64>>> {
        self.writer.execute(statements)
    }

    fn read(&self, work: Work) -> Pending<Result<()>> {
        self.readers.run(work)
    }

    fn write(&self, work: Work, company: Company) -> Pending<Result<()>> {
        // Nothing is written beside it.
        let company = if company == Company::Committed { Company::Shared } else { company };
        self.writer.run(work, company)
    }

    fn stream(
        &self,
        statement: Statement,
        decode: Decode,
    ) -> BoxStream<'static, Result<Box<dyn Any + Send>>> {
        self.readers.stream(statement, decode)
    }

    fn notify(&self, channel: String, payload: String) -> Pending<Result<()>> {
        let channels = Arc::clone(&self.channels);
        Box::pin(async move {
            channels.check_open()?;
            channels.tell(&channel, payload);
            Ok(())
        })
    }

    fn listen(&self, channel: String) -> Pending<Result<BoxStream<'static, Heard>>> {
        let channels = Arc::clone(&self.channels);
        Box::pin(async move { channels.listen(channel) })
    }

    fn change(&self, change: Change) -> Pending<Result<()>> {
        self.writer.change(change)
    }

    fn describe(&self, sql: Sql) -> Pending<Result<Described, Undescribed>> {
        let described = self.readers.describe(sql);
        Box::pin(async move { described.await? })
    }

    fn lock_schema(&self) -> Pending<Result<Box<dyn Any + Send>>> {
        let (schema, time) = (Arc::clone(&self.schema), self.schema_time);
        Box::pin(async move {
            let held = tokio::time::timeout(time, schema.lock_owned()).await.map_err(|_| Error::Deadline)?;
            Ok(Box::new(held) as Box<dyn Any + Send>)
        })
    }

    fn backup(&self, to: PathBuf) -> Pending<Result<()>> {
        self.backups.write(to)
    }

    fn health(&self) -> Pending<Result<()>> {
        self.writer.health()
    }

    fn stats(&self) -> Stats {
        // What the disk holds, which may be more than is in use.
        let wal_bytes = log_of(&self.path).metadata().map_or(0, |log| log.len());
        Stats { reads_inline: self.readers.answered_inline(), wal_bytes, ..self.counts.stats() }
    }

    fn close(&self) -> Pending<()> {
        self.writer.refuse();
        self.backups.stop();
        let (readers, writer) = (Arc::clone(&self.readers), Arc::clone(&self.writer));
        let channels = Arc::clone(&self.channels);
        Box::pin(async move {
            let _runs_to_its_end = tokio::task::spawn_blocking(move || readers.close()).await;
            writer.close().await;
            channels.close();
        })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The write-ahead log of a database.
fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}
