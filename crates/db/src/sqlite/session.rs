//! A transaction on one connection, as closures see it.

use rusqlite::Connection;

use super::connection::Guarded;
use super::statement;
use crate::driver::{Dialect, Session, Sink, Statement};
use crate::error::{Error, Result};

/// What a transaction leaves to be done once it has been committed.
#[derive(Default)]
pub(super) struct Later {
    pub(super) work: Vec<Box<dyn FnOnce() + Send>>,
    /// Channels and payloads.
    pub(super) notices: Vec<(String, String)>,
    /// Why the transaction is over already. Whatever ran after that would be committed by itself.
    pub(super) ended: Option<Error>,
}

/// Whether a session may write, and what it leaves for later.
pub(super) enum Mode<'t> {
    Read,
    Write(&'t mut Later),
}

/// A session on a connection that is in a transaction.
pub(super) struct Open<'t> {
    pub(super) connection: &'t Connection,
    pub(super) guarded: &'t Guarded,
    pub(super) mode: Mode<'t>,
}

impl Open<'_> {
    /// Runs a statement, unless an earlier one has ended the transaction, as `insert or rollback` may.
    fn run<T>(&mut self, statement: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        if let Mode::Write(Later { ended: Some(error), .. }) = &self.mode {
            return Err(error.clone());
        }
        let done = self.guarded.run(|| statement(self.connection));
        if let (Mode::Write(later), Err(error)) = (&mut self.mode, &done)
            && (self.connection.is_autocommit() || matches!(error, Error::Broken(_)))
        {
            later.ended = Some(error.clone());
        }
        done
    }
}

impl Session for Open<'_> {
    fn query(&mut self, statement: &Statement, sink: &mut dyn Sink) -> Result<()> {
        self.run(|connection| {
            let mut prepared = statement::prepare(connection, statement)?;
            statement::rows(connection, &mut prepared, &statement.sql, sink)
        })
    }

    fn execute(&mut self, statement: &Statement) -> Result<u64> {
        self.run(|connection| statement::changed(connection, statement))
    }

    fn after_commit(&mut self, work: Box<dyn FnOnce() + Send>) {
        if let Mode::Write(later) = &mut self.mode {
            later.work.push(work);
        }
    }

    fn notify(&mut self, channel: &str, payload: &str) -> Result<()> {
        match &mut self.mode {
            Mode::Write(later) => {
                later.notices.push((channel.to_owned(), payload.to_owned()));
                Ok(())
            }
            Mode::Read => Err(Error::Denied("a read may not notify".to_owned())),
        }
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }
}
