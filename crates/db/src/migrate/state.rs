//! What the database says was applied, beside what the program brings.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::MigrateError;
use super::list::{Migration, Migrations};
use crate::db::Db;
use crate::driver::{Dialect, Statement};
use crate::error::Error;
use crate::params;
use crate::params::Params;
use crate::sink::Collect;

/// Migrations that are read back from a database, at most.
const MOST: usize = 100_000;

/// How a migration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// It is applied.
    Applied,
    /// `up` will apply it.
    Pending,
    /// It is applied, and its file was changed since.
    Changed,
    /// It is applied, and the program has no file for it, but knows later ones.
    Missing,
    /// It is applied, and later than all that the program knows: the database is newer.
    Newer,
    /// It is not applied, but a later one is.
    OutOfOrder,
    /// It is not applied, and cannot be on this engine.
    OtherEngine,
    /// It is applied, and belongs to a part that this program does not have. Nothing is done about it.
    OtherPart,
}

impl State {
    /// A word or two.
    pub fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Pending => "pending",
            Self::Changed => "changed",
            Self::Missing => "missing file",
            Self::Newer => "newer",
            Self::OutOfOrder => "out of order",
            Self::OtherEngine => "other engine",
            Self::OtherPart => "other part",
        }
    }
}

/// A migration that the program brings, or that the database says was applied.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Entry {
    /// The part it belongs to.
    pub part: String,
    /// Its number.
    pub number: i64,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// When it was applied, as RFC 3339.
    pub applied_at: Option<String>,
    /// What stands against `up`, and what to do; nothing when it is applied, or can be.
    pub problem: Option<String>,
}

/// Every migration, by part and number: the program's parts in their order, then others.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// The migrations.
    pub entries: Vec<Entry>,
}

impl Status {
    /// How many are in this state.
    pub fn count(&self, state: State) -> usize {
        self.entries.iter().filter(|entry| entry.state == state).count()
    }

    /// What stands against `up`. Of a database that is newer only that is told: the rest follows from it.
    pub fn problems(&self) -> Vec<String> {
        let newest = |entry: &&Entry| entry.state == State::Newer;
        let newer: Vec<String> =
            self.entries.iter().filter(newest).filter_map(|it| it.problem.clone()).collect();
        if !newer.is_empty() {
            return newer;
        }
        self.entries.iter().filter_map(|entry| entry.problem.clone()).collect()
    }
}

/// What the table says of one migration.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Record {
    part: String,
    number: i64,
    name: String,
    checksum: String,
    applied_at: String,
}

/// What the database holds.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    /// Whether the table is there.
    pub(super) table: bool,
    /// By part and number.
    pub(super) records: BTreeMap<(String, i64), Record>,
}

/// The same SQL makes it on every engine.
pub(super) const TABLE: &str = "create table if not exists ketch_migrations (
    part text not null,
    number bigint not null,
    name text not null,
    checksum text not null,
    applied_at text not null,
    primary key (part, number)
)";

/// Reads what was applied; nothing is written.
pub(super) async fn recorded(db: &Db) -> Result<Recorded, Error> {
    let dialect = db.dialect()?;
    db.read(move |tx| {
        let there = match dialect {
            Dialect::Sqlite => {
                "select count(*) from sqlite_schema where type = 'table' and name = 'ketch_migrations'"
            }
            Dialect::Postgres => "select count(*) from pg_class where oid = to_regclass('ketch_migrations')",
        };
        if tx.query_one::<i64>(there, Params::new())? == 0 {
            return Ok(Recorded::default());
        }
        let all = "select part, number, name, checksum, applied_at from ketch_migrations";
        let mut rows = Collect::<Record>::up_to(MOST);
        tx.query_into(&Statement::new(all, Params::new()), &mut rows)?;
        let keyed = rows.rows.into_iter().map(|it| ((it.part.clone(), it.number), it));
        Ok(Recorded { table: true, records: keyed.collect() })
    })
    .await
}

/// Whether there is anything to lose: tables other than ours, or on PostgreSQL anything that was migrated.
pub(super) async fn holds_data(db: &Db, recorded: &Recorded) -> Result<bool, Error> {
    if !recorded.records.is_empty() || db.dialect()? != Dialect::Sqlite {
        return Ok(!recorded.records.is_empty());
    }
    let others = "select count(*) from sqlite_schema
        where type = 'table' and name not like 'sqlite\\_%' escape '\\' and name <> 'ketch_migrations'";
    Ok(db.query_one::<i64>(others, params! {}).await? > 0)
}

/// Refuses lists that cannot stand beside each other.
pub(super) fn check(all: &[Migrations]) -> Result<(), MigrateError> {
    let mut problems = Vec::new();
    for (at, one) in all.iter().enumerate() {
        let part = one.part();
        let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        if part.is_empty() || !part.bytes().all(fits) {
            problems.push(format!("the part `{part}`: a name is written with a-z, 0-9 and `_`"));
        }
        if let Some(other) = all[..at].iter().find(|other| other.part() == part) {
            problems.push(format!(
                "`{}` and `{}` are both the migrations of the part `{part}`: put them in one folder",
                other.folder(),
                one.folder()
            ));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(MigrateError::Files(problems)) }
}

/// How everything stands.
pub(super) fn status(all: &[Migrations], recorded: &Recorded, dialect: Dialect) -> Status {
    let mut entries = Vec::new();
    for one in all {
        part(one, recorded, dialect, &mut entries);
    }
    let others = recorded.records.values().filter(|it| all.iter().all(|one| one.part() != it.part));
    entries.extend(others.map(|record| of_record(record, State::OtherPart, None)));
    Status { entries }
}

fn part(all: &Migrations, recorded: &Recorded, dialect: Dialect, entries: &mut Vec<Entry>) {
    let records = || recorded.records.values().filter(|record| record.part == all.part());
    let last_applied = records().next_back();
    let known = all.list().last();
    let begin = entries.len();
    for it in all.list() {
        let key = (all.part().to_owned(), it.number());
        entries.push(match recorded.records.get(&key) {
            Some(record) => applied(all, it, record, dialect),
            None => pending(all, it, last_applied, dialect),
        });
    }
    for record in records().filter(|record| all.list().iter().all(|it| it.number() != record.number)) {
        let Record { number, name, .. } = record;
        entries.push(if known.is_none_or(|known| record.number > known.number()) {
            let limit = known.map_or("none".to_owned(), |known| format!("up to {}", known.number()));
            let why = format!(
                "this database is newer than this program: it has migration {number} `{name}` of `{}`, the program \
                 knows {limit}; run the newer program",
                all.part()
            );
            of_record(record, State::Newer, Some(why))
        } else {
            of_record(record, State::Missing, Some(missing(all, record)))
        });
    }
    entries[begin..].sort_by_key(|entry| entry.number);
}

fn missing(all: &Migrations, Record { number, name, .. }: &Record) -> String {
    format!(
        "migration {number} `{name}` was applied to this database, but `{}` has no file for it: put it back",
        all.folder()
    )
}

fn of_record(record: &Record, state: State, problem: Option<String>) -> Entry {
    Entry {
        part: record.part.clone(),
        number: record.number,
        name: record.name.clone(),
        state,
        applied_at: Some(record.applied_at.clone()),
        problem,
    }
}

fn applied(all: &Migrations, it: &Migration, record: &Record, dialect: Dialect) -> Entry {
    let (state, problem) = match it.up(dialect) {
        None => (State::Missing, Some(missing(all, record))),
        Some(script) if script.checksum() != record.checksum => {
            let before = if record.name == it.name() {
                String::new()
            } else {
                format!(", where it was called `{}`", record.name)
            };
            let why = format!(
                "`{}` is not what was applied to this database on {}{before}: put it back as it was, and write a new \
                 migration for what is new; where the data does not matter, undo it with `migrate down`",
                all.path(&script.file),
                record.applied_at
            );
            (State::Changed, Some(why))
        }
        Some(_) => (State::Applied, None),
    };
    Entry { name: it.name().to_owned(), ..of_record(record, state, problem) }
}

fn pending(all: &Migrations, it: &Migration, last: Option<&Record>, dialect: Dialect) -> Entry {
    let engine = dialect.name();
    let (state, problem) = match (it.up(dialect), last) {
        (None, _) => {
            let file = all.path(it.any_file());
            let why = format!(
                "`{file}` is for another engine, and this database is {engine}: add a file for it, which may be empty"
            );
            (State::OtherEngine, Some(why))
        }
        (Some(script), _) if dialect == Dialect::Sqlite && !script.in_transaction() => {
            let file = all.path(&script.file);
            let why = format!(
                "`{file}` says `-- no transaction`, and SQLite runs every migration in one: keep it for PostgreSQL \
                 as `.postgres.sql`, beside one for SQLite"
            );
            (State::OtherEngine, Some(why))
        }
        (Some(script), Some(last)) if last.number > it.number() => {
            let Record { number, name, .. } = last;
            let why = format!(
                "`{}` is not applied, but {number} `{name}` is, which comes after it: give it a number above {number}",
                all.path(&script.file)
            );
            (State::OutOfOrder, Some(why))
        }
        (Some(_), _) => (State::Pending, None),
    };
    Entry {
        part: all.part().to_owned(),
        number: it.number(),
        name: it.name().to_owned(),
        state,
        applied_at: None,
        problem,
    }
}
