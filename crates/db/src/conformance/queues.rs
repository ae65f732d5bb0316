//! What waits is bounded: one too many is refused at once, and does not hang.

use futures_util::future::join_all;

use super::case::{Case, case};
use super::check::{Checked, Failure, holds, same};
use super::setting::{Gate, Opened, boat, boats, fleet};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::options::Options;
use crate::params;

pub(super) const CASES: &[Case] = &[
    case!("queues", writes_beyond_the_bound_are_refused).with(small),
    case!("queues", reads_beyond_the_bound_are_refused).with(small),
    case!("queues", what_waits_within_the_bound_is_done),
    case!("queues", health_and_figures),
];

fn small(options: &mut Options) {
    options.write_queue = 2;
    options.read_queue = 2;
    options.batch = 1;
    options.readers = 1;
    options.connections = 1;
}

/// Of so many, some were refused, the others done, and nothing else happened.
fn sorted(results: Vec<Result<()>>) -> std::result::Result<i64, Failure> {
    let (mut done, mut refused) = (0, 0);
    for result in results {
        match result {
            Ok(()) => done += 1,
            Err(Error::Busy) => refused += 1,
            Err(other) => return Err(Failure::wrong(format!("expected `Busy` or success, found {other:?}"))),
        }
    }
    holds("some are refused", refused > 0)?;
    holds("what waits within the bound is done", done >= 2)?;
    Ok(done)
}

async fn writes_beyond_the_bound_are_refused(db: Db) -> Checked {
    boats(&db).await?;
    let gate = Gate::closed();
    let _opened = Opened(gate.clone());
    let (writer, held) = (db.clone(), gate.clone());
    let first = tokio::spawn(async move {
        writer
            .write(move |tx| {
                held.hold();
                tx.execute("insert into boats (id, name) values (0, 'first')", params! {})
            })
            .await
    });
    gate.reached().await;
    let refused_before = db.stats().writes_refused;
    let writes: Vec<_> = (1..=40_i64)
        .map(|id| {
            let db = db.clone();
            tokio::spawn(async move { boat(&db, id, &format!("boat {id}")).await.map(drop) })
        })
        .collect();
    // Those that are refused are refused while the first one holds on.
    let mut left = writes;
    while left.iter().filter(|write| write.is_finished()).count() < 30 {
        tokio::task::yield_now().await;
    }
    gate.open();
    first.await.expect("the first write does not panic")?;
    let results = join_all(left.drain(..)).await;
    let done = sorted(results.into_iter().map(|it| it.expect("a write does not panic")).collect())?;
    holds("the refused ones are counted", db.stats().writes_refused > refused_before)?;
    same("boats", &fleet(&db).await?, &(done + 1))
}

async fn reads_beyond_the_bound_are_refused(db: Db) -> Checked {
    boats(&db).await?;
    let gate = Gate::closed();
    let _opened = Opened(gate.clone());
    let (reader, held) = (db.clone(), gate.clone());
    let first = tokio::spawn(async move {
        reader
            .read(move |tx| {
                held.hold();
                tx.query_one::<i64>("select count(*) from boats", params! {})
            })
            .await
    });
    gate.reached().await;
    let reads: Vec<_> = (0..40)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                db.read(|tx| tx.query_one::<i64>("select count(*) from boats", params! {})).await.map(drop)
            })
        })
        .collect();
    while reads.iter().filter(|read| read.is_finished()).count() < 30 {
        tokio::task::yield_now().await;
    }
    gate.open();
    first.await.expect("the first read does not panic")?;
    let results = join_all(reads).await;
    sorted(results.into_iter().map(|it| it.expect("a read does not panic")).collect()).map(drop)
}

async fn what_waits_within_the_bound_is_done(db: Db) -> Checked {
    boats(&db).await?;
    let writes = (0..500_i64).map(|id| {
        let db = db.clone();
        tokio::spawn(async move { boat(&db, id, &format!("boat {id}")).await })
    });
    for write in join_all(writes).await {
        same("changed", &write.expect("a write does not panic")?, &1)?;
    }
    same("boats", &fleet(&db).await?, &500)
}

async fn health_and_figures(db: Db) -> Checked {
    boats(&db).await?;
    db.health().await?;
    let before = db.stats();
    for id in 0..5 {
        boat(&db, id, &format!("boat {id}")).await?;
        fleet(&db).await?;
        holds("the same again is refused", boat(&db, id, "again").await.is_err())?;
    }
    let after = db.stats();
    holds("writes are counted", after.writes >= before.writes + 5)?;
    holds("commits are counted", after.commits > before.commits)?;
    holds("failed writes are counted", after.writes_failed >= before.writes_failed + 5)?;
    let reads = |stats: &crate::Stats| stats.reads_inline + stats.reads_pooled;
    holds("reads are counted", reads(&after) >= reads(&before) + 5)?;
    Ok(db.health().await?)
}
