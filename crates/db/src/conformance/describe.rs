//! What an engine says of a statement that it has not run.

use super::case::{Capability, Case, case};
use super::check::{Checked, fails, holds, same};
use super::setting::{boats, fleet};
use crate::db::Db;
use crate::describe::{Access, Described};
use crate::error::{Error, Result};
use crate::params;

pub(super) const CASES: &[Case] = &[
    case!("describe", a_read).needs(Capability::Describe),
    case!("describe", a_write_is_not_run).needs(Capability::Describe),
    case!("describe", a_mistake_is_told).needs(Capability::Describe),
    case!("describe", what_is_kept_is_refused).needs(Capability::Describe),
    case!("describe", a_schema_that_has_just_changed).needs(Capability::Describe),
];

async fn ask(db: &Db, sql: &'static str) -> Result<Described> {
    Ok(db.describe(sql).await?)
}

async fn a_read(db: Db) -> Checked {
    boats(&db).await?;
    let sql = "select id, name as called from boats where name = :name or id = :id or name = :name";
    let described = ask(&db, sql).await?;
    let params: Vec<&str> = described.params.iter().map(|it| it.name.as_str()).collect();
    same("the parameters, each once", &params, &vec!["name", "id"])?;
    let columns: Vec<&str> = described.columns.iter().map(|it| it.name.as_str()).collect();
    same("the columns", &columns, &vec!["id", "called"])?;
    same("what it does", &described.access, &Access::Reads)
}

async fn a_write_is_not_run(db: Db) -> Checked {
    boats(&db).await?;
    let sql = "insert into boats (id, name) values (:id, :name) returning id";
    let described = ask(&db, sql).await?;
    same("what it does", &described.access, &Access::Writes)?;
    same("how many columns it gives", &described.columns.len(), &1)?;
    let silent = ask(&db, "delete from boats").await?;
    same("the columns of what gives no rows", &silent.columns, &Vec::new())?;
    same("boats", &fleet(&db).await?, &0)?;
    db.execute("insert into boats (id, name) values (:id, :name)", params! { id: 1, name: "Spray" }).await?;
    same("boats after a write", &fleet(&db).await?, &1)
}

async fn a_mistake_is_told(db: Db) -> Checked {
    for sql in ["selec 1", "select nothing from nowhere", "select 1; select 2", "", "-- nothing"] {
        fails!(sql, ask(&db, sql).await, Error::Statement { .. })?;
    }
    let sql = "select 1 +\n  frum x";
    let at = db.describe(sql).await.err().and_then(|why| why.at);
    holds("the place is in the text", at.is_none_or(|at| at <= sql.len()))
}

async fn what_is_kept_is_refused(db: Db) -> Checked {
    for sql in ["begin", "commit", "savepoint a"] {
        fails!(sql, ask(&db, sql).await, Error::Denied(_))?;
    }
    Ok(())
}

async fn a_schema_that_has_just_changed(db: Db) -> Checked {
    db.execute("create table news (a bigint)", params! {}).await?;
    same("columns", &ask(&db, "select * from news").await?.columns.len(), &1)?;
    db.execute("alter table news add column b bigint", params! {}).await?;
    same("columns after one was added", &ask(&db, "select * from news /* anew */").await?.columns.len(), &2)
}
