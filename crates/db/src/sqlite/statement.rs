//! One statement on one connection.

use std::borrow::Cow;
use std::ops::ControlFlow;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql};

use super::error::{of_engine, of_statement, of_step};
use crate::driver::{Row, Sink, Statement};
use crate::error::{Error, Result};
use crate::params::Params;
use crate::value::Value;

/// Prepares a statement, or finds it prepared, and binds its parameters.
pub(super) fn prepare<'c>(connection: &'c Connection, statement: &Statement) -> Result<CachedStatement<'c>> {
    let sql = &statement.sql;
    whole(sql)?;
    let mut prepared = connection.prepare_cached(sql).map_err(|error| of_statement(error, sql))?;
    if prepared.column_count() == 0 && prepared.readonly() && prepared.expanded_sql().is_none() {
        prepared.discard();
        return Err(Error::Statement { message: "there is no statement".to_owned(), sql: sql.to_string() });
    }
    bind(&mut prepared, &statement.params).map_err(|why| Error::Params(format!("{why} in `{sql}`")))?;
    Ok(prepared)
}

/// SQLite ends a text at its first NUL, and what comes after would be left out in silence.
pub(super) fn whole(sql: &str) -> Result<()> {
    if sql.as_bytes().contains(&0) {
        let message = "there is a NUL in the text, at which SQLite would end it".to_owned();
        return Err(Error::Statement { message, sql: sql.escape_debug().take(200).collect() });
    }
    Ok(())
}

/// Whether it changes nothing. What explains a write does not, whatever SQLite says of it.
pub(super) fn reads(prepared: &CachedStatement<'_>) -> bool {
    prepared.readonly() || prepared.is_explain() != 0
}

/// Binds by name. Every parameter of the statement has a value, and every value a parameter.
fn bind(prepared: &mut CachedStatement<'_>, params: &Params) -> Result<(), String> {
    let count = prepared.parameter_count();
    let mut in_order = true;
    for (position, (param, value)) in params.iter().enumerate() {
        // They are mostly written in the order in which the statement uses them.
        let guess = position + 1;
        let index = if is_named(prepared, guess, param) {
            Some(guess)
        } else {
            in_order = false;
            (1..=count).find(|index| is_named(prepared, *index, param))
        };
        let index = index.ok_or_else(|| format!("there is no `:{param}`"))?;
        prepared.raw_bind_parameter(index, Bound(value)).map_err(|error| error.to_string())?;
    }
    // As many values as parameters are one for each, unless a name is there twice.
    if count == params.len() && (in_order || !params.has_doubles()) {
        return Ok(());
    }
    let all = (1..=count).map(|index| prepared.parameter_name(index).unwrap_or("?"));
    let missing: Vec<&str> = all.filter(|name| params.get(name.trim_start_matches(':')).is_none()).collect();
    Err(match missing.as_slice() {
        [] => "a parameter is given twice".to_owned(),
        missing => format!("no value for `{}`", missing.join("`, `")),
    })
}

fn is_named(prepared: &CachedStatement<'_>, index: usize, param: &str) -> bool {
    prepared.parameter_name(index).and_then(|name| name.strip_prefix(':')) == Some(param)
}

/// Gives the rows of a prepared statement to a sink.
pub(super) fn rows(
    connection: &Connection,
    prepared: &mut CachedStatement<'_>,
    sql: &str,
    sink: &mut dyn Sink,
) -> Result<()> {
    sink.begin();
    each(connection, prepared, sql, |row| sink.row(row))
}

/// Shows the rows of a prepared statement one by one, until one is the last that is wanted.
pub(super) fn each(
    connection: &Connection,
    prepared: &mut CachedStatement<'_>,
    sql: &str,
    mut take: impl FnMut(&dyn Row) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let params = prepared.parameter_count();
    let mut rows = prepared.raw_query();
    while let Some(row) = rows.next().map_err(|error| failed(connection, error, sql, params))? {
        if take(&Shown(row))?.is_break() {
            break;
        }
    }
    Ok(())
}

/// What went wrong while a statement ran. One that cannot be prepared any more fell behind the schema, whatever its values.
fn failed(connection: &Connection, error: rusqlite::Error, sql: &str, params: usize) -> Error {
    match of_step(&error, params) {
        Some(of_value) if connection.prepare(sql).is_ok() => of_value,
        _ => of_statement(error, sql),
    }
}

/// Runs a statement whose rows nobody wants; how many it changed.
pub(super) fn changed(connection: &Connection, statement: &Statement) -> Result<u64> {
    let mut prepared = prepare(connection, statement)?;
    let before = connection.total_changes();
    let params = prepared.parameter_count();
    let mut rows = prepared.raw_query();
    while rows.next().map_err(|error| failed(connection, error, &statement.sql, params))?.is_some() {}
    drop(rows);
    // What changes no row leaves the count of the last statement that did.
    Ok(if connection.total_changes() == before { 0 } else { connection.changes() })
}

/// A row of SQLite as every engine shows it.
pub(super) struct Shown<'r>(pub(super) &'r rusqlite::Row<'r>);

impl Row for Shown<'_> {
    fn len(&self) -> usize {
        self.0.as_ref().column_count()
    }

    fn name(&self, column: usize) -> &str {
        self.0.as_ref().column_name(column).unwrap_or_default()
    }

    fn value(&self, column: usize) -> Result<Value<'_>> {
        Ok(match self.0.get_ref(column).map_err(of_engine)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(it) => Value::Integer(it),
            ValueRef::Real(it) => Value::Real(it),
            ValueRef::Text(bytes) => {
                let text = std::str::from_utf8(bytes)
                    .map_err(|_| Error::Row(format!("column `{}` is not UTF-8", self.name(column))))?;
                Value::Text(Cow::Borrowed(text))
            }
            ValueRef::Blob(bytes) => Value::Blob(Cow::Borrowed(bytes)),
        })
    }
}

struct Bound<'v>(&'v Value<'static>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Bool(it) => ValueRef::Integer(i64::from(*it)),
            Value::Integer(it) => ValueRef::Integer(*it),
            Value::Real(it) => ValueRef::Real(*it),
            Value::Text(it) | Value::Json(it) => ValueRef::Text(it.as_bytes()),
            Value::Blob(it) => ValueRef::Blob(it),
        }))
    }
}
