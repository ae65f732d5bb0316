//! The checkpointer: copies the write-ahead log into the file, and keeps it short.

use std::path::Path;

use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode, MAIN_DB};

use super::error::explained;
use crate::error::{Error, Result};

/// Copies the whole log into the file and empties it, before anything is served.
///
/// A process that died after a failed fsync may have left frames that the system's cache shows and the disk does not
/// have. Recovery cannot tell them from good ones, and whatever was committed after them would be lost with them at a
/// power cut. Written into the file and synced there, they no longer matter
/// (<https://wiki.postgresql.org/wiki/Fsync_Errors>).
pub(super) fn empty_log(connection: &Connection, path: &Path) -> Result<()> {
    let failed =
        |why: String| Error::Open(format!("{}: its log cannot be copied into it: {why}", path.display()));
    match connection.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::TRUNCATE) {
        Ok(_) => Ok(()),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            Err(failed("another program is reading it; stop that program".to_owned()))
        }
        Err(error) => Err(failed(explained(&error))),
    }
}
