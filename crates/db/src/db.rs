//! The handle that an application stores and reads with. It is the same for every engine. What takes statements that are
//! there already is in `direct`.

mod direct;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use ketch_model::Clock;
use serde::de::DeserializeOwned;

use crate::driver::{Company, Decode, Dialect, Driver, Heard, Statement, Work};
use crate::error::{Error, Result};
use crate::options::Options;
use crate::params::Params;
use crate::row::from_row;
use crate::sink::Collect;
use crate::sql::Sql;
use crate::sqlite::Sqlite;
use crate::stats::Stats;
use crate::tx::{Snapshot, Tx};

/// A database: a handle that can be cloned and shared.
///
/// ```no_run
/// use ketch_db::{Db, params};
/// # #[derive(serde::Deserialize)] struct Boat { id: i64, name: String }
/// # async fn shown(db: Db) -> ketch_db::Result<()> {
/// let boat: Option<Boat> =
///     db.query_opt("select id, name from boats where id = :id", params! { id: 7 }).await?;
/// let id: i64 = db
///     .write(move |tx| {
///         let id = tx.query_one("insert into boats (name) values (:name) returning id", params! { name: "Spray" })?;
///         tx.execute("insert into log (boat) values (:id)", params! { id })?;
///         Ok(id)
///     })
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct Db {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    connected: OnceLock<Connected>,
}

struct Connected {
    driver: Arc<dyn Driver>,
    rows: usize,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("driver", &self.inner.connected.get().map(|it| &it.driver)).finish()
    }
}

impl Db {
    /// A handle without a database yet; what is asked of it before it is connected ends with
    /// [`Error::NotConnected`].
    pub fn unconnected() -> Self {
        Self::default()
    }

    /// A handle on an engine that is open.
    pub fn with_driver(driver: impl Driver, options: &Options) -> Self {
        let db = Self::unconnected();
        let fresh = db.connect(Arc::new(driver), options);
        debug_assert!(fresh.is_ok(), "a new handle has no database");
        db
    }

    /// Gives this handle and all its clones their database.
    ///
    /// # Errors
    /// [`Error::Open`] when it has one already.
    pub fn connect(&self, driver: Arc<dyn Driver>, options: &Options) -> Result<()> {
        let connected = Connected { driver, rows: options.rows, clock: Arc::clone(&options.clock) };
        self.inner
            .connected
            .set(connected)
            .map_err(|_| Error::Open("this handle has a database already".to_owned()))
    }

    fn connected(&self) -> Result<&Connected> {
        self.inner.connected.get().ok_or(Error::NotConnected)
    }

    /// The engine, for what the portable calls do not reach.
    ///
    /// # Errors
    /// [`Error::NotConnected`].
    pub fn driver(&self) -> Result<&Arc<dyn Driver>> {
        self.connected().map(|connected| &connected.driver)
    }

    /// The clock of [`Options`].
    pub(crate) fn clock(&self) -> Result<&dyn Clock> {
        self.connected().map(|connected| &*connected.clock)
    }

    /// The SQLite engine, for what only it can do.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when it is another engine, [`Error::NotConnected`].
    pub fn sqlite(&self) -> Result<&Sqlite> {
        let driver = self.driver()?;
        driver.as_any().downcast_ref().ok_or_else(|| {
            Error::Unsupported(format!("SQLite's own calls: its engine speaks {}", driver.dialect().name()))
        })
    }

    /// Which SQL the engine speaks.
    ///
    /// # Errors
    /// [`Error::NotConnected`].
    pub fn dialect(&self) -> Result<Dialect> {
        Ok(self.driver()?.dialect())
    }

    /// All rows of one statement. A statement that writes, such as `insert … returning`, is committed when this
    /// answers.
    ///
    /// # Errors
    /// [`Error::TooManyRows`] beyond [`Options::rows`], and whatever the engine says.
    pub async fn query<T>(&self, sql: impl Into<Sql>, params: Params) -> Result<Vec<T>>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let most = self.connected()?.rows;
        Ok(self.collect(Statement::new(sql, params), most).await?.rows)
    }

    /// The only row.
    ///
    /// # Errors
    /// [`Error::NoRow`] when there is none, [`Error::TooManyRows`] when there are more, and whatever the engine says.
    pub async fn query_one<T>(&self, sql: impl Into<Sql>, params: Params) -> Result<T>
    where
        T: DeserializeOwned + Send + 'static,
    {
        self.collect(Statement::new(sql, params), 1).await?.one()
    }

    /// The only row, if there is one.
    ///
    /// # Errors
    /// [`Error::TooManyRows`] when there are more, and whatever the engine says.
    pub async fn query_opt<T>(&self, sql: impl Into<Sql>, params: Params) -> Result<Option<T>>
    where
        T: DeserializeOwned + Send + 'static,
    {
        self.collect(Statement::new(sql, params), 1).await?.opt()
    }

    async fn collect<T>(&self, statement: Statement, most: usize) -> Result<Collect<T>>
    where
        T: DeserializeOwned + Send + 'static,
    {
        self.query_into(statement, Collect::up_to(most)).await
    }

    /// The rows of one read as they are taken, on one snapshot, for results that are large. Dropping the stream ends
    /// the read; so does [`Options::stream_time`].
    ///
    /// # Errors
    /// [`Error::NotConnected`]; what goes wrong later is an item of the stream, and its last.
    pub fn stream<T>(&self, sql: impl Into<Sql>, params: Params) -> Result<BoxStream<'static, Result<T>>>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let decode: Decode = Arc::new(|row| from_row::<T>(row).map(|it| Box::new(it) as _));
        let rows = self.driver()?.stream(Statement::new(sql, params), decode);
        Ok(rows.map(|row| row.map(|it| *it.downcast::<T>().expect("the decoder made it"))).boxed())
    }

    /// Runs one statement; how many rows it changed. It is committed when this answers.
    ///
    /// # Errors
    /// Whatever the engine says.
    pub async fn execute(&self, sql: impl Into<Sql>, params: Params) -> Result<u64> {
        let statement = Statement::new(sql, params);
        let changed = self.driver()?.execute(vec![statement]).await?;
        Ok(changed.first().copied().unwrap_or_default())
    }

    /// Runs statements in one transaction: all or none. How many rows each changed.
    ///
    /// # Errors
    /// Whatever the engine says of the first that fails; then none has happened.
    pub async fn batch(
        &self,
        statements: impl IntoIterator<Item = (&'static str, Params)>,
    ) -> Result<Vec<u64>> {
        let statements: Vec<Statement> =
            statements.into_iter().map(|(sql, params)| Statement::new(sql, params)).collect();
        self.run(statements).await
    }

    /// Runs a closure of reads on one snapshot. It may run more than once; the last run counts.
    ///
    /// # Errors
    /// The closure's, or whatever the engine says.
    pub async fn read<T>(&self, work: impl Fn(&mut Snapshot<'_>) -> Result<T> + Send + 'static) -> Result<T>
    where
        T: Send + 'static,
    {
        self.try_read(work).await
    }

    /// As [`read`](Self::read), for a closure with errors of its own.
    ///
    /// # Errors
    /// The closure's, or whatever the engine says.
    pub async fn try_read<T, E>(
        &self,
        work: impl Fn(&mut Snapshot<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let connected = self.connected()?;
        let rows = connected.rows;
        let (slot, work) = slotted(move |session| work(&mut Snapshot::new(session, rows)));
        slot.after(connected.driver.read(work).await)
    }

    /// Runs a closure in a transaction: all of it or, when it ends with an error, none. It is committed when this
    /// answers, together with what others write at the time.
    ///
    /// It may run more than once, so what it does beside the database belongs in [`Tx::after_commit`].
    ///
    /// # Errors
    /// The closure's, or whatever the engine says.
    pub async fn write<T>(&self, work: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static) -> Result<T>
    where
        T: Send + 'static,
    {
        self.try_write(work).await
    }

    /// As [`write`](Self::write), for a closure with errors of its own.
    ///
    /// # Errors
    /// The closure's, or whatever the engine says.
    pub async fn try_write<T, E>(
        &self,
        work: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.written(work, Company::Shared).await
    }

    /// As [`write`](Self::write), in a transaction of its own and with [`Options::alone_time`]: for long work. Other
    /// writes wait for it.
    ///
    /// # Errors
    /// The closure's, or whatever the engine says.
    pub async fn write_alone<T>(&self, work: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static) -> Result<T>
    where
        T: Send + 'static,
    {
        self.written(work, Company::Alone).await
    }

    /// As [`write`](Self::write), but with PostgreSQL at the level `read committed`: each statement sees what was
    /// committed before it. Nothing holds it up that `for update skip locked` passes over; that nothing comes between
    /// two of its statements is up to whoever writes them.
    ///
    /// # Errors
    /// The closure's, or whatever the engine says.
    pub async fn write_read_committed<T>(
        &self,
        work: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T>
    where
        T: Send + 'static,
    {
        self.written(work, Company::Committed).await
    }

    async fn written<T, E>(
        &self,
        work: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        company: Company,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let connected = self.connected()?;
        let rows = connected.rows;
        let (slot, work) = slotted(move |session| work(&mut Tx::new(session, rows)));
        slot.after(connected.driver.write(work, company).await)
    }

    /// Tells the listeners of a channel: of this process with SQLite, of every process with PostgreSQL.
    ///
    /// # Errors
    /// Whatever the engine says.
    pub async fn notify(&self, channel: impl Into<String>, payload: impl Into<String>) -> Result<()> {
        self.driver()?.notify(channel.into(), payload.into()).await
    }

    /// Listens to a channel, from now on until the stream is dropped.
    ///
    /// # Errors
    /// [`Error::Busy`] beyond [`Options::listeners`], and whatever the engine says.
    pub async fn listen(&self, channel: impl Into<String>) -> Result<BoxStream<'static, Heard>> {
        self.driver()?.listen(channel.into()).await
    }

    /// Writes a copy of all data, as of now, to a file that is not there yet.
    ///
    /// # Errors
    /// [`Error::Unsupported`] with PostgreSQL, whose own tools do this; whatever the engine says.
    pub async fn backup(&self, to: impl Into<PathBuf>) -> Result<()> {
        self.driver()?.backup(to.into()).await
    }

    /// Whether reads and writes can be answered now.
    ///
    /// # Errors
    /// Why not.
    pub async fn health(&self) -> Result<()> {
        self.driver()?.health().await
    }

    /// What has been counted since the database was opened; zeros before that.
    pub fn stats(&self) -> Stats {
        self.driver().map(|driver| driver.stats()).unwrap_or_default()
    }

    /// Finishes what has begun, refuses the rest, and closes every connection. Nothing happens when there is none.
    pub async fn close(&self) {
        if let Ok(driver) = self.driver() {
            driver.close().await;
        }
    }
}

/// What the last run of a closure came to.
struct Slot<T, E>(Arc<Mutex<Option<Result<T, E>>>>);

/// A closure with a result of its own as work for an engine, and where its result will be.
fn slotted<T, E>(
    work: impl Fn(&mut dyn crate::driver::Session) -> Result<T, E> + Send + 'static,
) -> (Slot<T, E>, Work)
where
    T: Send + 'static,
    E: Send + 'static,
{
    let slot = Arc::new(Mutex::new(None));
    let inside = Arc::clone(&slot);
    let work: Work = Box::new(move |session| {
        let result = work(session);
        let outcome = if result.is_ok() { Ok(()) } else { Err(Error::RolledBack) };
        *inside.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        outcome
    });
    (Slot(slot), work)
}

impl<T, E: From<Error>> Slot<T, E> {
    /// The closure's result, unless the engine has one that comes first.
    fn after(self, done: Result<()>) -> Result<T, E> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (done, kept) {
            (Ok(()) | Err(Error::RolledBack), Some(result)) => result,
            (Err(error), _) => Err(error.into()),
            (Ok(()), None) => Err(Error::Engine("the engine did not run the closure".to_owned()).into()),
        }
    }
}
