//! The write-ahead log stays short, and copies are whole.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use ketch_db::{Db, Error, Options, params};

use crate::scratch::Scratch;

const BLOB: &str = "insert into t (body) values (randomblob(100000))";

fn small() -> Options {
    let mut options = Options::default();
    options.checkpoint_at = 256 << 10;
    options.wal = 2 << 20;
    options
}

async fn with_table(scratch: &Scratch, options: &Options) -> Db {
    let db = scratch.db(options);
    db.execute("create table t (id integer primary key, body blob)", params! {}).await.expect("it goes well");
    db
}

/// Waits until the log is at most so long, for a time that is ten times what is promised.
async fn until_log_is(db: &Db, bytes: u64) {
    let until = Instant::now() + Duration::from_secs(100);
    while db.stats().wal_bytes > bytes {
        assert!(Instant::now() < until, "the log stays at {} bytes", db.stats().wal_bytes);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_stays_bounded_under_writes_without_a_pause() {
    let scratch = Scratch::new();
    let options = small();
    let db = with_table(&scratch, &options).await;
    let mut longest = 0;
    for _ in 0..40 {
        futures_util::future::join_all((0..8).map(|_| db.execute(BLOB, params! {}))).await;
        longest = longest.max(db.stats().wal_bytes);
    }
    // 32 MB were written; a batch may be on top of the bound.
    assert!(longest <= options.wal + (1 << 20), "{longest}");
    assert!(db.stats().checkpoints > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_emptied_when_nothing_is_written() {
    let scratch = Scratch::new();
    let db = with_table(&scratch, &small()).await;
    db.execute(BLOB, params! {}).await.unwrap();
    until_log_is(&db, 0).await;
    // It goes on as before.
    db.execute(BLOB, params! {}).await.unwrap();
    assert!(db.stats().wal_bytes > 100_000);
    until_log_is(&db, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d11_a_read_that_keeps_the_log_is_ended_when_the_log_is_too_long() {
    let scratch = Scratch::new();
    let options = small();
    let db = with_table(&scratch, &options).await;
    futures_util::future::join_all((0..100).map(|_| db.execute(BLOB, params! {}))).await;
    let mut held = db.stream::<i64>("select t.id from t, t as u, t as v", params! {}).unwrap();
    held.next().await.expect("rows").unwrap();
    // The read is young, and keeps its snapshot.
    let until = Instant::now() + Duration::from_secs(100);
    while db.stats().snapshots_revoked == 0 {
        assert!(Instant::now() < until, "the read goes on: {:?}", db.stats());
        db.execute(BLOB, params! {}).await.unwrap();
    }
    until_log_is(&db, options.wal).await;
    let mut last = Ok(0);
    while let Some(row) = held.next().await {
        last = row;
    }
    assert_eq!(last, Err(Error::Deadline));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_while_others_write_is_of_one_moment() {
    let scratch = Scratch::new();
    let db = with_table(&scratch, &Options::default()).await;
    db.execute("create table pair (a integer, b integer)", params! {}).await.unwrap();
    futures_util::future::join_all((0..50).map(|_| db.execute(BLOB, params! {}))).await;
    let writer = tokio::spawn({
        let db = db.clone();
        async move {
            for n in 0_i64.. {
                // Two transactions that keep the difference of the counts at 0 or 1.
                db.execute("insert into pair (a) values (:n)", params! { n }).await.unwrap();
                db.execute("insert into pair (b) values (:n)", params! { n }).await.unwrap();
            }
        }
    });
    for round in 0..5 {
        let to = scratch.path(&format!("copy{round}.db"));
        db.backup(&to).await.unwrap();
        assert!(!scratch.path(&format!("copy{round}.db.part")).exists());
        let copy = Db::with_driver(
            ketch_db::sqlite::Sqlite::open(&to, &Options::default()).unwrap(),
            &Options::default(),
        );
        let whole: String = copy.query_one("select * from pragma_integrity_check", params! {}).await.unwrap();
        let (a, b, blobs): (i64, i64, i64) = copy
            .query_one("select count(a), count(b), (select count(*) from t) from pair", params! {})
            .await
            .unwrap();
        assert!((0..=1).contains(&(a - b)) && blobs == 50 && whole == "ok", "{a} {b} {blobs} {whole}");
        copy.close().await;
    }
    writer.abort();
    let _aborted = writer.await;
    let last = scratch.path("last.db");
    db.backup(&last).await.unwrap();
    let again = db.backup(&last).await;
    assert!(matches!(&again, Err(Error::Engine(why)) if why.contains("is there already")), "{again:?}");
    // The same rows, in the same order, byte by byte.
    let rows = "select id, hex(body) from t order by id";
    let copy = Db::with_driver(
        ketch_db::sqlite::Sqlite::open(&last, &Options::default()).unwrap(),
        &Options::default(),
    );
    let ours: Vec<(i64, String)> = db.query(rows, params! {}).await.unwrap();
    assert_eq!(copy.query::<(i64, String)>(rows, params! {}).await.unwrap(), ours);
    copy.close().await;
}
