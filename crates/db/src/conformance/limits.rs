//! Bounds of results and of time.

use std::time::{Duration, Instant};

use futures_util::StreamExt;

use super::case::{Case, case};
use super::check::{Checked, Failure, fails, holds, same};
use super::setting::{boat, boats, fleet, numbers, slow, slow_write};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::options::Options;
use crate::params;

pub(super) const CASES: &[Case] = &[
    case!("limits", rows_of_a_result).with(|options| options.rows = 10),
    case!("limits", a_slow_read_ends).with(short_reads),
    case!("limits", a_slow_read_in_a_closure_ends).with(short_reads),
    case!("limits", a_closure_of_many_quick_reads_ends).with(short_reads),
    case!("limits", a_slow_stream_ends).with(short_reads),
    case!("limits", a_slow_write_ends_and_rolls_back).with(short_writes),
    case!("limits", a_slow_closure_ends_and_rolls_back).with(short_writes),
    case!("limits", a_closure_that_passes_over_its_deadline_is_rolled_back).with(short_writes),
    case!("limits", alone_has_a_time_of_its_own).with(short_writes),
];

const SHORT: Duration = Duration::from_millis(300);

/// Ten times what is promised: machines are slow at times.
const LATE: Duration = Duration::from_secs(3);

fn short_reads(options: &mut Options) {
    options.read_time = SHORT;
    options.stream_time = SHORT;
}

fn short_writes(options: &mut Options) {
    options.write_time = SHORT;
    options.alone_time = Duration::from_secs(10);
}

/// It ended with its deadline, and not long after it.
fn in_time<T: std::fmt::Debug>(what: &str, begun: Instant, result: Result<T>) -> Checked {
    fails!(what, result, Error::Deadline)?;
    holds("it ends within ten times its time", begun.elapsed() < LATE)
}

/// Nothing that was left behind hurts what comes next.
async fn is_well(db: &Db, boats: i64) -> Checked {
    for _ in 0..20 {
        same("boats", &fleet(db).await?, &boats)?;
        let inside: i64 = db.read(|tx| tx.query_one("select count(*) from boats", params! {})).await?;
        same("boats in a snapshot", &inside, &boats)?;
    }
    same("written afterwards", &boat(db, 1_000, "afterwards").await?, &1)
}

async fn rows_of_a_result(db: Db) -> Checked {
    numbers(&db, 2).await?;
    let up_to = "select n from numbers where n < :n order by n";
    same("ten rows", &db.query::<i64>(up_to, params! { n: 10 }).await?, &(0..10).collect())?;
    fails!("eleven rows", db.query::<i64>(up_to, params! { n: 11 }).await, Error::TooManyRows(10))?;
    let inside = db.read(move |tx| tx.query::<i64>(up_to, params! { n: 11 })).await;
    fails!("eleven rows in a snapshot", inside, Error::TooManyRows(10))?;
    let inside = db.write(move |tx| tx.query::<i64>(up_to, params! { n: 11 })).await;
    fails!("eleven rows in a write", inside, Error::TooManyRows(10))?;
    same("ten rows again", &db.query::<i64>(up_to, params! { n: 10 }).await?.len(), &10)
}

async fn a_slow_read_ends(db: Db) -> Checked {
    boats(&db).await?;
    let sql = slow(&db)?;
    for _ in 0..3 {
        let begun = Instant::now();
        in_time("a slow read", begun, db.query::<i64>(sql, params! {}).await)?;
    }
    is_well(&db, 0).await
}

async fn a_slow_read_in_a_closure_ends(db: Db) -> Checked {
    boats(&db).await?;
    let sql = slow(&db)?;
    let begun = Instant::now();
    in_time("a slow read", begun, db.read(move |tx| tx.query::<i64>(sql, params! {})).await)?;
    is_well(&db, 0).await
}

async fn a_closure_of_many_quick_reads_ends(db: Db) -> Checked {
    boats(&db).await?;
    let begun = Instant::now();
    let ended: Result<()> = db
        .read(move |tx| {
            while begun.elapsed() < LATE * 2 {
                tx.query_one::<i64>("select count(*) from boats", params! {})?;
            }
            Ok(())
        })
        .await;
    in_time("a closure of quick reads", begun, ended)?;
    is_well(&db, 0).await
}

async fn a_slow_stream_ends(db: Db) -> Checked {
    boats(&db).await?;
    let begun = Instant::now();
    let mut rows = db.stream::<i64>(slow(&db)?, params! {})?;
    let Some(first) = rows.next().await else {
        return Err(Failure::wrong("expected an error, found the end"));
    };
    in_time("a slow stream", begun, first)?;
    holds("nothing comes after an error", rows.next().await.is_none())?;
    drop(rows);
    is_well(&db, 0).await
}

async fn a_slow_write_ends_and_rolls_back(db: Db) -> Checked {
    boats(&db).await?;
    let sql = slow_write(&db)?;
    let begun = Instant::now();
    in_time("a slow write", begun, db.execute(sql.clone(), params! {}).await)?;
    let begun = Instant::now();
    let returning = db.query::<i64>(format!("{sql} returning id"), params! {}).await;
    in_time("a slow write that returns", begun, returning)?;
    is_well(&db, 0).await
}

async fn a_slow_closure_ends_and_rolls_back(db: Db) -> Checked {
    boats(&db).await?;
    let sql = slow(&db)?;
    let begun = Instant::now();
    let ended = db
        .write(move |tx| {
            tx.execute("insert into boats (id, name) values (1, 'Spray')", params! {})?;
            tx.query::<i64>(sql, params! {})
        })
        .await;
    in_time("a closure with a slow read", begun, ended)?;
    is_well(&db, 0).await
}

async fn a_closure_that_passes_over_its_deadline_is_rolled_back(db: Db) -> Checked {
    boats(&db).await?;
    let sql = slow(&db)?;
    let begun = Instant::now();
    let ended = db
        .write(move |tx| {
            tx.execute("insert into boats (id, name) values (1, 'Spray')", params! {})?;
            let _passed_over = tx.query::<i64>(sql, params! {});
            let _passed_over = tx.execute("insert into boats (id, name) values (2, 'Suhaili')", params! {});
            Ok(())
        })
        .await;
    in_time("a closure that goes on after its deadline", begun, ended)?;
    is_well(&db, 0).await
}

async fn alone_has_a_time_of_its_own(db: Db) -> Checked {
    boats(&db).await?;
    let begun = Instant::now();
    db.write_alone(move |tx| {
        tx.execute("insert into boats (id, name) values (1, 'Spray')", params! {})?;
        // Longer than the time of a write that shares.
        while begun.elapsed() < SHORT * 2 {
            tx.query_one::<i64>("select count(*) from boats", params! {})?;
        }
        Ok(())
    })
    .await?;
    is_well(&db, 1).await
}
