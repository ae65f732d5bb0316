//! What a closure of `read` and `write` works with.

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::de::DeserializeOwned;

use crate::driver::{Dialect, Session, Sink, Statement};
use crate::error::Result;
use crate::params::Params;
use crate::sink::Collect;
use crate::sql::Sql;

/// One snapshot of the data: all that is read from it is of the same moment.
pub struct Snapshot<'s> {
    session: &'s mut dyn Session,
    rows: usize,
}

impl fmt::Debug for Snapshot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

impl<'s> Snapshot<'s> {
    pub(crate) fn new(session: &'s mut dyn Session, rows: usize) -> Self {
        Self { session, rows }
    }

    /// All rows.
    ///
    /// # Errors
    /// [`Error::TooManyRows`](crate::Error::TooManyRows) beyond [`Options::rows`](crate::Options::rows), and whatever
    /// the engine says.
    pub fn query<T>(&mut self, sql: impl Into<Sql>, params: Params) -> Result<Vec<T>>
    where
        T: DeserializeOwned + Send,
    {
        self.collect(sql, params, self.rows).map(|collect| collect.rows)
    }

    /// The only row.
    ///
    /// # Errors
    /// [`Error::NoRow`](crate::Error::NoRow) when there is none, [`Error::TooManyRows`](crate::Error::TooManyRows) when
    /// there are more, and whatever the engine says.
    pub fn query_one<T>(&mut self, sql: impl Into<Sql>, params: Params) -> Result<T>
    where
        T: DeserializeOwned + Send,
    {
        self.collect(sql, params, 1)?.one()
    }

    /// The only row, if there is one.
    ///
    /// # Errors
    /// [`Error::TooManyRows`](crate::Error::TooManyRows) when there are more, and whatever the engine says.
    pub fn query_opt<T>(&mut self, sql: impl Into<Sql>, params: Params) -> Result<Option<T>>
    where
        T: DeserializeOwned + Send,
    {
        self.collect(sql, params, 1)?.opt()
    }

    /// Gives the rows to a sink, without a bound.
    ///
    /// # Errors
    /// Whatever the engine says, or the sink.
    pub fn query_into(&mut self, statement: &Statement, sink: &mut dyn Sink) -> Result<()> {
        self.session.query(statement, sink)
    }

    /// Which SQL the engine speaks.
    pub fn dialect(&self) -> Dialect {
        self.session.dialect()
    }

    fn collect<T>(&mut self, sql: impl Into<Sql>, params: Params, most: usize) -> Result<Collect<T>>
    where
        T: DeserializeOwned + Send,
    {
        let mut collect = Collect::up_to(most);
        self.session.query(&Statement::new(sql, params), &mut collect)?;
        Ok(collect)
    }
}

/// A write that is under way. What is read through it is what it has written.
///
/// It is also a [`Snapshot`].
pub struct Tx<'s>(Snapshot<'s>);

impl fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").finish_non_exhaustive()
    }
}

impl<'s> Tx<'s> {
    pub(crate) fn new(session: &'s mut dyn Session, rows: usize) -> Self {
        Self(Snapshot::new(session, rows))
    }

    /// Runs a statement; how many rows it changed.
    ///
    /// # Errors
    /// Whatever the engine says.
    pub fn execute(&mut self, sql: impl Into<Sql>, params: Params) -> Result<u64> {
        self.0.session.execute(&Statement::new(sql, params))
    }

    /// Runs a statement that is there already; how many rows it changed.
    ///
    /// # Errors
    /// Whatever the engine says.
    pub fn run(&mut self, statement: &Statement) -> Result<u64> {
        self.0.session.execute(statement)
    }

    /// Keeps what is to be done when this write has been committed, before it is answered; dropped when it is rolled
    /// back. It must be quick and must not write: the next commit waits for it.
    pub fn after_commit(&mut self, work: impl FnOnce() + Send + 'static) {
        self.0.session.after_commit(Box::new(work));
    }

    /// Tells the listeners of a channel, once this write has been committed.
    ///
    /// # Errors
    /// When the engine cannot.
    pub fn notify(&mut self, channel: &str, payload: &str) -> Result<()> {
        self.0.session.notify(channel, payload)
    }
}

impl<'s> Deref for Tx<'s> {
    type Target = Snapshot<'s>;

    fn deref(&self) -> &Snapshot<'s> {
        &self.0
    }
}

impl<'s> DerefMut for Tx<'s> {
    fn deref_mut(&mut self) -> &mut Snapshot<'s> {
        &mut self.0
    }
}
