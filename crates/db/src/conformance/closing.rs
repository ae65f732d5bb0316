//! The end of a database.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::timeout;

use super::case::{Capability, Case, case};
use super::check::{Checked, fails, holds, same};
use super::setting::{Gate, Opened, boat, boats};
use crate::db::Db;
use crate::driver::Change;
use crate::error::{Error, Result};
use crate::params;

pub(super) const CASES: &[Case] = &[
    case!("closing", what_is_asked_later_is_refused),
    case!("closing", twice_is_once),
    case!("closing", what_has_begun_is_finished),
    case!("closing", nothing_is_lost_without_an_answer),
    case!("closing", listeners_hear_the_end).needs(Capability::Notices),
];

async fn what_is_asked_later_is_refused(db: Db) -> Checked {
    boats(&db).await?;
    boat(&db, 1, "Spray").await?;
    db.query::<i64>("select id from boats", params! {}).await?;
    db.close().await;
    let read = db.query::<i64>("select id from boats", params! {}).await;
    fails!("a read", read, Error::Closed)?;
    fails!("a write", boat(&db, 2, "Suhaili").await, Error::Closed)?;
    fails!(
        "a snapshot",
        db.read(|tx| tx.query::<i64>("select id from boats", params! {})).await,
        Error::Closed
    )?;
    fails!("a closure", db.write(|tx| tx.execute("delete from boats", params! {})).await, Error::Closed)?;
    fails!("long work", db.write_alone(|_| Ok(())).await, Error::Closed)?;
    fails!("a batch", db.batch([("delete from boats", params! {})]).await, Error::Closed)?;
    fails!("health", db.health().await, Error::Closed)?;
    let change = Change { script: "create table a (id bigint)".into(), record: vec![], in_transaction: true };
    fails!("a change", db.driver()?.change(change).await, Error::Closed)?;
    let first = match db.stream::<i64>("select id from boats", params! {}) {
        Ok(mut rows) => rows.next().await.unwrap_or(Err(Error::NoRow)),
        Err(error) => Err(error),
    };
    fails!("a stream", first, Error::Closed).map(drop)
}

async fn twice_is_once(db: Db) -> Checked {
    boats(&db).await?;
    let (first, second) = (db.clone(), db.clone());
    let both = async { tokio::join!(first.close(), second.close()) };
    holds("two that close at once are answered", timeout(Duration::from_secs(10), both).await.is_ok())?;
    holds("a third is too", timeout(Duration::from_secs(10), db.close()).await.is_ok())?;
    fails!("a write", boat(&db, 1, "Spray").await, Error::Closed).map(drop)
}

async fn what_has_begun_is_finished(db: Db) -> Checked {
    boats(&db).await?;
    let gate = Gate::closed();
    let _opened = Opened(gate.clone());
    let (writer, held) = (db.clone(), gate.clone());
    let write = tokio::spawn(async move {
        writer
            .write(move |tx| {
                held.hold();
                tx.query_one::<i64>(
                    "insert into boats (id, name) values (1, 'Spray') returning id",
                    params! {},
                )
            })
            .await
    });
    gate.reached().await;
    let closer = db.clone();
    let mut closing = tokio::spawn(async move { closer.close().await });
    let early = timeout(Duration::from_millis(100), &mut closing).await.is_ok();
    holds("closing waits for a write that has begun", !early)?;
    gate.open();
    same("the write that had begun", &write.await.expect("the write does not panic"), &Ok(1))?;
    closing.await.expect("closing does not panic");
    fails!("a write", boat(&db, 2, "Suhaili").await, Error::Closed).map(drop)
}

/// Each write beside the end is done or refused; none hangs.
async fn nothing_is_lost_without_an_answer(db: Db) -> Checked {
    boats(&db).await?;
    let asks: Vec<_> = (0..64_i64)
        .map(|id| {
            let db = db.clone();
            tokio::spawn(async move {
                let write = boat(&db, id, &format!("boat {id}")).await;
                (write, db.query::<i64>("select id from boats", params! {}).await.map(drop))
            })
        })
        .collect();
    tokio::task::yield_now().await;
    db.close().await;
    for ask in asks {
        let (write, read) = ask.await.expect("it does not panic");
        holds("a write is done or refused", matches!(write, Ok(1) | Err(Error::Closed)))?;
        holds("a read is done or refused", matches!(read, Ok(()) | Err(Error::Closed)))?;
    }
    Ok(())
}

async fn listeners_hear_the_end(db: Db) -> Checked {
    let mut listener = db.listen("tide").await?;
    db.close().await;
    let ended = timeout(Duration::from_secs(10), async { while listener.next().await.is_some() {} }).await;
    holds("the stream of a listener ends", ended.is_ok())?;
    let late: Result<()> = db.listen("tide").await.map(drop);
    fails!("a listener", late, Error::Closed)?;
    fails!("a notice", db.notify("tide", "high").await, Error::Closed).map(drop)
}
