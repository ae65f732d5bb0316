//! Callers that went away: what they left is whole or nothing, and holds nothing.

use std::time::Duration;

use tokio::time::timeout;

use super::case::{Case, case};
use super::check::{Checked, same};
use super::setting::{Gate, Opened, boat, boats, fleet, slow};
use crate::db::Db;
use crate::options::Options;
use crate::params;

pub(super) const CASES: &[Case] = &[
    case!("dropped", writes_are_whole_or_nothing).with(few),
    case!("dropped", reads_hold_nothing).with(few),
    case!("dropped", a_slow_write_holds_nothing).with(few),
    case!("dropped", one_that_waits_is_given_up).with(|options| options.connections = 1),
];

fn few(options: &mut Options) {
    options.readers = 2;
    options.connections = 2;
    options.read_time = Duration::from_secs(1);
    options.write_time = Duration::from_secs(1);
}

/// Asks once, and goes away if there is no answer yet.
async fn once<T>(asked: impl Future<Output = T>) {
    let _no_answer = timeout(Duration::ZERO, asked).await;
}

async fn writes_are_whole_or_nothing(db: Db) -> Checked {
    db.execute("create table pairs (id bigint, half bigint)", params! {}).await?;
    let insert = "insert into pairs (id, half) values (:id, :half)";
    for id in 0..100_i64 {
        match id % 3 {
            0 => {
                once(db.write(move |tx| {
                    tx.execute(insert, params! { id, half: 0 })?;
                    tx.execute(insert, params! { id, half: 1 })
                }))
                .await;
            }
            1 => {
                once(db.batch([(insert, params! { id, half: 0 }), (insert, params! { id, half: 1 })])).await;
            }
            _ => {
                let both = "insert into pairs (id, half) values (:id, 0), (:id, 1) returning id";
                once(db.query::<i64>(both, params! { id })).await;
            }
        }
    }
    // One more of each, which are answered: nothing that came before is under way or in their way.
    db.write(move |tx| tx.execute(insert, params! { id: 1_000, half: 0 })).await?;
    db.execute(insert, params! { id: 1_000, half: 1 }).await?;
    let halves: Vec<i64> =
        db.query("select id from pairs group by id having count(*) <> 2", params! {}).await?;
    same("halves", &halves, &vec![])
}

async fn reads_hold_nothing(db: Db) -> Checked {
    boats(&db).await?;
    let sql = slow(&db)?;
    for _ in 0..30 {
        once(db.read(|tx| tx.query::<i64>("select id from boats", params! {}))).await;
        let _first = db.stream::<i64>("select id from boats", params! {})?;
    }
    for _ in 0..3 {
        let away = db.read(move |tx| tx.query::<i64>(sql, params! {}));
        let _no_answer = timeout(Duration::from_millis(20), away).await;
    }
    let inside: i64 = db.read(|tx| tx.query_one("select count(*) from boats", params! {})).await?;
    same("boats in a snapshot", &inside, &0)?;
    same("written afterwards", &boat(&db, 1, "Spray").await?, &1)
}

async fn a_slow_write_holds_nothing(db: Db) -> Checked {
    boats(&db).await?;
    let sql = slow(&db)?;
    let away = db.write(move |tx| {
        tx.execute("insert into boats (id, name) values (1, 'Spray')", params! {})?;
        tx.query::<i64>(sql, params! {})
    });
    let _no_answer = timeout(Duration::from_millis(20), away).await;
    same("written afterwards, the same", &boat(&db, 1, "Spray").await?, &1)?;
    same("boats", &fleet(&db).await?, &1)
}

/// What has not begun is never done.
async fn one_that_waits_is_given_up(db: Db) -> Checked {
    boats(&db).await?;
    let gate = Gate::closed();
    let _opened = Opened(gate.clone());
    let (writer, held) = (db.clone(), gate.clone());
    let hold = tokio::spawn(async move {
        writer
            .write(move |tx| {
                held.hold();
                tx.execute("insert into boats (id, name) values (1, 'Spray')", params! {})
            })
            .await
    });
    gate.reached().await;
    let away = boat(&db, 7, "given up");
    let _no_answer = timeout(Duration::from_millis(20), away).await;
    gate.open();
    same("changed", &hold.await.expect("a write does not panic")?, &1)?;
    boat(&db, 8, "Joshua").await?;
    let found: Vec<i64> = db.query("select id from boats order by id", params! {}).await?;
    same("boats", &found, &vec![1, 8])
}
