//! Closures that read: all of one moment.

use super::case::{Case, case};
use super::check::{Checked, fails, same};
use super::setting::{Gate, Opened, boat, boats, fleet};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::params;

pub(super) const CASES: &[Case] = &[
    case!("snapshots", are_of_one_moment),
    case!("snapshots", hold_while_sums_move),
    case!("snapshots", may_not_write),
    case!("snapshots", a_panic_ends_one_only),
    case!("snapshots", many_at_once),
];

/// The write beside it is answered while the read is open.
async fn are_of_one_moment(db: Db) -> Checked {
    boats(&db).await?;
    boat(&db, 1, "Spray").await?;
    let gate = Gate::closed();
    let _opened = Opened(gate.clone());
    let (reader, held) = (db.clone(), gate.clone());
    let read = tokio::spawn(async move {
        reader
            .read(move |tx| {
                let before: i64 = tx.query_one("select count(*) from boats", params! {})?;
                held.hold();
                Ok((before, tx.query_one::<i64>("select count(*) from boats", params! {})?))
            })
            .await
    });
    gate.reached().await;
    boat(&db, 2, "Suhaili").await?;
    same("boats beside the snapshot", &fleet(&db).await?, &2)?;
    gate.open();
    let seen = read.await.expect("the read does not panic")?;
    same("boats in the snapshot, before and after the write", &seen, &(1, 1))
}

async fn hold_while_sums_move(db: Db) -> Checked {
    boats(&db).await?;
    for id in 0..2 {
        boat(&db, id, &format!("boat {id}")).await?;
    }
    db.execute("update boats set length = 500", params! {}).await?;
    let mover = db.clone();
    let moves = tokio::spawn(async move {
        for turn in 0..100_i64 {
            let (from, to) = (turn % 2, (turn + 1) % 2);
            let by = "update boats set length = length + :by where id = :id";
            mover.batch([(by, params! { by: -7.0, id: from }), (by, params! { by: 7.0, id: to })]).await?;
            mover.batch([(by, params! { by: 3.0, id: from }), (by, params! { by: -3.0, id: to })]).await?;
        }
        Ok::<_, Error>(())
    });
    for _ in 0..100 {
        let sum = db
            .read(|tx| {
                let sql = "select length from boats where id = :id";
                let first: f64 = tx.query_one(sql, params! { id: 0 })?;
                Ok(first + tx.query_one::<f64>(sql, params! { id: 1 })?)
            })
            .await?;
        same("the sum of two rows, read one after the other", &sum, &1_000.0)?;
    }
    Ok(moves.await.expect("the moves do not panic")?)
}

async fn may_not_write(db: Db) -> Checked {
    boats(&db).await?;
    let insert = "insert into boats (id, name) values (1, 'Spray')";
    let returning = "insert into boats (id, name) values (1, 'Spray') returning id";
    let table = "create table other (id bigint)";
    for sql in [insert, returning, table] {
        let failed = db.read(move |tx| tx.query::<i64>(sql, params! {})).await;
        fails!(sql, failed, Error::Denied(_))?;
    }
    same("boats", &fleet(&db).await?, &0)?;
    same("written afterwards", &boat(&db, 1, "Spray").await?, &1)
}

async fn a_panic_ends_one_only(db: Db) -> Checked {
    boats(&db).await?;
    for _ in 0..20 {
        let failed: Result<()> = db.read(|_| panic!("on purpose")).await;
        fails!("a read that panics", failed, Error::Panicked(_))?;
    }
    same("boats", &fleet(&db).await?, &0)?;
    let inside: i64 = db.read(|tx| tx.query_one("select count(*) from boats", params! {})).await?;
    same("boats in a snapshot", &inside, &0)
}

async fn many_at_once(db: Db) -> Checked {
    boats(&db).await?;
    boat(&db, 1, "Spray").await?;
    let reads = (0..64).map(|_| {
        let db = db.clone();
        tokio::spawn(async move {
            db.read(|tx| tx.query_one::<i64>("select count(*) from boats", params! {})).await
        })
    });
    for read in futures_util::future::join_all(reads).await {
        same("boats", &read.expect("the read does not panic")?, &1)?;
    }
    Ok(())
}
