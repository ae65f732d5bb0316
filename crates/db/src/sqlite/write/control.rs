//! The statements that begin and end transactions.
//!
//! They are prepared here and not through the connection's cache: what the cache holds runs without a question to the
//! authorizer, and an application that wrote the same text would find it there.

use rusqlite::{Connection, Result, Statement};

/// Transaction control of one connection.
pub(super) struct Control<'c> {
    begin: Statement<'c>,
    commit: Statement<'c>,
    rollback: Statement<'c>,
    savepoint: Statement<'c>,
    release: Statement<'c>,
    rollback_to: Statement<'c>,
}

impl<'c> Control<'c> {
    pub(super) fn new(connection: &'c Connection) -> Result<Self> {
        Ok(Self {
            begin: connection.prepare("begin immediate")?,
            commit: connection.prepare("commit")?,
            rollback: connection.prepare("rollback")?,
            savepoint: connection.prepare("savepoint job")?,
            release: connection.prepare("release job")?,
            rollback_to: connection.prepare("rollback to job")?,
        })
    }

    pub(super) fn begin(&mut self) -> Result<()> {
        self.begin.execute([]).map(drop)
    }

    pub(super) fn commit(&mut self) -> Result<()> {
        self.commit.execute([]).map(drop)
    }

    pub(super) fn rollback(&mut self) -> Result<()> {
        self.rollback.execute([]).map(drop)
    }

    /// Opens the savepoint of a job.
    pub(super) fn save(&mut self) -> Result<()> {
        self.savepoint.execute([]).map(drop)
    }

    /// Keeps what was done since the savepoint.
    pub(super) fn keep(&mut self) -> Result<()> {
        self.release.execute([]).map(drop)
    }

    /// Undoes what was done since the savepoint.
    pub(super) fn undo(&mut self) -> Result<()> {
        self.rollback_to.execute([])?;
        self.release.execute([]).map(drop)
    }
}
