//! Which SQLite is trusted with data.

use crate::error::{Error, Result};

/// The oldest SQLite that is used, as `sqlite3_libversion_number` tells it: 3.51.3. Older ones may lose committed pages
/// when two connections write and checkpoint at the same moment (<https://sqlite.org/wal.html>, "the WAL-reset bug").
pub const OLDEST: i32 = 3_051_003;

/// Refuses an SQLite that is too old.
///
/// # Errors
/// [`Error::TooOld`], with both versions.
pub fn check_version(number: i32) -> Result<()> {
    if number >= OLDEST {
        return Ok(());
    }
    Err(Error::TooOld(format!(
        "this program is linked to SQLite {}, which may lose committed data (the WAL-reset bug); it must be {} or \
         newer: build it with the SQLite that comes with it",
        shown(number),
        shown(OLDEST),
    )))
}

fn shown(number: i32) -> String {
    format!("{}.{}.{}", number / 1_000_000, number / 1_000 % 1_000, number % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d12_an_sqlite_that_loses_data_is_refused() {
        for old in [3_007_000, 3_040_001, 3_051_002] {
            let message = check_version(old).unwrap_err().to_string();
            assert!(message.contains("WAL-reset") && message.contains("3.51.3"), "{message}");
        }
        assert_eq!(check_version(3_051_003), Ok(()));
        assert_eq!(check_version(rusqlite::version_number()), Ok(()));
    }
}
