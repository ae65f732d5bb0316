//! D11: a read that is held does not let the write-ahead log grow without bound, and the log is soon small again.

use std::path::Path;
use std::time::{Duration, Instant};

use ketch_db::{Error, Options, params};

use super::{promised, soaking};
use crate::scratch::Scratch;

/// From the end of the read to a log that is within its bound.
const SMALL_AGAIN: Duration = Duration::from_secs(10);

fn length(log: &Path) -> u64 {
    std::fs::metadata(log).map_or(0, |log| log.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d11_a_held_read_does_not_let_the_log_grow_without_bound() {
    let mut options = Options::default();
    // Long enough that nothing but the log's length ends the read.
    options.read_time = Duration::from_mins(5);
    let hold = Duration::from_secs(if soaking() { 60 } else { 3 });
    if !soaking() {
        (options.checkpoint_at, options.wal) = (256 << 10, 2 << 20);
    }
    let scratch = Scratch::new();
    let log = scratch.path("app.db-wal");
    let db = scratch.db(&options);
    db.execute("create table filler (id integer primary key, body text) strict", params! {}).await.unwrap();
    let held = tokio::spawn({
        let db = db.clone();
        async move {
            let begun = Instant::now();
            let done = db
                .read(move |tx| {
                    let first: i64 = tx.query_one("select count(*) from filler", params! {})?;
                    while begun.elapsed() < hold {
                        let now: i64 = tx.query_one("select count(*) from filler", params! {})?;
                        assert_eq!(now, first, "one read sees one state");
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    Ok(())
                })
                .await;
            (done, begun.elapsed())
        }
    });
    let (begun, mut longest, mut writes) = (Instant::now(), 0, 0_u64);
    while begun.elapsed() < hold {
        let bodies = (0..16).map(|_| {
            let body = "x".repeat(20_000);
            db.execute("insert into filler (body) values (:body)", params! { body: body })
        });
        futures_util::future::try_join_all(bodies).await.unwrap();
        writes += 16;
        longest = longest.max(length(&log));
    }
    let (done, took) = held.await.unwrap();
    let ended = Instant::now();
    while length(&log) > options.wal && ended.elapsed() < promised(SMALL_AGAIN) {
        db.execute("insert into filler (body) values ('one more')", params! {}).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (left, stats) = (length(&log), db.stats());
    println!(
        "D11: a read of {hold:?} beside {writes} writes: ended after {took:?} with {done:?}, log at most {longest} \
         bytes (bound {}), {left} at the end, after {:?}; {} reads ended for it",
        options.wal,
        ended.elapsed(),
        stats.snapshots_revoked
    );
    assert!(writes * 20_000 > options.wal * 2, "too few writes to tell: {writes}");
    assert!(longest <= options.wal * 2, "the log had {longest} bytes");
    assert!(left <= options.wal, "the log has {left} bytes");
    assert!(matches!(done, Err(Error::Deadline)), "the read that held it up was ended: {done:?}");
    assert!(stats.snapshots_revoked > 0);
}
