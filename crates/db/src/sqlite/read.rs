//! The readers: connections that only read.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;

use super::connection::{self, Guarded};
use super::counts::{Counts, count};
use super::error::of_engine;
use super::session::{Mode, Open};
use super::statement;
use crate::driver::{Now, Pending, Sink, Statement, Work};
use crate::error::{Error, Result};
use crate::options::Options;

/// The connections that read.
#[derive(Debug)]
pub(super) struct Readers {
    connections: Arc<Mutex<(Connection, Guarded)>>,
    counts: Arc<Counts>,
}

impl Readers {
    pub(super) fn start(path: &Path, options: &Options, counts: &Arc<Counts>) -> Result<Self> {
        let reader = connection::reader(path, options)?;
        Ok(Self { connections: Arc::new(Mutex::new(reader)), counts: Arc::clone(counts) })
    }

    /// Answers a read at once; [`Now::Later`] for what writes.
    pub(super) fn query_now(&self, asked: &Statement, sink: &mut dyn Sink) -> Now {
        let reader = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let (connection, guarded) = &*reader;
        let done = guarded.run(|| {
            let mut prepared = statement::prepare(connection, asked)?;
            if !prepared.readonly() {
                return Ok(false);
            }
            statement::rows(&mut prepared, &asked.sql, sink).map(|()| true)
        });
        match done {
            Ok(false) => Now::Later,
            Ok(true) => {
                count(&self.counts.reads_inline);
                Now::Done(Ok(()))
            }
            Err(error) => Now::Done(Err(error)),
        }
    }

    /// Runs work on one snapshot.
    pub(super) fn run(&self, mut work: Work) -> Pending<Result<()>> {
        let connections = Arc::clone(&self.connections);
        let run = move || {
            let reader = connections.lock().unwrap_or_else(PoisonError::into_inner);
            let (connection, guarded) = &*reader;
            connection.execute_batch("begin").map_err(of_engine)?;
            let done = work(&mut Open { connection, guarded, mode: Mode::Read });
            connection.execute_batch("rollback").map_err(of_engine)?;
            done
        };
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(run).await;
            done.unwrap_or_else(|panic| Err(Error::Panicked(panic.to_string())))
        })
    }
}
