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

impl Session for Open<'_> {
    fn query(&mut self, statement: &Statement, sink: &mut dyn Sink) -> Result<()> {
        let connection = self.connection;
        self.guarded.run(|| {
            let mut prepared = statement::prepare(connection, statement)?;
            statement::rows(&mut prepared, &statement.sql, sink)
        })
    }

    fn execute(&mut self, statement: &Statement) -> Result<u64> {
        let connection = self.connection;
        self.guarded.run(|| statement::changed(connection, statement))
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
