//! Where every SQLite connection is made: its flags, pragmas, statement cache and authorizer.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Connection, MAIN_DB, OpenFlags};

use super::error::explained;
use crate::error::{Error, Result};
use crate::options::{Durability, Options};

/// How long SQLite itself waits for a lock. Only one thread writes, so this is for checkpoints.
const BUSY_TIME: std::time::Duration = std::time::Duration::from_secs(5);

/// Whether the statements that are prepared are an application's: then it may not use what the database keeps for
/// itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Guarded(Arc<AtomicBool>);

impl Guarded {
    /// Runs an application's work, of which transaction control, `attach`, `detach` and most pragmas are refused.
    pub(super) fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        // Let go in any case: the work may panic.
        struct Release<'a>(&'a AtomicBool);
        impl Drop for Release<'_> {
            fn drop(&mut self) {
                self.0.store(false, Ordering::Relaxed);
            }
        }
        self.0.store(true, Ordering::Relaxed);
        let _release = Release(&self.0);
        work()
    }

    fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn judge(&self, context: &AuthContext<'_>) -> Authorization {
        if !self.is_on() {
            return Authorization::Allow;
        }
        match context.action {
            AuthAction::Transaction { .. }
            | AuthAction::Savepoint { .. }
            | AuthAction::Attach { .. }
            | AuthAction::Detach { .. } => Authorization::Deny,
            AuthAction::Pragma { pragma_name, .. } if !TELLS.contains(&pragma_name) => Authorization::Deny,
            _ => Authorization::Allow,
        }
    }
}

/// The pragmas that only tell; as `pragma_table_info(…)` they are used in queries.
const TELLS: &[&str] = &[
    "collation_list",
    "compile_options",
    "data_version",
    "foreign_key_check",
    "foreign_key_list",
    "freelist_count",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "module_list",
    "page_count",
    "page_size",
    // SQLite itself asks this when a column is added to a strict table.
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// The connection that writes. It makes the file if there is none.
pub(super) fn writer(path: &Path, options: &Options) -> Result<(Connection, Guarded)> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let (mut connection, guarded) = open(path, flags, options)?;
    let inside = guarded.clone();
    // An application's work never commits: where a statement of it ended the transaction, each one after that would.
    connection.commit_hook(Some(move || inside.is_on())).map_err(|error| refused(path, &error))?;
    let synchronous = match options.durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    if connection.is_readonly(MAIN_DB).map_err(|error| refused(path, &error))? {
        return Err(Error::Open(format!(
            "{}: it may only be read; give this process the right to write the file",
            path.display()
        )));
    }
    let journal: String = connection
        .query_row("pragma journal_mode = wal", (), |row| row.get(0))
        .map_err(|error| refused(path, &error))?;
    if journal != "wal" {
        return Err(Error::Open(format!(
            "{}: it cannot have a write-ahead log (its journal stays `{journal}`); a folder on a network cannot",
            path.display()
        )));
    }
    let settings = format!(
        "pragma synchronous = {synchronous};
         pragma foreign_keys = on;
         pragma wal_autocheckpoint = 0;
         pragma journal_size_limit = {};",
        options.wal
    );
    connection
        .execute_batch(&settings)
        // Only the checkpointer copies the log: not whoever happens to be the last to close.
        .and_then(|()| connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true))
        .map_err(|error| refused(path, &error))?;
    Ok((connection, guarded))
}

/// A connection that changes the schema: it writes as the writer does, and does not enforce foreign keys.
pub(super) fn changer(path: &Path, options: &Options) -> Result<(Connection, Guarded)> {
    let (connection, guarded) = writer(path, options)?;
    connection.execute_batch("pragma foreign_keys = off").map_err(|error| refused(path, &error))?;
    Ok((connection, guarded))
}

/// The connection that copies the log into the file. It waits for nobody: the checkpointer tries again by itself.
pub(super) fn checkpointer(path: &Path, options: &Options) -> Result<Connection> {
    let (connection, _) = writer(path, options)?;
    connection
        .busy_timeout(std::time::Duration::ZERO)
        // Whoever has read nothing yet does not know that there is a log.
        .and_then(|()| connection.execute_batch("select 1 from sqlite_schema"))
        .map_err(|error| refused(path, &error))?;
    Ok(connection)
}

/// A connection to a new file that a copy is written to. What is in it counts only when the copy is whole, so nothing
/// is kept to undo it, and whoever made it syncs it.
pub(super) fn copy(path: &Path, options: &Options) -> Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let (connection, _) = open(path, flags, options)?;
    connection
        .execute_batch("pragma journal_mode = off; pragma synchronous = off;")
        .map_err(|error| refused(path, &error))?;
    Ok(connection)
}

/// A connection to nothing but memory, on which migrations are tried.
pub(super) fn scratch(path: &Path, options: &Options) -> Result<(Connection, Guarded)> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_MEMORY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let (mut connection, guarded) = open(path, flags, options)?;
    super::schema::bounds(&mut connection).map_err(|error| refused(path, &error))?;
    Ok((connection, guarded))
}

/// A connection that only reads. The writer must be open, because it makes what the log needs.
pub(super) fn reader(path: &Path, options: &Options) -> Result<(Connection, Guarded)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let (connection, guarded) = open(path, flags, options)?;
    // Temporary tables too: they would stay, and hide the real ones from whoever reads next.
    connection.execute_batch("pragma query_only = on").map_err(|error| refused(path, &error))?;
    Ok((connection, guarded))
}

#[expect(clippy::disallowed_methods, reason = "this is the one place where connections are made")]
fn open(path: &Path, flags: OpenFlags, options: &Options) -> Result<(Connection, Guarded)> {
    let mut connection = Connection::open_with_flags(path, flags).map_err(|error| refused(path, &error))?;
    connection.set_prepared_statement_cache_capacity(options.statements);
    let guarded = Guarded::default();
    let judge = guarded.clone();
    let prepared = connection
        .busy_timeout(BUSY_TIME)
        .and_then(|()| {
            let kibibytes = options.page_cache >> 10;
            connection.execute_batch(&format!(
                "pragma cache_size = -{kibibytes};
                 pragma trusted_schema = off;
                 pragma temp_store = memory;
                 pragma mmap_size = 0;"
            ))
        })
        // A plan is made once for a statement, not anew for each value that is bound, which would take longer than most
        // statements do.
        .and_then(|()| connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop))
        .and_then(|()| connection.authorizer(Some(move |context: AuthContext<'_>| judge.judge(&context))));
    prepared.map_err(|error| refused(path, &error))?;
    Ok((connection, guarded))
}

fn refused(path: &Path, error: &rusqlite::Error) -> Error {
    Error::Open(format!("{}: {}", path.display(), explained(error)))
}
