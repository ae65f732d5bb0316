//! What SQLite knows of a statement that it has prepared.

use rusqlite::{Connection, Error as Theirs};

use super::connection::Guarded;
use super::error::of_statement;
use super::statement::whole;
use crate::describe::{Access, Column, Described, Kind, Param, Undescribed};
use crate::error::Error;

/// Prepares a statement and says what it is; nothing is run.
pub(super) fn describe(
    connection: &Connection,
    guarded: &Guarded,
    sql: &str,
) -> Result<Described, Undescribed> {
    whole(sql)?;
    let prepared = guarded.run(|| connection.prepare(sql)).map_err(|error| undescribed(error, sql))?;
    let count = prepared.parameter_count();
    if prepared.column_count() == 0 && prepared.readonly() && prepared.expanded_sql().is_none() {
        let message = "there is no statement".to_owned();
        return Err(Error::Statement { message, sql: sql.to_owned() }.into());
    }
    let mut params = Vec::with_capacity(count);
    for index in 1..=count {
        let name = prepared.parameter_name(index).unwrap_or("?");
        let Some(named) = name.strip_prefix(':') else {
            let why = format!("they are written `:name`, not `{name}`, in `{sql}`");
            return Err(Undescribed { error: Error::Params(why), at: sql.find(name) });
        };
        params.push(Param::new(named, None));
    }
    let columns = prepared.columns();
    let columns = columns
        .map(|column| Column::new(column.name(), column.decl_type().and_then(Kind::of_sqlite)))
        .collect();
    let reads = prepared.readonly() || prepared.is_explain() != 0;
    Ok(Described::new(params, columns, if reads { Access::Reads } else { Access::Writes }))
}

fn undescribed(error: Theirs, sql: &str) -> Undescribed {
    let at = match &error {
        Theirs::SqlInputError { offset, .. } => usize::try_from(*offset).ok(),
        _ => None,
    };
    Undescribed { error: of_statement(error, sql), at }
}
