//! Single statements that read.

use futures_util::future::join_all;

use super::case::{Case, case};
use super::check::{Checked, fails, holds, same};
use super::setting::{boat, boats, fleet, numbers};
use crate::db::Db;
use crate::error::Error;
use crate::params;

pub(super) const CASES: &[Case] = &[
    case!("reads", all_rows_in_order),
    case!("reads", one_row),
    case!("reads", no_row),
    case!("reads", too_many_rows),
    case!("reads", what_was_answered_is_seen),
    case!("reads", many_at_once),
    case!("reads", a_wrong_statement_is_told_with_its_text),
    case!("reads", a_mistake_harms_no_later_read),
    case!("reads", two_statements_are_refused),
    case!("reads", an_empty_text_is_refused),
    case!("reads", a_semicolon_and_a_comment_may_end_it),
    case!("reads", text_beyond_ascii_and_long_text),
    case!("reads", a_new_column_is_seen_by_old_text),
];

async fn all_rows_in_order(db: Db) -> Checked {
    numbers(&db, 3).await?;
    let found: Vec<i64> = db.query("select n from numbers order by n desc", params! {}).await?;
    same("a thousand numbers, downwards", &found, &(0..1_000).rev().collect())?;
    let none: Vec<i64> = db.query("select n from numbers where n < 0", params! {}).await?;
    same("no numbers", &none, &vec![])
}

async fn one_row(db: Db) -> Checked {
    boats(&db).await?;
    boat(&db, 1, "Spray").await?;
    boat(&db, 2, "Suhaili").await?;
    let sql = "select name from boats where id = :id";
    same("one", &db.query_one::<String>(sql, params! { id: 2 }).await?.as_str(), &"Suhaili")?;
    let some: Option<String> = db.query_opt(sql, params! { id: 1 }).await?;
    same("one, if there is one", &some.as_deref(), &Some("Spray"))
}

async fn no_row(db: Db) -> Checked {
    boats(&db).await?;
    let sql = "select name from boats where id = :id";
    fails!("one of none", db.query_one::<String>(sql, params! { id: 1 }).await, Error::NoRow)?;
    same("none of none", &db.query_opt::<String>(sql, params! { id: 1 }).await?, &None)
}

async fn too_many_rows(db: Db) -> Checked {
    boats(&db).await?;
    boat(&db, 1, "Spray").await?;
    boat(&db, 2, "Suhaili").await?;
    let sql = "select name from boats";
    let found = db.query_one::<String>(sql, params! {}).await;
    fails!("one of two", found, Error::TooManyRows(1))?;
    let found = db.query_opt::<String>(sql, params! {}).await;
    fails!("at most one of two", found, Error::TooManyRows(1))?;
    let inside = db.read(move |tx| tx.query_one::<String>(sql, params! {})).await;
    fails!("one of two in a closure", inside, Error::TooManyRows(1)).map(drop)
}

async fn what_was_answered_is_seen(db: Db) -> Checked {
    boats(&db).await?;
    for id in 1..=100 {
        boat(&db, id, &format!("boat {id}")).await?;
        same("boats after the answer", &fleet(&db).await?, &id)?;
        let inside: i64 = db.read(|tx| tx.query_one("select count(*) from boats", params! {})).await?;
        same("boats in a snapshot after the answer", &inside, &id)?;
    }
    Ok(())
}

async fn many_at_once(db: Db) -> Checked {
    numbers(&db, 3).await?;
    let tasks = (0..64_i64).map(|task| {
        let db = db.clone();
        tokio::spawn(async move {
            for n in (0..20).map(|turn| (task * 31 + turn * 7) % 1_000) {
                let sql = "select n, n * 2 from numbers where n = :n";
                let found: (i64, i64) = db.query_one(sql, params! { n }).await?;
                same("a number and its double", &found, &(n, n * 2))?;
            }
            Checked::Ok(())
        })
    });
    for done in join_all(tasks).await {
        done.expect("a task of reads does not panic")?;
    }
    Ok(())
}

async fn a_wrong_statement_is_told_with_its_text(db: Db) -> Checked {
    for sql in ["selec 1", "select * from nowhere", "select nothing from (select 1 as one) as t"] {
        let error = fails!(sql, db.query::<i64>(sql, params! {}).await, Error::Statement { .. })?;
        let told =
            matches!(&error, Error::Statement { sql: told, message } if told == sql && !message.is_empty());
        holds("the error has the statement's text and what is wrong", told)?;
        fails!(sql, db.execute(sql, params! {}).await, Error::Statement { .. })?;
    }
    Ok(())
}

async fn a_mistake_harms_no_later_read(db: Db) -> Checked {
    boats(&db).await?;
    boat(&db, 1, "Spray").await?;
    for _ in 0..50 {
        fails!("a wrong statement", db.query::<i64>("selec", params! {}).await, Error::Statement { .. })?;
        let row = db.query_one::<i64>("select name from boats", params! {}).await;
        fails!("a wrong type", row, Error::Row(_))?;
        same("boats", &fleet(&db).await?, &1)?;
    }
    Ok(())
}

async fn two_statements_are_refused(db: Db) -> Checked {
    boats(&db).await?;
    let two = "insert into boats (id, name) values (1, 'a'); insert into boats (id, name) values (2, 'b')";
    fails!("two writes", db.execute(two, params! {}).await, Error::Statement { .. })?;
    let inside = db.write(move |tx| tx.execute(two, params! {})).await;
    fails!("two writes in a closure", inside, Error::Statement { .. })?;
    let reads = db.query::<i64>("select 1; select 2", params! {}).await;
    fails!("two reads", reads, Error::Statement { .. })?;
    same("boats", &fleet(&db).await?, &0)
}

async fn an_empty_text_is_refused(db: Db) -> Checked {
    for sql in ["", " \n", "-- nothing", ";"] {
        fails!("a read of nothing", db.query::<i64>(sql, params! {}).await, Error::Statement { .. })?;
        fails!("a write of nothing", db.execute(sql, params! {}).await, Error::Statement { .. })?;
    }
    Ok(())
}

async fn a_semicolon_and_a_comment_may_end_it(db: Db) -> Checked {
    for sql in ["select 1;", "select 1 ; ", "select 1 -- one", "/* one */ select 1; -- one\n"] {
        same(sql, &db.query_one::<i64>(sql, params! {}).await?, &1)?;
    }
    Ok(())
}

async fn text_beyond_ascii_and_long_text(db: Db) -> Checked {
    let sql = "select 'Grüße 🚣' || cast(:t as text) as \"größe\"";
    let found: std::collections::BTreeMap<String, String> = db.query_one(sql, params! { t: "世" }).await?;
    same("a text", &found.get("größe").map(String::as_str), &Some("Grüße 🚣世"))?;
    let many: Vec<String> = (0..2_000).map(|n| n.to_string()).collect();
    let sql = format!("select count(*) from (select 5 as n) as t where n in ({})", many.join(", "));
    same("a statement of 10,000 characters", &db.query_one::<i64>(sql, params! {}).await?, &1)
}

/// Statements that are kept prepared follow the schema.
async fn a_new_column_is_seen_by_old_text(db: Db) -> Checked {
    boats(&db).await?;
    boat(&db, 1, "Spray").await?;
    let sql = "select * from boats";
    for _ in 0..5 {
        let row: serde_json::Value = db.query_one(sql, params! {}).await?;
        same("columns before", &row.as_object().map_or(0, serde_json::Map::len), &3)?;
    }
    db.execute("alter table boats add column sold bigint default 0", params! {}).await?;
    for _ in 0..5 {
        let row: serde_json::Value = db.query_one(sql, params! {}).await?;
        same("columns after", &row.as_object().map_or(0, serde_json::Map::len), &4)?;
    }
    Ok(())
}
