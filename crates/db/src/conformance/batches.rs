//! Several statements in one transaction, without a closure.

use super::case::{Case, case};
use super::check::{Checked, fails, same};
use super::setting::{boats, fleet};
use crate::db::Db;
use crate::error::Error;
use crate::params;

pub(super) const CASES: &[Case] = &[
    case!("batches", run_in_order_and_count),
    case!("batches", all_or_none),
    case!("batches", an_empty_one_does_nothing),
    case!("batches", five_hundred_statements),
    case!("batches", later_statements_see_earlier_ones),
];

const INSERT: &str = "insert into boats (id, name) values (:id, :name)";

async fn run_in_order_and_count(db: Db) -> Checked {
    boats(&db).await?;
    let counts = db
        .batch([
            (INSERT, params! { id: 1, name: "Spray" }),
            (INSERT, params! { id: 2, name: "Suhaili" }),
            ("update boats set length = 10", params! {}),
            ("delete from boats where name = :name", params! { name: "Nobody" }),
        ])
        .await?;
    same("rows changed by each", &counts, &vec![1, 1, 2, 0])
}

async fn all_or_none(db: Db) -> Checked {
    boats(&db).await?;
    let twice = [(INSERT, params! { id: 1, name: "Spray" }), (INSERT, params! { id: 2, name: "Spray" })];
    fails!("the second breaks a rule", db.batch(twice).await, Error::Unique(_))?;
    let wrong = [(INSERT, params! { id: 1, name: "Spray" }), ("selec", params! {})];
    fails!("the second is wrong", db.batch(wrong).await, Error::Statement { .. })?;
    let short = [(INSERT, params! { id: 1, name: "Spray" }), (INSERT, params! { id: 2 })];
    fails!("the second has too few values", db.batch(short).await, Error::Params(_))?;
    let ended = [(INSERT, params! { id: 1, name: "Spray" }), ("commit", params! {}), ("selec", params! {})];
    fails!("the second ends the transaction", db.batch(ended).await, Error::Denied(_))?;
    same("boats", &fleet(&db).await?, &0)
}

async fn an_empty_one_does_nothing(db: Db) -> Checked {
    same("counts of nothing", &db.batch([]).await?, &vec![])
}

async fn five_hundred_statements(db: Db) -> Checked {
    boats(&db).await?;
    let all = (0..500_i64).map(|id| (INSERT, params! { id, name: format!("boat {id}") }));
    same("counts", &db.batch(all).await?, &vec![1; 500])?;
    same("boats", &fleet(&db).await?, &500)
}

async fn later_statements_see_earlier_ones(db: Db) -> Checked {
    boats(&db).await?;
    let copy = "insert into boats (id, name) select id + 1, name || '!' from boats";
    let counts = db.batch([(INSERT, params! { id: 1, name: "a" }), (copy, params! {})]).await?;
    same("counts", &counts, &vec![1, 1])
}
