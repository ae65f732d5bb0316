//! `:name` parameters.

use super::case::{Case, case};
use super::check::{Checked, fails, holds, same};
use super::setting::{boats, by_dialect, fleet};
use crate::db::Db;
use crate::error::Error;
use crate::params;
use crate::params::Params;

pub(super) const CASES: &[Case] = &[
    case!("parameters", are_bound_by_name),
    case!("parameters", one_is_used_twice),
    case!("parameters", names_that_begin_alike),
    case!("parameters", beside_operators),
    case!("parameters", not_in_strings),
    case!("parameters", not_in_comments),
    case!("parameters", not_in_quoted_names),
    case!("parameters", a_missing_one_is_refused),
    case!("parameters", an_unknown_one_is_refused),
    case!("parameters", a_doubled_one_is_refused),
    case!("parameters", other_spellings_are_refused),
    case!("parameters", mistakes_in_a_write_write_nothing),
    case!("parameters", a_value_is_never_sql),
    case!("parameters", a_value_that_says_nothing_is_told_from_a_wrong_statement),
    case!("parameters", twenty_at_once),
];

async fn are_bound_by_name(db: Db) -> Checked {
    let sql = "select cast(:low as bigint), cast(:high as bigint), cast(:Low as text)";
    let found: (i64, i64, String) = db.query_one(sql, params! { high: 2, Low: "x", low: 1 }).await?;
    same("three parameters, given in another order", &found, &(1, 2, "x".to_owned()))
}

async fn one_is_used_twice(db: Db) -> Checked {
    let sql = "select cast(:a as bigint), cast(:b as bigint), cast(:a as bigint) + cast(:a as bigint)";
    let found: (i64, i64, i64) = db.query_one(sql, params! { a: 3, b: 4 }).await?;
    same("a parameter that is used three times", &found, &(3, 4, 6))
}

async fn names_that_begin_alike(db: Db) -> Checked {
    let sql = "select cast(:a as bigint), cast(:a1 as bigint), cast(:a_1 as bigint), cast(:ab as bigint)";
    let found: (i64, i64, i64, i64) = db.query_one(sql, params! { ab: 4, a_1: 3, a1: 2, a: 1 }).await?;
    same("parameters", &found, &(1, 2, 3, 4))
}

async fn beside_operators(db: Db) -> Checked {
    let sql = "select cast(:a as bigint)+cast(:b as bigint)*2,cast(:t as text)||cast(:t as text)||':t'";
    let found: (i64, String) = db.query_one(sql, params! { a: 1, b: 2, t: "x" }).await?;
    same("parameters without spaces", &found, &(5, "xx:t".to_owned()))
}

async fn not_in_strings(db: Db) -> Checked {
    let sql = "select ':a', 'it''s :b', '12:30:45', cast(:c as text)";
    let found: (String, String, String, String) = db.query_one(sql, params! { c: ":a" }).await?;
    let expected = (":a", "it's :b", "12:30:45", ":a");
    same("strings", &(&*found.0, &*found.1, &*found.2, &*found.3), &expected)
}

async fn not_in_comments(db: Db) -> Checked {
    let sql = "select cast(:a as bigint) -- :b 'c\n /* :d \" ' */ + cast(:e as bigint) /* :f";
    let closed = format!("{sql} */ -- :g");
    let found: i64 = db.query_one(closed, params! { a: 1, e: 2 }).await?;
    same("a sum around comments", &found, &3)
}

async fn not_in_quoted_names(db: Db) -> Checked {
    let sql = "select cast(:a as bigint) as \":b\", 2 as \"it\"\"s :c\"";
    let found: std::collections::BTreeMap<String, i64> = db.query_one(sql, params! { a: 1 }).await?;
    let expected = [(":b".to_owned(), 1), ("it\"s :c".to_owned(), 2)];
    same("columns", &found.into_iter().collect::<Vec<_>>(), &expected.into_iter().collect())
}

async fn a_missing_one_is_refused(db: Db) -> Checked {
    let sql = "select cast(:here as bigint), cast(:gone as bigint)";
    let found = db.query::<(i64, i64)>(sql, params! { here: 1 }).await;
    let error = fails!("a parameter without a value", found, Error::Params(_))?.to_string();
    holds("the message names it", error.contains("gone"))?;
    let found = db.query::<(i64, i64)>(sql, params! {}).await;
    fails!("two parameters without values", found, Error::Params(_)).map(drop)
}

async fn an_unknown_one_is_refused(db: Db) -> Checked {
    let found = db.query::<i64>("select cast(:a as bigint)", params! { a: 1, stray: "secret" }).await;
    let error = fails!("a value without a parameter", found, Error::Params(_))?.to_string();
    holds("the message names it", error.contains("stray"))?;
    holds("the message does not show its value", !error.contains("secret"))?;
    let found = db.query::<i64>("select 1 /* :a */", params! { a: 1 }).await;
    fails!("a value for what is in a comment", found, Error::Params(_)).map(drop)
}

async fn a_doubled_one_is_refused(db: Db) -> Checked {
    let found = db.query::<i64>("select cast(:a as bigint)", params! { a: 1, a: 2 }).await;
    fails!("a value that is given twice", found, Error::Params(_))?;
    // As many values as parameters, and still one of them has none.
    let found = db
        .query::<(Option<i64>, Option<i64>)>(
            "select cast(:a as bigint), cast(:b as bigint)",
            params! { a: 1, a: 2 },
        )
        .await;
    fails!("a doubled value in place of a missing one", found, Error::Params(_)).map(drop)
}

/// Nothing is bound by its place.
async fn other_spellings_are_refused(db: Db) -> Checked {
    for sql in ["select ?", "select ?1", "select $1", "select @a", "select $a"] {
        let found = db.query::<Option<String>>(sql, params! {}).await;
        fails!(sql, found, Error::Params(_) | Error::Statement { .. })?;
    }
    let sql = "select cast(:a as text), cast($1 as text)";
    let found = db.query::<(String, Option<String>)>(sql, params! { a: "x" }).await;
    fails!(sql, found, Error::Params(_) | Error::Statement { .. }).map(drop)
}

async fn mistakes_in_a_write_write_nothing(db: Db) -> Checked {
    boats(&db).await?;
    let sql = "insert into boats (id, name) values (:id, :name)";
    let wrong: [(&str, Params); 3] = [
        ("a missing value", params! { id: 1 }),
        ("an unknown value", params! { id: 1, name: "Spray", length: 1.0 }),
        ("a doubled value", params! { id: 1, name: "Spray", name: "Suhaili" }),
    ];
    for (what, params) in wrong {
        fails!(what, db.execute(sql, params.clone()).await, Error::Params(_))?;
        let given = params.clone();
        let inside = db.write(move |tx| tx.execute(sql, given.clone())).await;
        fails!(what, inside, Error::Params(_))?;
        fails!(what, db.batch([(sql, params)]).await, Error::Params(_))?;
    }
    same("boats", &fleet(&db).await?, &0)
}

async fn a_value_is_never_sql(db: Db) -> Checked {
    boats(&db).await?;
    let name = "x'); delete from boats; --";
    db.execute("insert into boats (id, name) values (:id, :name)", params! { id: 1, name }).await?;
    let found: i64 = db.query_one("select id from boats where name = :name", params! { name }).await?;
    same("the boat of that name", &found, &1)
}

/// A client can mend its value, and only the program its statement. Messages end in logs, so no value is in one.
async fn a_value_that_says_nothing_is_told_from_a_wrong_statement(db: Db) -> Checked {
    let sqlite = "select json_extract(:value, '$.a')";
    let postgres = "select cast('boat' ~ cast(:value as text) as text)";
    let sql = by_dialect(&db, sqlite, postgres)?;
    let found = db.query::<Option<String>>(sql, params! { value: "(hunter2" }).await;
    let error = fails!("a value that says nothing", found, Error::BadValue(_))?;
    holds("the message holds no value", !format!("{error} {error:?}").contains("hunter2"))?;
    let inside = db.write(move |tx| tx.query::<Option<String>>(sql, params! { value: "(hunter2" })).await;
    fails!("the same in a closure", inside, Error::BadValue(_))?;
    let wrong = by_dialect(&db, "select json_extract('(', '$.a')", "select cast('boat' ~ '(' as text)")?;
    let found = db.query::<Option<String>>(wrong, params! {}).await;
    fails!("a wrong statement", found, Error::Statement { .. }).map(drop)
}

async fn twenty_at_once(db: Db) -> Checked {
    let names = [
        "p00", "p01", "p02", "p03", "p04", "p05", "p06", "p07", "p08", "p09", "p10", "p11", "p12", "p13",
        "p14", "p15", "p16", "p17", "p18", "p19",
    ];
    let columns: Vec<String> = names.iter().map(|name| format!("cast(:{name} as bigint)")).collect();
    let params = names.iter().rev().fold(Params::new(), |params, name| {
        let number: i64 = name[1..].parse().expect("two digits");
        params.with(name, number)
    });
    let found: Vec<i64> = db.query_one(format!("select {}", columns.join(", ")), params).await?;
    same("twenty parameters", &found, &(0..20).collect())
}
