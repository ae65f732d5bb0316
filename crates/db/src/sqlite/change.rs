//! Changes of the schema, on a connection of their own.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::broken::of_disk;
use super::checkpoint::Log;
use super::connection::{self, Guarded};
use super::error::{of_engine, of_statement};
use super::statement;
use crate::driver::{Change, Statement};
use crate::error::{Error, Result};
use crate::options::Options;

/// Runs a change, all or nothing. Foreign keys are not enforced meanwhile, because to rebuild a table is to drop it,
/// which would delete its children; they are checked before the commit.
///
/// A change that is not to be in a transaction runs statement by statement, and only what records it is in one. A
/// failure half-way leaves what ran before it. Nothing is refused to it: `vacuum`, which is what it is for, attaches a
/// file of its own.
pub(super) fn run(path: &Path, options: &Options, change: &Change, log: &Arc<Log>) -> Result<()> {
    statement::whole(&change.script)?;
    let (mut connection, guarded) = connection::changer(path, options)?;
    log.hear(&mut connection).map_err(of_engine)?;
    let script = || {
        let done = connection.execute_batch(&change.script);
        done.map_err(|error| of_statement(error, first_line(&change.script)))
    };
    if !change.in_transaction {
        script()?;
        if !connection.is_autocommit() {
            return Err(Error::Denied("a script that is not in a transaction left one open".to_owned()));
        }
    }
    connection.execute_batch("begin immediate").map_err(of_engine)?;
    let changed = if change.in_transaction { guarded.run(script) } else { Ok(()) }
        .and_then(|()| record(&connection, &guarded, &change.record))
        .and_then(|()| check_references(&connection))
        .and_then(|()| connection.execute_batch("commit").map_err(of_commit));
    if changed.is_err() && !connection.is_autocommit() {
        connection.execute_batch("rollback").map_err(of_engine)?;
    }
    changed
}

/// What a commit says of the disk is to be believed.
fn of_commit(error: rusqlite::Error) -> Error {
    of_disk(&error).map_or_else(|| of_engine(error), Error::Broken)
}

fn record(connection: &Connection, guarded: &Guarded, statements: &[Statement]) -> Result<()> {
    guarded.run(|| statements.iter().try_for_each(|it| statement::changed(connection, it).map(drop)))
}

/// No row may refer to what is not there.
fn check_references(connection: &Connection) -> Result<()> {
    let mut broken = connection
        .prepare(
            "select \"table\", parent, count(*) from pragma_foreign_key_check group by 1, 2 order by 1, 2",
        )
        .map_err(of_engine)?;
    let tables: Vec<String> = broken
        .query_map([], |row| {
            let (table, parent, rows): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(format!("{rows} of `{table}` to `{parent}`"))
        })
        .and_then(Iterator::collect)
        .map_err(of_engine)?;
    if tables.is_empty() {
        return Ok(());
    }
    Err(Error::ForeignKey(format!("rows refer to what is not there: {}", tables.join(", "))))
}

/// Enough of a script to say which one it is.
fn first_line(script: &str) -> &str {
    script.lines().find(|line| !line.trim().is_empty()).unwrap_or_default()
}
