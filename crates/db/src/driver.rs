//! What a database engine does: the trait that SQLite and PostgreSQL implement here, and that a driver of one's own
//! implements elsewhere.
//!
//! An engine runs statements whose parameters are written `:name`. Rows are given to a [`Sink`] one by one, so that
//! nothing is copied that the caller does not keep. [`Db`](crate::Db) puts types, limits and conveniences on top.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::BoxStream;

use crate::describe::{Described, Undescribed};
use crate::error::{Error, Result};
use crate::params::Params;
use crate::sql::Sql;
use crate::stats::Stats;
use crate::value::Value;

/// What is under way.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A statement: SQL text with `:name` parameters, and their values.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The text: one statement.
    pub sql: Sql,
    /// The values.
    pub params: Params,
}

impl Statement {
    /// A statement.
    pub fn new(sql: impl Into<Sql>, params: Params) -> Self {
        Self { sql: sql.into(), params }
    }
}

/// Which SQL an engine speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// SQLite's.
    Sqlite,
    /// PostgreSQL's.
    Postgres,
}

impl Dialect {
    /// Its name, as in `001_boats.up.sqlite.sql`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// A row that an engine shows. It is valid during the call of [`Sink::row`] only.
pub trait Row {
    /// How many columns it has.
    fn len(&self) -> usize;
    /// A column's name.
    fn name(&self, column: usize) -> &str;
    /// A column's value.
    ///
    /// # Errors
    /// [`Error::Row`] when the column holds what no [`Value`] can say, such as text that is not UTF-8.
    fn value(&self, column: usize) -> Result<Value<'_>>;
    /// Whether it has no columns.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Where rows go.
pub trait Sink: Send {
    /// Called before the first row of every attempt: a statement may be run again, and what came before does not count.
    fn begin(&mut self);
    /// Takes a row. `Break` says that no more are wanted.
    ///
    /// # Errors
    /// When the row is not what was expected; the engine stops, rolls back what it was part of, and hands the error on.
    fn row(&mut self, row: &dyn Row) -> Result<ControlFlow<()>>;
}

/// The answer of [`Driver::query_now`].
#[derive(Debug)]
pub enum Now {
    /// It is done: the rows are in the sink.
    Done(Result<()>),
    /// It cannot be answered here and now; [`Driver::query`] is to be asked.
    Later,
}

/// What runs inside a transaction, on the engine's side. It is run again when the engine has to start over. An error
/// rolls back what it did.
pub type Work = Box<dyn FnMut(&mut dyn Session) -> Result<()> + Send>;

/// Whether a write shares its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Company {
    /// With what else is waiting: the commit is paid once for all.
    Shared,
    /// With nothing: for long work.
    Alone,
    /// As [`Shared`](Self::Shared), but it need not be serializable: each of its statements sees what was committed
    /// before it, so that it can pass over rows which others hold. SQLite, where nothing is written beside it, knows no
    /// difference.
    Committed,
}

/// A transaction that is open, as its engine offers it. [`Tx`](crate::Tx) and [`Snapshot`](crate::Snapshot) put types
/// on top.
pub trait Session {
    /// Runs a statement and shows its rows.
    ///
    /// # Errors
    /// Whatever the engine says, or the sink.
    fn query(&mut self, statement: &Statement, sink: &mut dyn Sink) -> Result<()>;
    /// Runs a statement; how many rows it changed.
    ///
    /// # Errors
    /// Whatever the engine says.
    fn execute(&mut self, statement: &Statement) -> Result<u64>;
    /// Keeps what is to be done when the transaction has been committed; dropped when it is rolled back. It is done
    /// before the write is answered, by whoever commits: it must be quick. Nothing in a read.
    fn after_commit(&mut self, work: Box<dyn FnOnce() + Send>);
    /// Tells the channel's listeners once the transaction has been committed.
    ///
    /// # Errors
    /// In a read, and when the engine cannot.
    fn notify(&mut self, channel: &str, payload: &str) -> Result<()>;
    /// Which SQL it speaks.
    fn dialect(&self) -> Dialect;
}

/// Turns a row of a stream into what its consumer takes.
pub type Decode = Arc<dyn Fn(&dyn Row) -> Result<Box<dyn Any + Send>> + Send + Sync>;

/// A change of the schema: a script, and the statements that record it, all in one transaction that nothing shares.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// SQL text of any number of statements, without parameters.
    pub script: Cow<'static, str>,
    /// Run after the script.
    pub record: Vec<Statement>,
    /// Whether both stand in one transaction. Only what an engine refuses in one has a reason not to.
    pub in_transaction: bool,
}

/// What a listener hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A notice, with its payload.
    Notice(String),
    /// Notices may have been lost: the listener was slow, or the connection broke. Whoever keeps a copy reads it anew.
    Gap,
}

/// A database engine.
///
/// Every call may come from any thread, many at a time. What is not answered within its deadline ends with
/// [`Error::Deadline`]; what finds a queue full with [`Error::Busy`]. A future that is dropped gives up what has not
/// begun; what has begun may be committed.
///
/// `ketch_db::conformance` (feature `conformance`) holds the cases that an engine must pass.
pub trait Driver: fmt::Debug + Send + Sync + 'static {
    /// Which SQL it speaks.
    fn dialect(&self) -> Dialect;

    /// Answers a read at once, on the calling thread, if that takes no longer than a moment. An engine that has to wait
    /// says [`Now::Later`], which is what this does if it is not written.
    fn query_now(&self, statement: &Statement, sink: &mut dyn Sink) -> Now {
        let _ = (statement, sink);
        Now::Later
    }

    /// Runs one statement, a read or a write, and gives its rows to the sink. A write is committed when this answers.
    fn query(&self, statement: Statement, sink: Box<dyn Sink>) -> Pending<Result<()>>;

    /// Runs statements in one transaction; how many rows each changed. It is committed when this answers.
    fn execute(&self, statements: Vec<Statement>) -> Pending<Result<Vec<u64>>>;

    /// Runs a read on one snapshot.
    fn read(&self, work: Work) -> Pending<Result<()>>;

    /// Runs a write in a transaction. It is serializable: what it read is what it would read if nothing ran beside it.
    fn write(&self, work: Work, company: Company) -> Pending<Result<()>>;

    /// Runs a read and hands on its rows as they are taken, on one snapshot. Dropping the stream ends the read.
    fn stream(&self, statement: Statement, decode: Decode)
    -> BoxStream<'static, Result<Box<dyn Any + Send>>>;

    /// Tells the listeners of a channel.
    fn notify(&self, channel: String, payload: String) -> Pending<Result<()>>;

    /// Listens to a channel, from now on until the stream is dropped.
    fn listen(&self, channel: String) -> Pending<Result<BoxStream<'static, Heard>>>;

    /// Changes the schema. What is read beside it sees the old schema or the new one.
    fn change(&self, change: Change) -> Pending<Result<()>>;

    /// What is known of a statement without running it. An engine that cannot tell says [`Error::Unsupported`], which is
    /// what this does if it is not written.
    fn describe(&self, sql: Sql) -> Pending<Result<Described, Undescribed>> {
        let why = format!("describe statements such as `{sql}`");
        Box::pin(async move { Err(Error::Unsupported(why).into()) })
    }

    /// Keeps others, on other machines too, from changing the schema until the answer is dropped.
    fn lock_schema(&self) -> Pending<Result<Box<dyn Any + Send>>> {
        Box::pin(async { Ok(Box::new(()) as Box<dyn Any + Send>) })
    }

    /// The same database by a connection of its own, so that what is asked through it does not wait until another's work
    /// lets go of one. Nothing when the engine has none to give, which is what this says if it is not written.
    fn apart(&self) -> Option<Arc<dyn Driver>> {
        None
    }

    /// Writes a copy of all data, as of now, to a file that is not there yet. An engine whose data other tools keep
    /// says [`Error::Unsupported`], which is what this does if it is not written.
    fn backup(&self, to: PathBuf) -> Pending<Result<()>> {
        Box::pin(
            async move { Err(Error::Unsupported(format!("a copy of the database to {}", to.display()))) },
        )
    }

    /// Whether it can answer reads and writes now.
    fn health(&self) -> Pending<Result<()>>;

    /// What it has counted since it was opened.
    fn stats(&self) -> Stats;

    /// Finishes what has begun, refuses the rest with [`Error::Closed`], and closes every connection.
    fn close(&self) -> Pending<()>;

    /// The engine's own type, for what the portable calls do not reach.
    fn as_any(&self) -> &dyn Any;
}
