//! Statements that the database keeps for itself.

use super::case::{Case, case};
use super::check::{Checked, fails, same};
use super::setting::{boat, boats, fleet};
use crate::db::Db;
use crate::driver::Dialect;
use crate::error::{Error, Result};
use crate::params;

pub(super) const CASES: &[Case] = &[
    case!("denied", as_single_statements),
    case!("denied", in_a_write),
    case!("denied", in_a_snapshot),
    case!("denied", in_a_batch),
    case!("denied", a_stream_of_one),
];

fn kept(db: &Db) -> Result<Vec<&'static str>> {
    let mut all = vec![
        "begin",
        "BEGIN",
        " /* a */ begin",
        "-- a\nbegin",
        "commit",
        "Commit;",
        "end",
        "rollback",
        "savepoint a",
        "release a",
        "rollback to a",
    ];
    all.extend(match db.dialect()? {
        Dialect::Sqlite => ["begin immediate", "attach 'x' as y", "detach y", "pragma synchronous = off"],
        Dialect::Postgres => [
            "start transaction",
            "abort",
            "set transaction isolation level read committed",
            "prepare transaction 'a'",
        ],
    });
    Ok(all)
}

async fn as_single_statements(db: Db) -> Checked {
    boats(&db).await?;
    for sql in kept(&db)? {
        fails!(sql, db.query::<String>(sql, params! {}).await, Error::Denied(_))?;
        fails!(sql, db.execute(sql, params! {}).await, Error::Denied(_))?;
    }
    same("written afterwards", &boat(&db, 1, "Spray").await?, &1)?;
    same("boats", &fleet(&db).await?, &1)
}

/// The closure passes over the refusal, and all it wrote is one transaction still.
async fn in_a_write(db: Db) -> Checked {
    boats(&db).await?;
    for sql in kept(&db)? {
        let refused = db
            .write(move |tx| {
                tx.execute("insert into boats (id, name) values (1, 'Spray')", params! {})?;
                let refused = matches!(tx.execute(sql, params! {}), Err(Error::Denied(_)));
                tx.execute("insert into boats (id, name) values (2, 'Suhaili')", params! {})?;
                Ok(refused)
            })
            .await?;
        same(sql, &(refused, fleet(&db).await?), &(true, 2))?;
        let failed: Result<()> = db
            .write(move |tx| {
                tx.execute("delete from boats", params! {})?;
                let _passed_over = tx.execute(sql, params! {});
                Err(Error::NoRow)
            })
            .await;
        fails!(sql, failed, Error::NoRow)?;
        same("boats after a rollback", &fleet(&db).await?, &2)?;
        db.execute("delete from boats", params! {}).await?;
    }
    Ok(())
}

async fn in_a_snapshot(db: Db) -> Checked {
    boats(&db).await?;
    for sql in kept(&db)? {
        let failed = db.read(move |tx| tx.query::<String>(sql, params! {})).await;
        fails!(sql, failed, Error::Denied(_))?;
    }
    same("boats", &fleet(&db).await?, &0)
}

async fn in_a_batch(db: Db) -> Checked {
    boats(&db).await?;
    for sql in kept(&db)? {
        let all = [("insert into boats (id, name) values (1, 'Spray')", params! {}), (sql, params! {})];
        fails!(sql, db.batch(all).await, Error::Denied(_))?;
        same("boats", &fleet(&db).await?, &0)?;
    }
    Ok(())
}

async fn a_stream_of_one(db: Db) -> Checked {
    use futures_util::StreamExt;
    boats(&db).await?;
    for sql in kept(&db)? {
        match db.stream::<String>(sql, params! {}) {
            Ok(mut rows) => match rows.next().await {
                Some(first) => fails!(sql, first, Error::Denied(_)).map(drop)?,
                None => same(sql, &"no row", &"an error")?,
            },
            Err(error) => fails!(sql, Result::<()>::Err(error), Error::Denied(_)).map(drop)?,
        }
    }
    same("boats", &fleet(&db).await?, &0)
}
