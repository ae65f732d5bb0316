//! A transaction as closures see it.

use std::time::Instant;

use ketch_db::driver::{Session, Sink};
use ketch_db::{Dialect, Error, Result, Statement};

use crate::run_now;

/// What a transaction leaves to be done once it has been committed.
#[derive(Default)]
pub(crate) struct Later {
    pub(crate) work: Vec<Box<dyn FnOnce() + Send>>,
    /// Channels and payloads.
    pub(crate) notices: Vec<(String, String)>,
}

/// A transaction that is open.
pub(crate) struct Open<'t> {
    pub(crate) connection: &'t turso::Connection,
    pub(crate) until: Instant,
    pub(crate) writes: bool,
    pub(crate) later: &'t mut Later,
}

impl Session for Open<'_> {
    fn query(&mut self, statement: &Statement, sink: &mut dyn Sink) -> Result<()> {
        run_now(self, statement, Some(sink)).map(drop)
    }

    fn execute(&mut self, statement: &Statement) -> Result<u64> {
        run_now(self, statement, None)
    }

    fn after_commit(&mut self, work: Box<dyn FnOnce() + Send>) {
        if self.writes {
            self.later.work.push(work);
        }
    }

    fn notify(&mut self, channel: &str, payload: &str) -> Result<()> {
        if !self.writes {
            return Err(Error::Denied("a read may not notify".to_owned()));
        }
        self.later.notices.push((channel.to_owned(), payload.to_owned()));
        Ok(())
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }
}
