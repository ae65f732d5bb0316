//! The engine as a [`Driver`].

use std::any::Any;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::BoxStream;
use tokio::time::Instant;

use super::change;
use super::counts::Use;
use super::describe;
use super::fault::Fault;
use super::listen::{Listeners, check_notice};
use super::pool::Shared;
use super::run::{self, Asked};
use super::stream;
use super::target::Target;
use super::transaction::{self, notice};
use crate::describe::{Described, Undescribed};
use crate::driver::{Change, Company, Decode, Dialect, Driver, Heard, Pending, Sink, Statement, Work};
use crate::error::{Error, Result};
use crate::options::Options;
use crate::sql::Sql;
use crate::stats::Stats;

/// Whether the server is there is answered within this time.
const HEALTH_TIME: Duration = Duration::from_secs(2);

/// PostgreSQL, over the network.
pub struct Postgres {
    shared: Arc<Shared>,
    listeners: Listeners,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("url", &self.shared.target.shown).finish_non_exhaustive()
    }
}

impl Postgres {
    /// Connects to a server. One connection is made at once, the others when they are needed.
    ///
    /// The URL is libpq's: `postgres://user:password@host:port/database?sslmode=verify-full`. Of `sslmode`, `disable`
    /// does not encrypt; `prefer`, which is the default, encrypts if the server can; `require` always encrypts. None of
    /// these keeps out somebody who stands between, because nobody's certificate is checked. `verify-ca` checks that an
    /// authority has signed it, and `verify-full`, **which is what one wants on any network**, the host's name as well.
    /// `sslrootcert` is a file of authorities as PEM; without it they are the system's.
    ///
    /// # Errors
    /// [`Error::Url`]; [`Error::Open`] when the server refuses, with what it says; [`Error::Unavailable`] when it cannot
    /// be reached. The password is in none of them.
    pub async fn connect(url: &str, options: &Options) -> Result<Self> {
        let target = Target::new(url, options)?;
        let shared = Shared::new(target, options)?;
        shared.acquire(Use::Read, Instant::now() + options.connect_time).await?;
        Ok(Self::of(shared))
    }

    fn of(shared: Arc<Shared>) -> Self {
        let listeners = Listeners::new(&shared.target, &shared.options, &shared.handle);
        Self { shared, listeners }
    }
}

impl Driver for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn query(&self, statement: Statement, sink: Box<dyn Sink>) -> Pending<Result<()>> {
        Box::pin(run::query(Arc::clone(&self.shared), statement, sink))
    }

    fn execute(&self, statements: Vec<Statement>) -> Pending<Result<Vec<u64>>> {
        Box::pin(run::execute(Arc::clone(&self.shared), statements))
    }

    fn read(&self, work: Work) -> Pending<Result<()>> {
        Box::pin(transaction::read(Arc::clone(&self.shared), work))
    }

    fn write(&self, work: Work, company: Company) -> Pending<Result<()>> {
        Box::pin(transaction::write(Arc::clone(&self.shared), work, company))
    }

    fn stream(
        &self,
        statement: Statement,
        decode: Decode,
    ) -> BoxStream<'static, Result<Box<dyn Any + Send>>> {
        stream::stream(Arc::clone(&self.shared), statement, decode)
    }

    fn notify(&self, channel: String, payload: String) -> Pending<Result<()>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            check_notice(&channel, &payload)?;
            run::execute(shared, vec![notice(&channel, &payload)]).await.map(drop)
        })
    }

    fn listen(&self, channel: String) -> Pending<Result<BoxStream<'static, Heard>>> {
        Box::pin(self.listeners.listen(channel))
    }

    fn change(&self, change: Change) -> Pending<Result<()>> {
        Box::pin(change::change(Arc::clone(&self.shared), change))
    }

    fn describe(&self, sql: Sql) -> Pending<Result<Described, Undescribed>> {
        Box::pin(describe::describe(Arc::clone(&self.shared), sql))
    }

    fn lock_schema(&self) -> Pending<Result<Box<dyn Any + Send>>> {
        Box::pin(change::lock_schema(Arc::clone(&self.shared)))
    }

    fn apart(&self) -> Option<Arc<dyn Driver>> {
        let mut options = self.shared.options.clone();
        options.connections = 1;
        // The connection is made when it is needed.
        let shared = Shared::new(self.shared.target.clone(), &options).ok()?;
        Some(Arc::new(Self::of(shared)))
    }

    fn backup(&self, _: PathBuf) -> Pending<Result<()>> {
        let why = "a copy of the database: `pg_dump` makes one of PostgreSQL, and `pg_basebackup` of the whole server";
        Box::pin(async move { Err(Error::Unsupported(why.to_owned())) })
    }

    fn health(&self) -> Pending<Result<()>> {
        Box::pin(health(Arc::clone(&self.shared)))
    }

    fn stats(&self) -> Stats {
        self.shared.counts.stats(self.shared.connections())
    }

    fn close(&self) -> Pending<()> {
        self.listeners.close();
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.close().await })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Asks the server whether it takes writes: a standby does not.
async fn health(shared: Arc<Shared>) -> Result<()> {
    let statement = Statement::new("select pg_is_in_recovery()", crate::params! {});
    let asked = Asked::new(&shared, &statement)?;
    let until = Instant::now() + HEALTH_TIME;
    let late = || Error::Unavailable(format!("{}: no answer within {HEALTH_TIME:?}", shared.target.shown));
    let mut held = shared.acquire(Use::Read, until).await.map_err(|error| match error {
        Error::Deadline => late(),
        other => other,
    })?;
    held.begin();
    let mut standby = Standby(false);
    match held.within(until, run::rows(&held, &asked, &mut standby)).await.unwrap_or(Err(Fault::Silent)) {
        Ok(_) => {
            held.done();
            let why = format!("{}: it is a standby and takes no writes", shared.target.shown);
            if standby.0 { Err(Error::Unavailable(why)) } else { Ok(()) }
        }
        Err(fault) => match fault.into_error(&asked.text.sql) {
            Error::Deadline => Err(late()),
            other => Err(other),
        },
    }
}

/// Takes the one row of the question above.
struct Standby(bool);

impl Sink for Standby {
    fn begin(&mut self) {
        self.0 = false;
    }

    fn row(&mut self, row: &dyn crate::driver::Row) -> Result<std::ops::ControlFlow<()>> {
        self.0 = row.value(0)? == crate::value::Value::Bool(true);
        Ok(std::ops::ControlFlow::Continue(()))
    }
}
