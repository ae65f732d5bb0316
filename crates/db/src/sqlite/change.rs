//! Changes of the schema, on a connection of their own.

use std::path::Path;

use super::connection;
use super::error::{of_engine, of_statement};
use super::statement;
use crate::driver::Change;
use crate::error::{Error, Result};
use crate::options::Options;

/// Runs a script and its record in one transaction, with foreign keys off, so that a parent table can be rebuilt without
/// its children; they are checked before the commit.
pub(super) fn change(path: &Path, options: &Options, change: &Change) -> Result<()> {
    if !change.in_transaction {
        return Err(Error::Unsupported("a change without a transaction".to_owned()));
    }
    let (connection, guarded) = connection::writer(path, options)?;
    connection.execute_batch("pragma foreign_keys = off; begin immediate").map_err(of_engine)?;
    guarded.run(|| {
        connection.execute_batch(&change.script).map_err(|error| of_statement(error, &change.script))?;
        change.record.iter().try_for_each(|it| statement::changed(&connection, it).map(|_| ()))
    })?;
    let broken = connection.query_row("select \"table\" from pragma_foreign_key_check limit 1", [], |row| {
        row.get::<_, String>(0)
    });
    match broken {
        Ok(table) => return Err(Error::ForeignKey(table)),
        Err(rusqlite::Error::QueryReturnedNoRows) => {}
        Err(error) => return Err(of_engine(error)),
    }
    connection.execute_batch("commit").map_err(of_engine)
}
