//! Writes that share a transaction, or may: what one of them does is never another's harm.

use futures_util::future::join_all;

use super::case::{Case, case};
use super::check::{Checked, Failure, same};
use super::setting::{berths, boat, boats};
use crate::db::Db;
use crate::driver::Dialect;
use crate::error::{Error, Result};
use crate::params;

pub(super) const CASES: &[Case] = &[
    case!("company", a_violation_harms_no_other),
    case!("company", every_kind_of_failure_harms_no_other),
    case!("company", a_failed_commit_harms_no_other),
    case!("company", what_ends_the_transaction_harms_no_other).only(Dialect::Sqlite),
];

async fn ids(db: &Db) -> Result<Vec<i64>> {
    db.query("select id from boats order by id", params! {}).await
}

async fn a_violation_harms_no_other(db: Db) -> Checked {
    boats(&db).await?;
    boat(&db, -1, "taken").await?;
    let writes = (0..64_i64).map(|id| {
        let db = db.clone();
        tokio::spawn(async move {
            let name = if id % 3 == 0 { "taken".to_owned() } else { format!("boat {id}") };
            (id, boat(&db, id, &name).await)
        })
    });
    let mut expected = vec![-1];
    for write in join_all(writes).await {
        let (id, result) = write.expect("a write does not panic");
        match (id % 3, result) {
            (0, Err(Error::Unique(_))) => {}
            (1 | 2, Ok(1)) => expected.push(id),
            (_, other) => return Err(Failure::wrong(format!("write {id}: {other:?}"))),
        }
    }
    expected.sort_unstable();
    same("boats", &ids(&db).await?, &expected)
}

/// One write of each kind, by its number: does it last?
async fn one(db: &Db, id: i64) -> std::result::Result<bool, String> {
    let insert = "insert into boats (id, name) values (:id, :name)";
    let own = format!("boat {id}");
    let work = move |tx: &mut crate::tx::Tx<'_>| -> Result<()> {
        tx.execute(insert, params! { id, name: &own })?;
        match id % 6 {
            0 => tx.execute(insert, params! { id: id + 1_000, name: "taken" }).map(drop),
            1 => panic!("on purpose"),
            2 => Err(Error::NoRow),
            3 => tx.execute("selec", params! {}).map(drop),
            4 => tx.execute("rollback", params! {}).map(drop),
            _ => Ok(()),
        }
    };
    match (id % 6, db.write(work).await) {
        (0, Err(Error::Unique(_)))
        | (1, Err(Error::Panicked(_)))
        | (2, Err(Error::NoRow))
        | (3, Err(Error::Statement { .. }))
        | (4, Err(Error::Denied(_))) => Ok(false),
        (5, Ok(())) => Ok(true),
        (_, other) => Err(format!("write {id}: {other:?}")),
    }
}

async fn every_kind_of_failure_harms_no_other(db: Db) -> Checked {
    boats(&db).await?;
    boat(&db, -1, "taken").await?;
    let writes = (0..60_i64).map(|id| {
        let db = db.clone();
        tokio::spawn(async move { (id, one(&db, id).await) })
    });
    let mut expected = vec![-1];
    for write in join_all(writes).await {
        match write.expect("a write does not panic outside its closure") {
            (id, Ok(true)) => expected.push(id),
            (_, Ok(false)) => {}
            (_, Err(why)) => return Err(Failure::wrong(why)),
        }
    }
    expected.sort_unstable();
    same("boats", &ids(&db).await?, &expected)
}

async fn a_failed_commit_harms_no_other(db: Db) -> Checked {
    berths(&db).await?;
    db.execute("insert into owners (id) values (1)", params! {}).await?;
    let writes = (0..30_i64).map(|id| {
        let db = db.clone();
        tokio::spawn(async move {
            let heir = if id % 3 == 0 { Some(99) } else { None::<i64> };
            let sql = "insert into berths (id, owner, heir) values (:id, 1, :heir)";
            (id, db.write(move |tx| tx.execute(sql, params! { id, heir })).await)
        })
    });
    let mut expected = Vec::new();
    for write in join_all(writes).await {
        let (id, result) = write.expect("a write does not panic");
        match (id % 3, result) {
            (0, Err(Error::ForeignKey(_))) => {}
            (1 | 2, Ok(1)) => expected.push(id),
            (_, other) => return Err(Failure::wrong(format!("write {id}: {other:?}"))),
        }
    }
    let found: Vec<i64> = db.query("select id from berths order by id", params! {}).await?;
    same("berths", &found, &expected)
}

/// `or rollback` ends the whole transaction, and the closure does not even notice.
async fn what_ends_the_transaction_harms_no_other(db: Db) -> Checked {
    boats(&db).await?;
    boat(&db, -1, "taken").await?;
    let writes = (0..30_i64).map(|id| {
        let db = db.clone();
        tokio::spawn(async move {
            let work = move |tx: &mut crate::tx::Tx<'_>| {
                let name = format!("boat {id}");
                tx.execute("insert into boats (id, name) values (:id, :name)", params! { id, name })?;
                if id % 3 == 0 {
                    let ends = "insert or rollback into boats (id, name) values (1000, 'taken')";
                    let _passed_over = tx.execute(ends, params! {});
                    let after = "insert into boats (id, name) values (:id, :name)";
                    tx.execute(after, params! { id: id + 1_000, name: format!("late {id}") })?;
                }
                Ok(())
            };
            (id, db.write(work).await)
        })
    });
    let mut expected = vec![-1];
    for write in join_all(writes).await {
        let (id, result) = write.expect("a write does not panic");
        match (id % 3, result) {
            (0, Err(_)) => {}
            (1 | 2, Ok(())) => expected.push(id),
            (_, other) => return Err(Failure::wrong(format!("write {id}: {other:?}"))),
        }
    }
    expected.sort_unstable();
    same("boats", &ids(&db).await?, &expected)
}
