//! Options at their ends: nothing stands still, spins or panics.

use std::time::Duration;

use futures_util::StreamExt;
use ketch_db::{Db, Error, Options, params};

use crate::scratch::Scratch;

type Change = fn(&mut Options);

fn with(change: impl FnOnce(&mut Options)) -> Options {
    let mut options = Options::default();
    change(&mut options);
    options
}

/// Writes, reads inline, from the pool and as a stream, and closes.
async fn works(db: Db) -> Result<(), Error> {
    db.execute("create table t (id integer primary key, name text)", params! {}).await?;
    for id in 0..20_i64 {
        db.execute("insert into t values (:id, 'Spray')", params! { id }).await?;
    }
    db.batch([("delete from t where id = 0", params! {}), ("delete from t where id = 1", params! {})])
        .await?;
    db.write_alone(|tx| tx.execute("delete from t where id = 2", params! {})).await?;
    assert_eq!(db.query_one::<i64>("select count(*) from t", params! {}).await?, 17);
    assert_eq!(db.read(|it| it.query_one::<i64>("select count(*) from t", params! {})).await?, 17);
    let rows: Vec<_> = db.stream::<i64>("select id from t", params! {})?.collect().await;
    assert_eq!(rows.len(), 17);
    db.health().await?;
    db.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bound_may_be_nothing_or_endless() {
    let all: [(&str, Change); 14] = [
        ("readers = 0", |it| it.readers = 0),
        ("read_queue = 0", |it| it.read_queue = 0),
        ("inline_time = 0", |it| it.inline_time = Duration::ZERO),
        ("inline_time endless", |it| it.inline_time = Duration::MAX),
        ("read_time endless", |it| it.read_time = Duration::MAX),
        ("stream_time endless", |it| it.stream_time = Duration::MAX),
        ("write_queue = 0", |it| it.write_queue = 0),
        ("batch = 0", |it| it.batch = 0),
        ("batch endless", |it| (it.batch, it.batch_time) = (usize::MAX, Duration::MAX)),
        ("write_time endless", |it| (it.write_time, it.alone_time) = (Duration::MAX, Duration::MAX)),
        ("checkpoint_at = 0", |it| it.checkpoint_at = 0),
        ("wal = 0", |it| it.wal = 0),
        ("wal endless", |it| (it.wal, it.checkpoint_at) = (u64::MAX, u64::MAX)),
        ("page_cache and statements = 0", |it| (it.page_cache, it.statements) = (0, 0)),
    ];
    for (what, change) in all {
        let scratch = Scratch::new();
        let done = tokio::time::timeout(Duration::from_mins(1), works(scratch.db(&with(change)))).await;
        assert_eq!(done, Ok(Ok(())), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpointer_without_bounds_does_not_spin() {
    let scratch = Scratch::new();
    let db = scratch.db(&with(|it| it.checkpoint_at = 0));
    db.execute("create table t (id integer primary key)", params! {}).await.unwrap();
    // Long enough for the log to be emptied, and for a thread that spins to show.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let checkpoints = db.stats().checkpoints;
    assert!(checkpoints < 100, "{checkpoints}");
}
