//! Single statements that write.

use super::case::{Case, case};
use super::check::{Checked, fails, holds, same};
use super::setting::{boat, boats, fleet};
use crate::db::Db;
use crate::error::Error;
use crate::params;

pub(super) const CASES: &[Case] = &[
    case!("writes", count_the_rows_they_changed),
    case!("writes", a_select_changes_nothing),
    case!("writes", returning_answers_and_commits),
    case!("writes", a_conflict_may_do_nothing),
    case!("writes", a_conflict_may_update),
    case!("writes", one_statement_is_whole_or_nothing),
    case!("writes", too_many_rows_returned_roll_back),
    case!("writes", a_returned_row_of_another_type_rolls_back),
    case!("writes", a_failed_write_harms_no_later_one),
];

async fn count_the_rows_they_changed(db: Db) -> Checked {
    boats(&db).await?;
    let three = "insert into boats (id, name) values (1, 'a'), (2, 'b'), (3, 'c')";
    same("inserted", &db.execute(three, params! {}).await?, &3)?;
    let sql = "update boats set length = 1 where id >= :id";
    same("updated", &db.execute(sql, params! { id: 2 }).await?, &2)?;
    same("updated to the same", &db.execute(sql, params! { id: 2 }).await?, &2)?;
    same("updated none", &db.execute(sql, params! { id: 9 }).await?, &0)?;
    let none = db.execute("create table other (id bigint primary key)", params! {}).await?;
    same("changed by a new table", &none, &0)?;
    let copied = db.execute("insert into other (id) select id from boats", params! {}).await?;
    same("copied", &copied, &3)?;
    same("deleted", &db.execute("delete from boats where id < 3", params! {}).await?, &2)?;
    same("deleted none", &db.execute("delete from boats where id < 3", params! {}).await?, &0)
}

async fn a_select_changes_nothing(db: Db) -> Checked {
    boats(&db).await?;
    boat(&db, 1, "Spray").await?;
    same("changed by a select", &db.execute("select id from boats", params! {}).await?, &0)?;
    let inside = db.write(|tx| tx.execute("select id from boats", params! {})).await?;
    same("changed by a select in a closure", &inside, &0)
}

async fn returning_answers_and_commits(db: Db) -> Checked {
    boats(&db).await?;
    let sql = "insert into boats (id, name) values (:id, :name) returning id, name";
    let one: (i64, String) = db.query_one(sql, params! { id: 1, name: "Spray" }).await?;
    same("the row inserted", &one, &(1, "Spray".to_owned()))?;
    same("boats", &fleet(&db).await?, &1)?;
    boat(&db, 2, "Suhaili").await?;
    let mut all: Vec<String> =
        db.query("update boats set name = name || '!' returning name", params! {}).await?;
    all.sort();
    same("the rows updated", &all, &vec!["Spray!".to_owned(), "Suhaili!".to_owned()])?;
    let gone: Option<i64> = db.query_opt("delete from boats where id = 1 returning id", params! {}).await?;
    same("the row deleted", &gone, &Some(1))?;
    let gone: Option<i64> = db.query_opt("delete from boats where id = 1 returning id", params! {}).await?;
    same("no row deleted", &gone, &None)?;
    same("boats", &fleet(&db).await?, &1)
}

async fn a_conflict_may_do_nothing(db: Db) -> Checked {
    boats(&db).await?;
    let sql = "insert into boats (id, name) values (:id, :name) on conflict do nothing";
    same("inserted", &db.execute(sql, params! { id: 1, name: "Spray" }).await?, &1)?;
    same("inserted again", &db.execute(sql, params! { id: 2, name: "Spray" }).await?, &0)?;
    let sql = "insert into boats (id, name) values (1, 'other') on conflict do nothing returning id";
    same("returned", &db.query_opt::<i64>(sql, params! {}).await?, &None)
}

async fn a_conflict_may_update(db: Db) -> Checked {
    boats(&db).await?;
    let sql = "insert into boats (id, name, length) values (:id, 'Spray', :length)
               on conflict (name) do update set length = excluded.length returning id, length";
    let first: (i64, f64) = db.query_one(sql, params! { id: 1, length: 1.5 }).await?;
    same("inserted", &first, &(1, 1.5))?;
    let second: (i64, f64) = db.query_one(sql, params! { id: 2, length: 2.5 }).await?;
    same("updated", &second, &(1, 2.5))
}

async fn one_statement_is_whole_or_nothing(db: Db) -> Checked {
    boats(&db).await?;
    let sql = "insert into boats (id, name) values (1, 'a'), (2, 'b'), (3, 'a'), (4, 'd')";
    fails!("the third of four", db.execute(sql, params! {}).await, Error::Unique(_))?;
    same("boats", &fleet(&db).await?, &0)?;
    let seen = db
        .write(move |tx| {
            let failed = tx.execute(sql, params! {}).is_err();
            Ok((failed, tx.query_one::<i64>("select count(*) from boats", params! {})?))
        })
        .await?;
    same("it failed in a closure that goes on, and boats there", &seen, &(true, 0))
}

/// What the caller did not get has not happened.
async fn too_many_rows_returned_roll_back(db: Db) -> Checked {
    boats(&db).await?;
    let sql = "insert into boats (id, name) values (1, 'a'), (2, 'b') returning id";
    fails!("one row of two", db.query_one::<i64>(sql, params! {}).await, Error::TooManyRows(1))?;
    same("boats", &fleet(&db).await?, &0)?;
    let inside = db.write(move |tx| tx.query_one::<i64>(sql, params! {})).await;
    fails!("one row of two in a closure", inside, Error::TooManyRows(1))?;
    same("boats", &fleet(&db).await?, &0)
}

async fn a_returned_row_of_another_type_rolls_back(db: Db) -> Checked {
    boats(&db).await?;
    let sql = "insert into boats (id, name) values (1, 'a') returning name";
    fails!("a name as a number", db.query_one::<i64>(sql, params! {}).await, Error::Row(_))?;
    same("boats", &fleet(&db).await?, &0)
}

async fn a_failed_write_harms_no_later_one(db: Db) -> Checked {
    boats(&db).await?;
    boat(&db, 0, "Spray").await?;
    for id in 1..=50 {
        fails!("the same name again", boat(&db, id, "Spray").await, Error::Unique(_))?;
        same("changed", &boat(&db, id, &format!("boat {id}")).await?, &1)?;
    }
    holds("all the others are there", fleet(&db).await? == 51)
}
