//! Notices: who listens hears what is told, and nothing grows.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use ketch_db::{Error, Heard, Options, params};

use crate::scratch::Scratch;

fn notice(payload: &str) -> Option<Heard> {
    Some(Heard::Notice(payload.to_owned()))
}

#[tokio::test]
async fn listeners_hear_their_channel_from_when_they_listen() {
    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    db.notify("boats", "before anybody listens").await.unwrap();
    let (mut one, mut two) = (db.listen("boats").await.unwrap(), db.listen("boats").await.unwrap());
    let mut other = db.listen("harbours").await.unwrap();
    db.notify("boats", "1").await.unwrap();
    db.notify("boats", "2").await.unwrap();
    for listener in [&mut one, &mut two] {
        assert_eq!(listener.next().await, notice("1"));
        assert_eq!(listener.next().await, notice("2"));
        assert_eq!(listener.next().now_or_never(), None);
    }
    assert_eq!(other.next().now_or_never(), None);
}

#[tokio::test]
async fn a_write_tells_when_it_is_committed_and_only_then() {
    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    db.execute("create table boats (name text)", params! {}).await.unwrap();
    let mut heard = db.listen("boats").await.unwrap();
    let failed: Result<(), Error> = db
        .write(|tx| {
            tx.notify("boats", "never")?;
            Err(Error::NoRow)
        })
        .await;
    assert_eq!(failed, Err(Error::NoRow));
    db.write(|tx| {
        tx.execute("insert into boats values ('Spray')", params! {})?;
        tx.notify("boats", "Spray")
    })
    .await
    .unwrap();
    assert_eq!(heard.next().now_or_never(), Some(notice("Spray")), "it is told before the write is answered");
    assert_eq!(heard.next().now_or_never(), None);
}

#[tokio::test]
async fn a_slow_listener_hears_of_a_gap_and_then_the_latest() {
    let scratch = Scratch::new();
    let mut options = Options::default();
    options.notices = 4;
    let db = scratch.db(&options);
    let mut slow = db.listen("boats").await.unwrap();
    for number in 0..100 {
        db.notify("boats", number.to_string()).await.unwrap();
    }
    assert_eq!(slow.next().await, Some(Heard::Gap));
    for number in 96..100 {
        assert_eq!(slow.next().await, notice(&number.to_string()));
    }
    assert_eq!(slow.next().now_or_never(), None);
}

#[tokio::test]
async fn listeners_are_bounded_in_all() {
    let scratch = Scratch::new();
    let mut options = Options::default();
    options.listeners = 3;
    let db = scratch.db(&options);
    let mut listeners = Vec::new();
    for number in 0..3 {
        listeners.push(db.listen(format!("channel {number}")).await.unwrap());
    }
    assert_eq!(db.listen("channel 0").await.err(), Some(Error::Busy));
    assert_eq!(db.listen("one more").await.err(), Some(Error::Busy));
    listeners.pop();
    let mut again = db.listen("one more").await.unwrap();
    db.notify("one more", "x").await.unwrap();
    assert_eq!(again.next().await, notice("x"));
    // Channels that nobody listens to any more make room, however many there were.
    drop(again);
    for number in 0..10_000 {
        let _gone = db.listen(format!("passing {number}")).await.unwrap();
    }
}

#[tokio::test]
async fn listeners_end_with_the_database() {
    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    let mut heard = db.listen("boats").await.unwrap();
    db.notify("boats", "last").await.unwrap();
    db.close().await;
    assert_eq!(heard.next().await, notice("last"));
    assert_eq!(heard.next().await, None);
    assert_eq!(db.listen("boats").await.err(), Some(Error::Closed));
    let db = Scratch::new().db(&Options::default());
    let mut heard = db.listen("boats").await.unwrap();
    drop(db);
    let ended = tokio::time::timeout(Duration::from_secs(60), heard.next()).await;
    assert_eq!(ended.expect("it ends without `close` as well"), None);
}
