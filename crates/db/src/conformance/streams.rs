//! Results that are read as they come.

use futures_util::StreamExt;

use super::case::{Case, case};
use super::check::{Checked, Failure, fails, holds, same};
use super::setting::{boat, boats, fleet, numbers};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::params;

pub(super) const CASES: &[Case] = &[
    case!("streams", all_rows_in_order),
    case!("streams", no_rows),
    case!("streams", with_parameters_into_structs),
    case!("streams", no_bound_of_rows).with(|options| options.rows = 10),
    case!("streams", one_that_is_dropped_leaves_nothing_behind).with(|options| {
        options.readers = 2;
        options.connections = 4;
    }),
    case!("streams", a_wrong_statement_is_the_first_item),
    case!("streams", a_row_that_does_not_fit_is_the_last_item),
    case!("streams", are_of_one_moment),
    case!("streams", may_not_write),
    case!("streams", several_at_once),
];

async fn all_rows_in_order(db: Db) -> Checked {
    numbers(&db, 5).await?;
    let mut rows = db.stream::<i64>("select n from numbers order by n", params! {})?;
    let mut next = 0;
    while let Some(n) = rows.next().await {
        let n = n?;
        if n != next {
            return Err(Failure::wrong(format!("row {next}: found {n}")));
        }
        next += 1;
    }
    same("rows", &next, &100_000)
}

async fn no_rows(db: Db) -> Checked {
    boats(&db).await?;
    let mut rows = db.stream::<i64>("select id from boats", params! {})?;
    same("the first of no rows", &rows.next().await, &None)
}

async fn with_parameters_into_structs(db: Db) -> Checked {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Boat {
        id: i64,
        name: String,
        length: Option<f64>,
    }
    boats(&db).await?;
    for (id, name) in [(1, "Spray"), (2, "Suhaili"), (3, "Joshua")] {
        boat(&db, id, name).await?;
    }
    let sql = "select id, name, length from boats where id > :id and name <> ':id' order by id";
    let rows: Vec<Result<Boat>> = db.stream(sql, params! { id: 1 })?.collect().await;
    let expected = [(2, "Suhaili"), (3, "Joshua")];
    let expected = expected.map(|(id, name)| Ok(Boat { id, name: name.to_owned(), length: None })).into();
    same("structs", &rows, &expected)?;
    let wrong: Vec<Result<i64>> = db.stream("select :a", params! {})?.collect().await;
    same("items of a stream without its value", &wrong.len(), &1)?;
    fails!("its value is missing", wrong.into_iter().collect::<Result<Vec<_>>>(), Error::Params(_)).map(drop)
}

async fn no_bound_of_rows(db: Db) -> Checked {
    numbers(&db, 3).await?;
    let rows: Vec<Result<i64>> = db.stream("select n from numbers", params! {})?.collect().await;
    same("rows", &rows.len(), &1_000)?;
    holds("all are rows", rows.iter().all(Result::is_ok))
}

async fn one_that_is_dropped_leaves_nothing_behind(db: Db) -> Checked {
    numbers(&db, 4).await?;
    for turn in 0..50 {
        let mut rows = db.stream::<i64>("select n from numbers order by n", params! {})?;
        for n in 0..turn % 5 {
            same("a row", &rows.next().await.transpose()?, &Some(n))?;
        }
        drop(rows);
        // It may take a moment until what it held is free, but it is not lost.
        let rows: i64 = db.read(|tx| tx.query_one("select count(*) from numbers", params! {})).await?;
        same("numbers", &rows, &10_000)?;
    }
    same("written afterwards", &db.execute("delete from numbers", params! {}).await?, &10_000)
}

async fn a_wrong_statement_is_the_first_item(db: Db) -> Checked {
    let mut rows = db.stream::<i64>("select * from nowhere", params! {})?;
    let Some(first) = rows.next().await else {
        return Err(Failure::wrong("expected an error, found no item"));
    };
    fails!("a table that is not there", first, Error::Statement { .. })?;
    holds("nothing comes after an error", rows.next().await.is_none())
}

async fn a_row_that_does_not_fit_is_the_last_item(db: Db) -> Checked {
    numbers(&db, 4).await?;
    let sql = "select case when n = 5000 then null else n end as it from numbers order by numbers.n";
    let mut rows = db.stream::<i64>(sql, params! {})?;
    for n in 0..5_000 {
        same("a row before it", &rows.next().await.transpose()?, &Some(n))?;
    }
    let Some(item) = rows.next().await else {
        return Err(Failure::wrong("expected an error, found the end"));
    };
    fails!("a null into a number", item, Error::Row(_))?;
    holds("nothing comes after an error", rows.next().await.is_none())?;
    same(
        "a read afterwards",
        &db.query_one::<i64>("select count(*) from numbers", params! {}).await?,
        &10_000,
    )
}

async fn are_of_one_moment(db: Db) -> Checked {
    numbers(&db, 5).await?;
    let mut rows = db.stream::<i64>("select n from numbers order by n", params! {})?;
    same("the first row", &rows.next().await.transpose()?, &Some(0))?;
    db.execute("delete from numbers where n > 0", params! {}).await?;
    let rest: Vec<Result<i64>> = rows.collect().await;
    same("the rows after that, deleted in between", &rest.len(), &99_999)?;
    holds("all are rows", rest.iter().all(Result::is_ok))?;
    same("rows now", &db.query_one::<i64>("select count(*) from numbers", params! {}).await?, &1)
}

async fn may_not_write(db: Db) -> Checked {
    boats(&db).await?;
    let sql = "insert into boats (id, name) values (1, 'Spray') returning id";
    let mut rows = db.stream::<i64>(sql, params! {})?;
    let Some(first) = rows.next().await else {
        return Err(Failure::wrong("expected an error, found no item"));
    };
    fails!("a write", first, Error::Denied(_))?;
    same("boats", &fleet(&db).await?, &0)
}

/// More streams than connections: they wait for each other's end, or go on in turns; none is refused.
async fn several_at_once(db: Db) -> Checked {
    numbers(&db, 3).await?;
    let streams = (0..8).map(|_| {
        let db = db.clone();
        tokio::spawn(async move {
            let rows = db.stream::<i64>("select n from numbers order by n", params! {})?;
            Ok::<_, Error>(rows.collect::<Vec<_>>().await)
        })
    });
    for stream in futures_util::future::join_all(streams).await {
        let rows: Result<Vec<i64>> = stream.expect("a stream does not panic")?.into_iter().collect();
        same("rows of one of eight streams", &rows?, &(0..1_000).collect())?;
    }
    Ok(())
}
