//! What the programs that are measured with a database share: the table, its rows, its statements, and how a program is
//! told where the file is. How a side reaches the file is deliberately not shared.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use garde::Validate;
use rusqlite::{Connection, OpenFlags, Result, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The table.
pub const TABLE: &str = "create table boats (
    id integer primary key,
    name text not null,
    kind text not null,
    length real not null,
    made_at integer not null
)";

/// One row by its key.
pub const SHOW: &str = "select id, name, kind, length, made_at from boats where id = :id";

/// Twenty rows after a key.
pub const LIST: &str =
    "select id, name, kind, length, made_at from boats where id > :after order by id limit 20";

/// Adds a row and tells what was stored.
pub const ADD: &str =
    "insert into boats (name, kind, length, made_at) values (:name, :kind, :length, :made_at)
    returning id, name, kind, length, made_at";

/// A row of the table.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Stored {
    /// The key.
    pub id: i64,
    /// A name.
    pub name: String,
    /// How it is rigged.
    pub kind: String,
    /// Length over all, in metres.
    pub length: f64,
    /// When it was stored, in milliseconds since 1970.
    pub made_at: i64,
}

impl Stored {
    /// The row of this key in a fresh file.
    pub fn seeded(id: i64) -> Self {
        let kind = Kind::ALL[usize::try_from(id).unwrap_or_default() % Kind::ALL.len()];
        let length = 2.5 + f64::from(u32::try_from(id % 500).unwrap_or_default()) / 10.0;
        let made_at = 1_700_000_000_000 + id;
        Self { id, name: format!("Boat {id}"), kind: kind.name().to_owned(), length, made_at }
    }

    /// Reads the columns in the order of the statements.
    ///
    /// # Errors
    /// When a column holds something else.
    pub fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            name: row.get(1)?,
            kind: row.get(2)?,
            length: row.get(3)?,
            made_at: row.get(4)?,
        })
    }
}

/// How a boat is rigged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One mast.
    Sloop,
    /// Two masts, the after one before the rudder.
    Ketch,
    /// Two masts, the after one behind the rudder.
    Yawl,
    /// No mast that matters.
    Motor,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Sloop, Self::Ketch, Self::Yawl, Self::Motor];

    /// As the table and JSON have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sloop => "sloop",
            Self::Ketch => "ketch",
            Self::Yawl => "yawl",
            Self::Motor => "motor",
        }
    }
}

/// The body of an insert, and what it must be.
#[derive(Clone, Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct NewStored {
    /// Its name, 1 to 60 letters.
    #[garde(length(chars, min = 1, max = 60))]
    pub name: String,
    /// How it is rigged.
    #[garde(skip)]
    pub kind: Kind,
    /// Length over all, in metres.
    #[garde(range(min = 2.5, max = 60.0))]
    pub length: f64,
}

/// Milliseconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "the baseline has no clock of its own, and both sides do the same"
)]
pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// What a program is told by its environment.
#[derive(Clone, Debug)]
pub struct Setup {
    /// `BENCH_DATABASE`: the file.
    pub path: PathBuf,
    /// `BENCH_SYNC`.
    pub sync: Sync,
    /// `BENCH_BATCH`: how many inserts share a commit at most; the program's own default when it is not set.
    pub batch: Option<usize>,
    /// `BENCH_READS`: how the baseline reads.
    pub reads: String,
    /// `BENCH_JOBS`: whether the candidate has a queue of jobs; its value does not matter.
    pub jobs: bool,
    /// `BENCH_MANIFEST`: whether the candidate serves its manifest too; its value does not matter.
    pub manifest: bool,
}

/// What a power cut may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Nothing that was answered.
    Full,
    /// The last moments.
    Normal,
}

impl Sync {
    /// As the pragma has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Normal => "normal",
        }
    }

    /// From the name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Full, Self::Normal].into_iter().find(|sync| sync.name() == name)
    }
}

impl Setup {
    /// What the environment says; nothing when it names no file.
    ///
    /// # Panics
    /// When a value cannot be read: a benchmark of something else than was asked for is worse than none.
    #[expect(clippy::disallowed_methods, reason = "the command line of both sides is the same: empty")]
    pub fn from_environment() -> Option<Self> {
        let named = |name: &str| std::env::var(name).ok();
        let path = PathBuf::from(named("BENCH_DATABASE")?);
        let sync = named("BENCH_SYNC").map_or(Sync::Full, |name| {
            Sync::named(&name).unwrap_or_else(|| panic!("BENCH_SYNC is `{name}`: it is `full` or `normal`"))
        });
        let batch = named("BENCH_BATCH").map(|text| {
            text.parse().unwrap_or_else(|_| panic!("BENCH_BATCH is `{text}`, which is no number"))
        });
        let reads = named("BENCH_READS").unwrap_or_else(|| "inline".to_owned());
        let (jobs, manifest) = (named("BENCH_JOBS").is_some(), named("BENCH_MANIFEST").is_some());
        Some(Self { path, sync, batch, reads, jobs, manifest })
    }
}

/// A connection that reads, with the pragmas of the candidate's.
///
/// # Errors
/// What SQLite says.
pub fn reader(path: &Path) -> Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// A connection that writes, with the pragmas of the candidate's. SQLite copies the log into the file by itself, from
/// the size from which the candidate does.
///
/// # Errors
/// What SQLite says.
pub fn writer(path: &Path, sync: Sync) -> Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    connection.execute_batch(&format!(
        "pragma journal_mode = wal;
         pragma synchronous = {};
         pragma foreign_keys = on;
         pragma wal_autocheckpoint = 1024;
         pragma journal_size_limit = {};",
        sync.name(),
        64 << 20
    ))?;
    Ok(connection)
}

#[expect(clippy::disallowed_methods, reason = "this is SQLite without Ketch")]
fn open(path: &Path, flags: OpenFlags) -> Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.execute_batch(
        "pragma cache_size = -8192;
         pragma trusted_schema = off;
         pragma temp_store = memory;
         pragma mmap_size = 0;",
    )?;
    Ok(connection)
}
