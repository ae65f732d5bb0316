//! Copies of the database, of one moment.

use std::path::Path;

use super::connection;
use super::error::of_engine;
use crate::error::{Error, Result};
use crate::options::Options;

/// Writes what a snapshot holds to a file that is not there yet.
pub(super) fn backup(path: &Path, options: &Options, to: &Path) -> Result<()> {
    let shown = to.to_str().ok_or_else(|| Error::Open(format!("{} is not UTF-8", to.display())))?;
    let (connection, _) = connection::reader(path, options)?;
    connection.execute("vacuum into ?1", [shown]).map(|_| ()).map_err(of_engine)
}
