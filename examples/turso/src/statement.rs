//! One statement: what is refused, what is bound, and the errors.

use std::borrow::Cow;
use std::time::Instant;

use ketch_db::driver::{Row, Sink};
use ketch_db::tokens::{Kind, Tokens, split, words};
use ketch_db::{Dialect, Error, Result, Statement, Value};

/// What the database keeps for itself.
const KEPT: &[&str] =
    &["begin", "commit", "end", "rollback", "savepoint", "release", "attach", "detach", "pragma", "vacuum"];

/// Refuses transaction control and the like.
pub(crate) fn refused_word(sql: &str) -> Result<()> {
    match words(sql, Dialect::Sqlite).next() {
        Some(word) if KEPT.contains(&word.as_str()) => Err(Error::Denied(format!("`{word}` in `{sql}`"))),
        _ => Ok(()),
    }
}

/// Whether it is a read: turso has no call that tells.
pub(crate) fn reads_only(sql: &str) -> bool {
    let mut words = words(sql, Dialect::Sqlite);
    match words.next().as_deref() {
        Some("with") => {
            !words.any(|word| matches!(word.as_str(), "insert" | "update" | "delete" | "replace"))
        }
        Some(
            "insert" | "update" | "delete" | "replace" | "create" | "drop" | "alter" | "analyze" | "reindex",
        ) => false,
        _ => true,
    }
}

/// Runs a statement; how many rows it changed.
pub(crate) async fn run(
    connection: &turso::Connection,
    statement: &Statement,
    mut sink: Option<&mut dyn Sink>,
    until: Instant,
) -> Result<u64> {
    let sql = &*statement.sql;
    let params = bound(statement)?;
    let mut prepared = connection.prepare_cached(sql).await.map_err(|error| of_turso(error, sql))?;
    let names = prepared.column_names();
    let mut rows = prepared.query(params).await.map_err(|error| of_turso(error, sql))?;
    if let Some(sink) = &mut sink {
        sink.begin();
    }
    while let Some(row) = rows.next().await.map_err(|error| of_turso(error, sql))? {
        if Instant::now() > until {
            return Err(Error::Deadline);
        }
        if let Some(sink) = &mut sink
            && sink.row(&Shown { names: &names, row: &row })?.is_break()
        {
            return Ok(0);
        }
    }
    drop(rows);
    Ok(if reads_only(sql) || names.is_empty() && ddl(sql) { 0 } else { prepared.n_change() })
}

fn ddl(sql: &str) -> bool {
    let first = words(sql, Dialect::Sqlite).next();
    matches!(first.as_deref(), Some("create" | "drop" | "alter"))
}

/// The parameters, checked: turso binds what it is given and leaves the rest empty.
fn bound(statement: &Statement) -> Result<Vec<(String, turso::Value)>> {
    let sql = &*statement.sql;
    if split(sql, Dialect::Sqlite).len() != 1 {
        let message = "it is not one statement".to_owned();
        return Err(Error::Statement { message, sql: sql.to_owned() });
    }
    let wrong = |why: String| Err(Error::Params(format!("{why} in `{sql}`")));
    let asked: Vec<&str> = Tokens::new(sql, Dialect::Sqlite)
        .filter(|token| token.kind == Kind::Parameter)
        .map(|token| token.text.trim_start_matches(':'))
        .collect();
    if let Some(missing) = asked.iter().find(|name| statement.params.get(name).is_none()) {
        return wrong(format!("no value for `:{missing}`"));
    }
    let mut all: Vec<(String, turso::Value)> = Vec::with_capacity(statement.params.len());
    for (name, value) in statement.params.iter() {
        let name_in_sql = format!(":{name}");
        if !asked.contains(&name) {
            return wrong(format!("there is no `:{name}`"));
        }
        if all.iter().any(|(known, _)| *known == name_in_sql) {
            return wrong(format!("`:{name}` is given twice"));
        }
        all.push((name_in_sql, theirs(value)));
    }
    let other = Tokens::new(sql, Dialect::Sqlite)
        .any(|token| token.kind == Kind::Positional || matches!(token.text, "?" | "@" | "$"));
    if other { wrong("a parameter that is not written `:name`".to_owned()) } else { Ok(all) }
}

fn theirs(value: &Value<'static>) -> turso::Value {
    match value {
        Value::Null => turso::Value::Null,
        Value::Bool(it) => turso::Value::Integer(i64::from(*it)),
        Value::Integer(it) => turso::Value::Integer(*it),
        Value::Real(it) if it.is_nan() => turso::Value::Null,
        Value::Real(it) => turso::Value::Real(*it),
        Value::Text(it) | Value::Json(it) => turso::Value::Text(it.to_string()),
        Value::Blob(it) => turso::Value::Blob(it.to_vec()),
    }
}

struct Shown<'r> {
    names: &'r [String],
    row: &'r turso::Row,
}

impl Row for Shown<'_> {
    fn len(&self) -> usize {
        self.names.len()
    }

    fn name(&self, column: usize) -> &str {
        self.names.get(column).map_or("", String::as_str)
    }

    fn value(&self, column: usize) -> Result<Value<'_>> {
        Ok(match self.row.get_value(column).map_err(|error| of_turso(error, ""))? {
            turso::Value::Null => Value::Null,
            turso::Value::Integer(it) => Value::Integer(it),
            turso::Value::Real(it) => Value::Real(it),
            turso::Value::Text(it) => Value::Text(Cow::Owned(it)),
            turso::Value::Blob(it) => Value::Blob(Cow::Owned(it)),
        })
    }
}

/// turso's errors as ours. Which constraint is broken stands in the text only.
pub(crate) fn of_turso(error: turso::Error, sql: &str) -> Error {
    match error {
        turso::Error::Constraint(text) => {
            let (kind, what) = text.split_once(": ").unwrap_or((&text, &text));
            let (kind, what) = (kind.to_ascii_lowercase(), what.to_owned());
            match kind {
                kind if kind.contains("unique") || kind.contains("primary") => Error::Unique(what),
                kind if kind.contains("foreign") => Error::ForeignKey(what),
                kind if kind.contains("not null") => Error::NotNull(what),
                _ => Error::Check(what),
            }
        }
        turso::Error::Error(message) | turso::Error::Misuse(message) => {
            Error::Statement { message, sql: sql.to_owned() }
        }
        turso::Error::Busy(_) | turso::Error::BusySnapshot(_) => Error::Conflict,
        turso::Error::Interrupt(_) => Error::Deadline,
        turso::Error::DatabaseFull(_) => Error::Full,
        turso::Error::Readonly(what) => Error::Denied(what),
        other => Error::Engine(other.to_string()),
    }
}
