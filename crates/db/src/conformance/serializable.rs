//! Writes at the same time come out as if one had run after the other.

use futures_util::future::join_all;

use super::case::{Case, case};
use super::check::{Checked, Failure, holds, same};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::params;
use crate::tx::Tx;

pub(super) const CASES: &[Case] = &[
    case!("serializable", counters_lose_nothing),
    case!("serializable", two_that_check_a_sum_never_break_it),
    case!("serializable", two_that_check_a_count_never_pass_it),
    case!("serializable", what_follows_counts_once),
];

/// Writes again what met others too often, as a caller does.
async fn insistently(
    db: &Db,
    work: impl Fn(&mut Tx<'_>) -> Result<()> + Clone + Send + 'static,
) -> Result<()> {
    for _ in 0..100 {
        match db.write(work.clone()).await {
            Err(Error::Conflict) => tokio::task::yield_now().await,
            other => return other,
        }
    }
    Err(Error::Conflict)
}

async fn accounts(db: &Db, count: i64, amount: i64) -> Result<()> {
    db.execute("create table accounts (id bigint primary key, amount bigint not null)", params! {}).await?;
    for id in 0..count {
        let sql = "insert into accounts (id, amount) values (:id, :amount)";
        db.execute(sql, params! { id, amount }).await?;
    }
    Ok(())
}

async fn counters_lose_nothing(db: Db) -> Checked {
    accounts(&db, 1, 0).await?;
    let tasks = (0..16).map(|_| {
        let db = db.clone();
        tokio::spawn(async move {
            for _ in 0..10 {
                insistently(&db, |tx| {
                    let amount: i64 = tx.query_one("select amount from accounts", params! {})?;
                    tx.execute("update accounts set amount = :amount", params! { amount: amount + 1 })?;
                    Ok(())
                })
                .await?;
            }
            Ok::<_, Error>(())
        })
    });
    for task in join_all(tasks).await {
        task.expect("a counter does not panic")?;
    }
    let amount: i64 = db.query_one("select amount from accounts", params! {}).await?;
    same("16 tasks of 10 steps", &amount, &160)
}

/// Write skew: each takes from another row than it would have to look at again.
async fn two_that_check_a_sum_never_break_it(db: Db) -> Checked {
    accounts(&db, 2, 0).await?;
    for round in 0..20 {
        db.execute("update accounts set amount = 50", params! {}).await?;
        let both = [0, 1].map(|id| {
            let db = db.clone();
            tokio::spawn(async move {
                insistently(&db, move |tx| {
                    let sum: i64 = tx.query_one("select sum(amount) from accounts", params! {})?;
                    if sum >= 100 {
                        let sql = "update accounts set amount = amount - 100 where id = :id";
                        tx.execute(sql, params! { id })?;
                    }
                    Ok(())
                })
                .await
            })
        });
        for one in join_all(both).await {
            one.expect("a write does not panic")?;
        }
        let sum: i64 = db.query_one("select sum(amount) from accounts", params! {}).await?;
        if sum != 0 {
            return Err(Failure::wrong(format!(
                "round {round}: expected that one of two took 100, left {sum}"
            )));
        }
    }
    Ok(())
}

/// Phantoms: what each counts is what the other adds.
async fn two_that_check_a_count_never_pass_it(db: Db) -> Checked {
    accounts(&db, 0, 0).await?;
    for round in 0..20_i64 {
        db.execute("delete from accounts", params! {}).await?;
        let all = (0..4_i64).map(|id| {
            let db = db.clone();
            tokio::spawn(async move {
                insistently(&db, move |tx| {
                    let sql = "select count(*) from accounts where amount = 1";
                    let count: i64 = tx.query_one(sql, params! {})?;
                    if count == 0 {
                        let sql = "insert into accounts (id, amount) values (:id, 1)";
                        tx.execute(sql, params! { id: round * 4 + id })?;
                    }
                    Ok(())
                })
                .await
            })
        });
        for one in join_all(all).await {
            one.expect("a write does not panic")?;
        }
        let count: i64 = db.query_one("select count(*) from accounts", params! {}).await?;
        holds("one of four that look first has come in", count == 1)?;
    }
    Ok(())
}

/// A closure that is run again leaves only its last run.
async fn what_follows_counts_once(db: Db) -> Checked {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};
    accounts(&db, 1, 0).await?;
    let followed = Arc::new(AtomicI64::new(0));
    let tasks = (0..16).map(|_| {
        let (db, followed) = (db.clone(), Arc::clone(&followed));
        tokio::spawn(async move {
            insistently(&db, move |tx| {
                let followed = Arc::clone(&followed);
                tx.after_commit(move || {
                    followed.fetch_add(1, Ordering::SeqCst);
                });
                let amount: i64 = tx.query_one("select amount from accounts", params! {})?;
                tx.execute("update accounts set amount = :amount", params! { amount: amount + 1 })?;
                Ok(())
            })
            .await
        })
    });
    for task in join_all(tasks).await {
        task.expect("a counter does not panic")?;
    }
    same("done after 16 commits", &followed.load(Ordering::SeqCst), &16)
}
