//! Telling and hearing.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::time::timeout;

use super::case::{Capability, Case, case};
use super::check::{Checked, Failure, fails, holds, same};
use super::setting::{boat, boats};
use crate::db::Db;
use crate::driver::Heard;
use crate::error::{Error, Result};
use crate::params;

pub(super) const CASES: &[Case] = &[
    case!("notices", come_in_order).needs(Capability::Notices),
    case!("notices", of_a_write_come_with_its_commit).needs(Capability::Notices),
    case!("notices", of_a_rollback_never_come).needs(Capability::Notices),
    case!("notices", reach_every_listener_of_their_channel).needs(Capability::Notices),
    case!("notices", of_any_channel_and_payload).needs(Capability::Notices),
    case!("notices", a_slow_listener_hears_of_a_gap)
        .needs(Capability::Notices)
        .with(|options| options.notices = 4),
    case!("notices", one_listener_too_many_is_refused)
        .needs(Capability::Notices)
        .with(|options| options.listeners = 2),
    case!("notices", a_read_may_not_tell).needs(Capability::Notices),
];

/// What a listener hears next, if that comes at all.
async fn next(listener: &mut BoxStream<'static, Heard>) -> std::result::Result<Heard, Failure> {
    match timeout(Duration::from_secs(10), listener.next()).await {
        Ok(Some(heard)) => Ok(heard),
        Ok(None) => Err(Failure::wrong("expected a notice, found the end of the stream")),
        Err(_) => Err(Failure::wrong("expected a notice, found none in 10 seconds")),
    }
}

fn notice(payload: &str) -> Heard {
    Heard::Notice(payload.to_owned())
}

async fn come_in_order(db: Db) -> Checked {
    let mut listener = db.listen("tide").await?;
    for turn in 0..50 {
        db.notify("tide", format!("{turn}")).await?;
    }
    for turn in 0..50 {
        same("a notice", &next(&mut listener).await?, &notice(&turn.to_string()))?;
    }
    Ok(())
}

async fn of_a_write_come_with_its_commit(db: Db) -> Checked {
    boats(&db).await?;
    let mut listener = db.listen("tide").await?;
    for id in 1..=20_i64 {
        let writer = db.clone();
        let written = tokio::spawn(async move {
            writer
                .write(move |tx| {
                    tx.notify("tide", &format!("{id} first"))?;
                    let insert = "insert into boats (id, name) values (:id, :name)";
                    tx.execute(insert, params! { id, name: id.to_string() })?;
                    tx.notify("tide", &format!("{id} second"))
                })
                .await
        });
        same("a notice", &next(&mut listener).await?, &notice(&format!("{id} first")))?;
        let count = "select count(*) from boats where id = :id";
        let seen: i64 = db.query_one(count, params! { id }).await?;
        same("rows seen by whom the notice woke", &seen, &1)?;
        same("a notice", &next(&mut listener).await?, &notice(&format!("{id} second")))?;
        written.await.expect("the write does not panic")?;
    }
    Ok(())
}

async fn of_a_rollback_never_come(db: Db) -> Checked {
    boats(&db).await?;
    boat(&db, 1, "Spray").await?;
    let mut listener = db.listen("tide").await?;
    let failed = db
        .write(|tx| {
            tx.notify("tide", "violated")?;
            tx.execute("insert into boats (id, name) values (2, 'Spray')", params! {})
        })
        .await;
    fails!("a closure that breaks a rule", failed, Error::Unique(_))?;
    let failed: Result<()> = db
        .write(|tx| {
            tx.notify("tide", "panicked")?;
            panic!("on purpose")
        })
        .await;
    fails!("a closure that panics", failed, Error::Panicked(_))?;
    db.notify("tide", "good").await?;
    same("the first notice", &next(&mut listener).await?, &notice("good"))
}

async fn reach_every_listener_of_their_channel(db: Db) -> Checked {
    let mut first = db.listen("tide").await?;
    let mut second = db.listen("tide").await?;
    let mut other = db.listen("wind").await?;
    db.notify("tide", "high").await?;
    db.notify("wind", "west").await?;
    same("the first listener", &next(&mut first).await?, &notice("high"))?;
    same("the second listener", &next(&mut second).await?, &notice("high"))?;
    same("the listener of another channel", &next(&mut other).await?, &notice("west"))?;
    drop(first);
    db.notify("tide", "low").await?;
    same("the second, when the first is gone", &next(&mut second).await?, &notice("low"))?;
    drop(second);
    db.notify("tide", "before").await?;
    let mut late = db.listen("tide").await?;
    db.notify("tide", "new").await?;
    // Between processes a notice takes its time: one may come that was told a moment before somebody listened.
    let mut heard = next(&mut late).await?;
    if heard == notice("before") {
        heard = next(&mut late).await?;
    }
    same("one that came late", &heard, &notice("new"))
}

async fn of_any_channel_and_payload(db: Db) -> Checked {
    let long = "世".repeat(1_000);
    for channel in ["tide", "Tide", "two words", "it's \"quoted\"; --", "größe"] {
        let mut listener = db.listen(channel).await?;
        for payload in ["", "it's", "\"\\", "a\nb", long.as_str()] {
            db.notify(channel, payload).await?;
            same(channel, &next(&mut listener).await?, &notice(payload))?;
        }
    }
    Ok(())
}

/// It is told that notices were lost, and hears those that come later.
async fn a_slow_listener_hears_of_a_gap(db: Db) -> Checked {
    let mut listener = db.listen("tide").await?;
    let mut quick = db.listen("done").await?;
    for turn in 0..200 {
        db.notify("tide", format!("{turn}")).await?;
    }
    db.notify("done", "done").await?;
    same("another listener", &next(&mut quick).await?, &notice("done"))?;
    let mut gap = false;
    for _ in 0..20 {
        match next(&mut listener).await? {
            Heard::Gap => {
                gap = true;
                break;
            }
            Heard::Notice(_) => {}
        }
    }
    holds("a gap is told within 20 notices of 200, when 4 may wait", gap)?;
    db.notify("tide", "last").await?;
    for _ in 0..20 {
        if next(&mut listener).await? == notice("last") {
            return Ok(());
        }
    }
    Err(Failure::wrong("expected the notice after the gap among the next 20"))
}

async fn one_listener_too_many_is_refused(db: Db) -> Checked {
    let first = db.listen("tide").await?;
    let _second = db.listen("wind").await?;
    fails!("a third", db.listen("tide").await.map(drop), Error::Busy)?;
    drop(first);
    for _ in 0..200 {
        match db.listen("tide").await {
            Err(Error::Busy) => tokio::time::sleep(Duration::from_millis(25)).await,
            other => return Ok(other.map(drop)?),
        }
    }
    Err(Failure::wrong("expected room for a listener when another is gone"))
}

async fn a_read_may_not_tell(db: Db) -> Checked {
    let mut listener = db.listen("tide").await?;
    let told = db.driver()?.read(Box::new(|session| session.notify("tide", "bad"))).await;
    fails!("a notice in a read", told, Error::Denied(_))?;
    db.notify("tide", "good").await?;
    same("the first notice", &next(&mut listener).await?, &notice("good"))
}
