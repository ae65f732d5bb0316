//! The schema that migrations make, known without a database: they are run in memory, where statements are described and
//! tables looked at.

use std::fmt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Error as Theirs};

use super::connection::{self, Guarded};
use super::describe::describe;
use super::error::of_statement;
use crate::describe::{Described, Kind, Undescribed};
use crate::driver::Dialect;
use crate::error::Error;
use crate::migrate::Migrations;
use crate::options::Options;

/// How long all migrations together may take.
const TIME: Duration = Duration::from_secs(10);

/// Pages of 4 KiB that they may fill: 64 MiB.
const PAGES: u32 = 16 << 10;

/// The schema that migrations make. No file is opened; what migrations insert takes 64 MiB and 10 s at most.
pub struct Schema {
    connection: Mutex<Connection>,
    guarded: Guarded,
}

/// A migration that cannot be applied.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BadMigration {
    /// The part it belongs to.
    pub part: String,
    /// Its file, without the folder.
    pub file: String,
    /// What SQLite says.
    pub error: Error,
    /// Line and column in the file, from 1, if SQLite says so.
    pub at: Option<(u32, u32)>,
}

/// A table, as an API sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Table {
    /// Its name, as it was created.
    pub name: String,
    /// Whether it is a view, whose rows cannot be written.
    pub is_view: bool,
    /// Its columns, in order.
    pub columns: Vec<TableColumn>,
    /// The columns of each constraint and index that lets values be there once, the primary key's first.
    pub unique: Vec<Vec<String>>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableColumn {
    /// Its name.
    pub name: String,
    /// What it holds, if its declared type says so.
    pub kind: Option<Kind>,
    /// Its type, as it was declared.
    pub declared: String,
    /// Whether SQLite makes a number of text that looks like one, when it is stored there or compared with it.
    pub numeric: bool,
    /// Whether it may be null.
    pub nullable: bool,
    /// Whether a row that says nothing of it can be inserted: it has a default, is counted up, or may be null.
    pub optional: bool,
    /// Whether it has a default of its own: then it is not null when nothing is said.
    pub has_default: bool,
    /// Whether it is computed and cannot be written.
    pub computed: bool,
    /// Its place in the primary key, from 1; 0 when it is not part of it.
    pub key: usize,
}

impl TableColumn {
    /// Whether it is declared as decimal numbers: `numeric(6, 2)`. SQLite has them as numbers, PostgreSQL as text that is one.
    pub fn is_decimal(&self) -> bool {
        let name = self.declared.split('(').next().unwrap_or_default().trim();
        ["numeric", "decimal"].iter().any(|it| name.eq_ignore_ascii_case(it))
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema").finish_non_exhaustive()
    }
}

impl Schema {
    /// The schema of all these migrations, in the order given. Nothing when one of them has no script for SQLite: then
    /// only another engine can say.
    ///
    /// # Errors
    /// The first that cannot be applied. The same statements are refused as when the migrations are applied in earnest.
    pub fn of<'m>(all: impl IntoIterator<Item = &'m Migrations>) -> Result<Option<Self>, BadMigration> {
        let (connection, guarded) = connection::scratch(Path::new(":memory:"), &Options::default())
            .map_err(|error| BadMigration { part: String::new(), file: String::new(), error, at: None })?;
        let schema = Self { connection: Mutex::new(connection), guarded };
        for one in all {
            for migration in one.list() {
                let Some(script) = migration.up(Dialect::Sqlite) else { return Ok(None) };
                schema.apply(&script.text).map_err(|(error, at)| BadMigration {
                    part: one.part().to_owned(),
                    file: script.file.to_string(),
                    error,
                    at,
                })?;
            }
        }
        Ok(Some(schema))
    }

    fn apply(&self, script: &str) -> Result<(), (Error, Option<(u32, u32)>)> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        super::statement::whole(script).map_err(|error| (error, None))?;
        let told = |error: Theirs| {
            let at = position(&error, script).map(|at| place(script, at));
            (of_statement(error, script.lines().find(|line| !line.trim().is_empty()).unwrap_or_default()), at)
        };
        self.guarded.run(|| connection.execute_batch(script)).map_err(told)
    }

    /// What SQLite knows of a statement.
    ///
    /// # Errors
    /// Why it does not understand it, and where.
    pub fn describe(&self, sql: &str) -> Result<Described, Undescribed> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        describe(&connection, &self.guarded, sql)
    }

    /// The names of all tables and views but SQLite's own, in their order.
    pub fn tables(&self) -> Vec<String> {
        self.listed("select name from pragma_table_list where schema = 'main' and name not like 'sqlite\\_%' escape '\\' \
                     and type in ('table', 'view', 'virtual') order by name", "", |row| row.get(0))
    }

    /// A table or view; case does not count.
    pub fn table(&self, name: &str) -> Option<Table> {
        let (name, kind, without_rowid): (String, String, bool) = self
            .listed(
                "select name, type, wr from pragma_table_list where schema = 'main' and name = :name collate nocase",
                name,
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .pop()?;
        let mut columns = self.listed(
            "select name, type, \"notnull\", dflt_value is not null, hidden, pk from pragma_table_xinfo(:name)
             where hidden <> 1 order by cid",
            &name,
            |row| {
                let (declared, not_null, has_default): (String, bool, bool) =
                    (row.get(1)?, row.get(2)?, row.get(3)?);
                let hidden: i64 = row.get(4)?;
                let column = TableColumn {
                    name: row.get(0)?,
                    kind: Kind::of_sqlite(&declared),
                    numeric: is_numeric(&declared),
                    declared: declared.clone(),
                    nullable: !not_null,
                    optional: has_default || !not_null,
                    has_default,
                    computed: hidden > 1,
                    key: usize::try_from(row.get::<_, i64>(5)?).unwrap_or_default(),
                };
                Ok((column, declared.eq_ignore_ascii_case("integer")))
            },
        );
        let key: Vec<String> = {
            let mut key: Vec<_> = columns.iter().filter(|(it, _)| it.key > 0).collect();
            key.sort_by_key(|(it, _)| it.key);
            key.into_iter().map(|(it, _)| it.name.clone()).collect()
        };
        for (column, is_integer) in columns.iter_mut().filter(|(it, _)| it.key > 0) {
            // The number of a row is counted up; SQLite would take null for any other key, which nobody wants.
            let counted = *is_integer && key.len() == 1 && !without_rowid;
            column.nullable = false;
            column.optional = counted || column.has_default;
            column.has_default |= counted;
        }
        let mut unique: Vec<Vec<String>> = if key.is_empty() { Vec::new() } else { vec![key] };
        let indexes: Vec<String> = self.listed(
            "select name from pragma_index_list(:name) where \"unique\" and not partial and origin <> 'pk' order by seq",
            &name,
            |row| row.get(0),
        );
        for index in indexes {
            let of = "select coalesce(name, '') from pragma_index_info(:name) order by seqno";
            unique.push(self.listed(of, &index, |row| row.get(0)));
        }
        let columns = columns.into_iter().map(|(column, _)| column).collect();
        Some(Table { name, is_view: kind == "view", columns, unique })
    }

    /// The rows of a question about one name. What SQLite does not answer is not there.
    fn listed<T>(
        &self,
        sql: &str,
        name: &str,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Vec<T> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = connection.prepare(sql).and_then(|mut prepared| {
            if prepared.parameter_count() > 0 {
                prepared.raw_bind_parameter(1, name)?;
            }
            prepared.raw_query().mapped(read).collect()
        });
        asked.unwrap_or_default()
    }
}

/// Whether a declared type has one of the affinities of numbers, by the rules of SQLite.
fn is_numeric(declared: &str) -> bool {
    let name = declared.to_ascii_lowercase();
    let has = |part: &str| name.contains(part);
    has("int") || !(name.is_empty() || ["char", "clob", "text", "blob"].into_iter().any(has))
}

/// Ends what takes too long.
pub(super) fn bounds(connection: &mut Connection) -> rusqlite::Result<()> {
    let until = Instant::now() + TIME;
    connection.progress_handler(10_000, Some(move || Instant::now() > until))?;
    connection.execute_batch(&format!("pragma max_page_count = {PAGES}; pragma foreign_keys = off;"))
}

/// The byte of a script that an error speaks of.
fn position(error: &Theirs, script: &str) -> Option<usize> {
    let Theirs::SqlInputError { sql, offset, .. } = error else { return None };
    // The text is what was left of the script.
    let begun = script.len().checked_sub(sql.len()).filter(|_| script.ends_with(sql.as_str()))?;
    Some(begun + usize::try_from(*offset).ok()?)
}

/// Line and column of a byte, from 1.
fn place(text: &str, at: usize) -> (u32, u32) {
    let before = text.get(..at).unwrap_or(text);
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (count(line), count(column))
}
