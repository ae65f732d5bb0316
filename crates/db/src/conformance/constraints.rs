//! Rules of tables, and which error tells that one is broken.

use super::case::{Case, case};
use super::check::{Checked, fails, holds, same};
use super::setting::{berths, boat, boats, fleet};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::params;

pub(super) const CASES: &[Case] = &[
    case!("constraints", unique),
    case!("constraints", primary_key),
    case!("constraints", of_two_columns),
    case!("constraints", not_null),
    case!("constraints", check),
    case!("constraints", foreign_key),
    case!("constraints", foreign_key_of_what_goes),
    case!("constraints", foreign_key_that_restricts),
    case!("constraints", foreign_key_at_the_commit),
    case!("constraints", a_cascade_follows),
    case!("constraints", messages_hold_no_values),
];

async fn unique(db: Db) -> Checked {
    boats(&db).await?;
    boat(&db, 1, "Spray").await?;
    let error = fails!("the same name", boat(&db, 2, "Spray").await, Error::Unique(_))?;
    holds("the error names the constraint", error.to_string().contains("name"))?;
    boat(&db, 2, "Suhaili").await?;
    let renamed = db.execute("update boats set name = 'Spray' where id = 2", params! {}).await;
    fails!("a new name that is taken", renamed, Error::Unique(_))?;
    let returned =
        db.query::<i64>("insert into boats (id, name) values (3, 'Spray') returning id", params! {}).await;
    fails!("the same name, returning", returned, Error::Unique(_)).map(drop)
}

async fn primary_key(db: Db) -> Checked {
    boats(&db).await?;
    boat(&db, 1, "Spray").await?;
    fails!("the same key", boat(&db, 1, "Suhaili").await, Error::Unique(_))?;
    same("boats", &fleet(&db).await?, &1)
}

async fn of_two_columns(db: Db) -> Checked {
    let table = "create table legs (boat bigint, number bigint, primary key (boat, number))";
    db.execute(table, params! {}).await?;
    let sql = "insert into legs (boat, number) values (:boat, :number)";
    for (boat, number) in [(1, 1), (1, 2), (2, 1)] {
        db.execute(sql, params! { boat, number }).await?;
    }
    fails!("the same pair", db.execute(sql, params! { boat: 1, number: 2 }).await, Error::Unique(_)).map(drop)
}

async fn not_null(db: Db) -> Checked {
    boats(&db).await?;
    let sql = "insert into boats (id, name) values (1, :name)";
    let error =
        fails!("no name", db.execute(sql, params! { name: None::<String> }).await, Error::NotNull(_))?;
    holds("the error names the column", error.to_string().contains("name"))
}

async fn check(db: Db) -> Checked {
    let table = "create table crews (size bigint not null, constraint some_crew check (size > 0))";
    db.execute(table, params! {}).await?;
    let sql = "insert into crews (size) values (:size)";
    db.execute(sql, params! { size: 1 }).await?;
    let error = fails!("a crew of none", db.execute(sql, params! { size: 0 }).await, Error::Check(_))?;
    holds("the error names the constraint", error.to_string().contains("some_crew"))
}

async fn foreign_key(db: Db) -> Checked {
    berths(&db).await?;
    let sql = "insert into berths (id, owner) values (1, :owner)";
    fails!("no such owner", db.execute(sql, params! { owner: 1 }).await, Error::ForeignKey(_))?;
    db.execute("insert into owners (id) values (1)", params! {}).await?;
    same("with an owner", &db.execute(sql, params! { owner: 1 }).await?, &1)
}

async fn foreign_key_of_what_goes(db: Db) -> Checked {
    berths(&db).await?;
    db.execute("insert into owners (id) values (1)", params! {}).await?;
    db.execute("insert into berths (id, owner) values (1, 1)", params! {}).await?;
    let gone = db.execute("delete from owners", params! {}).await;
    fails!("an owner that is referred to", gone, Error::ForeignKey(_))?;
    let left: i64 = db.query_one("select count(*) from owners", params! {}).await?;
    same("owners", &left, &1)
}

async fn foreign_key_that_restricts(db: Db) -> Checked {
    boats(&db).await?;
    let table = "create table logs (boat bigint references boats (id) on update restrict on delete restrict)";
    db.execute(table, params! {}).await?;
    boat(&db, 1, "Spray").await?;
    db.execute("insert into logs (boat) values (1)", params! {}).await?;
    let gone = db.execute("delete from boats where id = :id", params! { id: 1 }).await;
    fails!("a boat with a log", gone, Error::ForeignKey(_))?;
    let other = db.execute("update boats set id = 2", params! {}).await;
    fails!("another number of a boat with a log", other, Error::ForeignKey(_))?;
    same("boats", &fleet(&db).await?, &1)
}

async fn foreign_key_at_the_commit(db: Db) -> Checked {
    berths(&db).await?;
    db.execute("insert into owners (id) values (1)", params! {}).await?;
    let sql = "insert into berths (id, owner, heir) values (1, 1, 2)";
    fails!("an heir that does not come", db.execute(sql, params! {}).await, Error::ForeignKey(_))?;
    fails!("the same in a batch", db.batch([(sql, params! {})]).await, Error::ForeignKey(_))?;
    let returned = db.query::<i64>(format!("{sql} returning id"), params! {}).await;
    fails!("the same, returning", returned, Error::ForeignKey(_))?;
    let inside = db.write(move |tx| tx.execute(sql, params! {})).await;
    fails!("the same in a closure", inside, Error::ForeignKey(_))?;
    let left: i64 = db.query_one("select count(*) from berths", params! {}).await?;
    same("berths", &left, &0)?;
    db.write(move |tx| {
        tx.execute(sql, params! {})?;
        tx.execute("insert into owners (id) values (2)", params! {})
    })
    .await?;
    let left: i64 = db.query_one("select count(*) from berths", params! {}).await?;
    same("berths whose heir came in time", &left, &1)
}

async fn a_cascade_follows(db: Db) -> Checked {
    boats(&db).await?;
    let table = "create table logs (boat bigint references boats (id) on delete cascade)";
    db.execute(table, params! {}).await?;
    boat(&db, 1, "Spray").await?;
    db.execute("insert into logs (boat) values (1), (1)", params! {}).await?;
    same("boats deleted", &db.execute("delete from boats", params! {}).await?, &1)?;
    let left: i64 = db.query_one("select count(*) from logs", params! {}).await?;
    same("logs", &left, &0)
}

/// Messages end in logs.
async fn messages_hold_no_values(db: Db) -> Checked {
    const SECRET: &str = "hunter2-4471";
    boats(&db).await?;
    boat(&db, 1, SECRET).await?;
    let secret = || params! { secret: SECRET };
    let insert = "insert into boats (id, name) values (2, :secret)";
    let cast = "select 1 where cast(cast(:secret as text) as bigint) = 0 and 1 = 0";
    let mut told: Vec<Result<()>> = vec![
        db.execute(insert, secret()).await.map(drop),
        db.query::<i64>(cast, secret()).await.map(drop),
        db.query::<i64>("select cast(:secret as text)", secret()).await.map(drop),
        db.query::<i64>("select cast(:secret as text) from nowhere", secret()).await.map(drop),
    ];
    told.push(db.write(move |tx| tx.execute(insert, params! { secret: SECRET })).await.map(drop));
    for error in told.into_iter().filter_map(Result::err) {
        holds("no message holds a value", !format!("{error} {error:?}").contains(SECRET))?;
    }
    Ok(())
}
