//! Changes of the schema.

use std::time::Duration;

use tokio::time::timeout;

use super::case::{Case, case};
use super::check::{Checked, fails, holds, same};
use super::setting::{boat, boats, by_dialect, fleet};
use crate::db::Db;
use crate::driver::{Change, Dialect, Statement};
use crate::error::{Error, Result};
use crate::params;

pub(super) const CASES: &[Case] = &[
    case!("changes", a_script_and_its_record),
    case!("changes", without_a_transaction),
    case!("changes", a_script_that_fails_leaves_nothing),
    case!("changes", a_record_that_fails_leaves_nothing),
    case!("changes", broken_references_are_refused),
    case!("changes", a_script_may_not_end_its_transaction),
    case!("changes", strings_and_bodies_are_not_cut),
    case!("changes", a_rebuilt_parent_keeps_its_children).only(Dialect::Sqlite),
    case!("changes", prepared_statements_follow),
    case!("changes", reads_beside_see_one_schema_or_the_other),
    case!("changes", one_holds_the_schema_at_a_time),
];

async fn change(db: &Db, script: &'static str, record: &[&'static str]) -> Result<()> {
    let record = record.iter().map(|sql| Statement::new(*sql, params! {})).collect();
    db.driver()?.change(Change { script: script.into(), record, in_transaction: true }).await
}

async fn done(db: &Db) -> Result<()> {
    db.execute("create table done (step bigint primary key)", params! {}).await.map(drop)
}

/// A table that is not there.
async fn is_gone(db: &Db, table: &str) -> Checked {
    let found = db.query::<i64>(format!("select count(*) from {table}"), params! {}).await;
    fails!(table, found, Error::Statement { .. }).map(drop)
}

const SCRIPT: &str = "
    -- two tables; and a row
    create table ports (id bigint primary key, name text not null);
    create table piers (id bigint primary key, port bigint not null references ports (id));
    insert into ports (id, name) values (1, 'Horta; it''s far');
";

async fn a_script_and_its_record(db: Db) -> Checked {
    done(&db).await?;
    let record = Statement::new("insert into done (step) values (:step)", params! { step: 7 });
    let change = Change { script: SCRIPT.into(), record: vec![record], in_transaction: true };
    db.driver()?.change(change).await?;
    let found: String = db.query_one("select name from ports", params! {}).await?;
    same("the row of the script", &found.as_str(), &"Horta; it's far")?;
    same("the record", &db.query_one::<i64>("select step from done", params! {}).await?, &7)?;
    same("the second table", &db.query_one::<i64>("select count(*) from piers", params! {}).await?, &0)?;
    let lost = db.execute("insert into piers (id, port) values (1, 9)", params! {}).await;
    fails!("references are kept afterwards", lost, Error::ForeignKey(_)).map(drop)
}

async fn without_a_transaction(db: Db) -> Checked {
    done(&db).await?;
    let record = Statement::new("insert into done (step) values (:step)", params! { step: 7 });
    let script = by_dialect(
        &db,
        "create table ports (id bigint); create index ports_id on ports (id);",
        "create table ports (id bigint); create index concurrently ports_id on ports (id);",
    )?;
    let change = Change { script: script.into(), record: vec![record], in_transaction: false };
    db.driver()?.change(change).await?;
    same("the new table", &db.query_one::<i64>("select count(*) from ports", params! {}).await?, &0)?;
    same("the record", &db.query_one::<i64>("select step from done", params! {}).await?, &7)
}

async fn a_script_that_fails_leaves_nothing(db: Db) -> Checked {
    done(&db).await?;
    let failed = change(
        &db,
        "create table ports (id bigint); insert into done (step) values (1); create table piers (",
        &["insert into done (step) values (2)"],
    )
    .await;
    fails!("a script with a mistake at its end", failed, Error::Statement { .. })?;
    let failed =
        change(&db, "create table ports (id bigint); insert into nowhere (id) values (1);", &[]).await;
    fails!("a script with a table that is not there", failed, Error::Statement { .. })?;
    is_gone(&db, "ports").await?;
    same("records", &db.query_one::<i64>("select count(*) from done", params! {}).await?, &0)?;
    same("a good one afterwards", &change(&db, "create table ports (id bigint)", &[]).await, &Ok(()))
}

async fn a_record_that_fails_leaves_nothing(db: Db) -> Checked {
    done(&db).await?;
    db.execute("insert into done (step) values (2)", params! {}).await?;
    let record = ["insert into done (step) values (1)", "insert into done (step) values (2)"];
    let failed = change(&db, "create table ports (id bigint)", &record).await;
    fails!("a record that is there already", failed, Error::Unique(_))?;
    is_gone(&db, "ports").await?;
    same("records", &db.query_one::<i64>("select count(*) from done", params! {}).await?, &1)
}

async fn broken_references_are_refused(db: Db) -> Checked {
    change(&db, SCRIPT, &[]).await?;
    db.execute("insert into piers (id, port) values (1, 1)", params! {}).await?;
    let failed = change(&db, "create table docks (id bigint); delete from ports;", &[]).await;
    fails!("a script that leaves a reference to nothing", failed, Error::ForeignKey(_))?;
    is_gone(&db, "docks").await?;
    same("ports", &db.query_one::<i64>("select count(*) from ports", params! {}).await?, &1)
}

async fn a_script_may_not_end_its_transaction(db: Db) -> Checked {
    for script in [
        "create table ports (id bigint); commit; create table piers (id bigint);",
        "create table ports (id bigint); rollback; create table piers (id bigint);",
        "create table ports (id bigint); /* ; */ COMMIT",
        "begin; create table ports (id bigint); commit;",
    ] {
        fails!(script, change(&db, script, &[]).await, Error::Denied(_))?;
        is_gone(&db, "ports").await?;
        is_gone(&db, "piers").await?;
    }
    Ok(())
}

async fn strings_and_bodies_are_not_cut(db: Db) -> Checked {
    boats(&db).await?;
    let script = by_dialect(
        &db,
        "create table log (said text);
         create trigger heard after insert on boats begin
             insert into log (said) values ('one; :two');
             insert into log (said) values (new.name);
         end;
         -- the end; of it",
        "create table log (said text);
         create function hear() returns trigger language plpgsql as $body$ begin
             insert into log (said) values ('one; :two');
             insert into log (said) values (new.name);
             return new;
         end; $body$;
         create trigger heard after insert on boats for each row execute function hear();
         -- the end; of it",
    )?;
    change(&db, script, &[]).await?;
    boat(&db, 1, "Spray").await?;
    let said: Vec<String> = db.query("select said from log", params! {}).await?;
    same("what the trigger wrote", &said, &vec!["one; :two".to_owned(), "Spray".to_owned()])
}

/// <https://sqlite.org/lang_altertable.html#otheralter>: with foreign keys on, this would delete the children.
async fn a_rebuilt_parent_keeps_its_children(db: Db) -> Checked {
    boats(&db).await?;
    let table = "create table logs (boat bigint references boats (id) on delete cascade)";
    db.execute(table, params! {}).await?;
    boat(&db, 1, "Spray").await?;
    db.execute("insert into logs (boat) values (1)", params! {}).await?;
    let script = "create table boats_new (id bigint primary key, name text not null unique);
                  insert into boats_new select id, name from boats;
                  drop table boats;
                  alter table boats_new rename to boats;";
    change(&db, script, &[]).await?;
    same("logs", &db.query_one::<i64>("select count(*) from logs", params! {}).await?, &1)?;
    let lost = db.execute("insert into logs (boat) values (9)", params! {}).await;
    fails!("references are kept afterwards", lost, Error::ForeignKey(_))?;
    same("boats deleted", &db.execute("delete from boats", params! {}).await?, &1)?;
    same("logs", &db.query_one::<i64>("select count(*) from logs", params! {}).await?, &0)
}

async fn prepared_statements_follow(db: Db) -> Checked {
    boats(&db).await?;
    boat(&db, 1, "Spray").await?;
    let sql = "select * from boats";
    for added in 0..4 {
        let row: serde_json::Value = db.query_one(sql, params! {}).await?;
        same("columns", &row.as_object().map_or(0, serde_json::Map::len), &(3 + added))?;
        let inside: serde_json::Value = db.write(move |tx| tx.query_one(sql, params! {})).await?;
        same("columns in a closure", &inside.as_object().map_or(0, serde_json::Map::len), &(3 + added))?;
        let script = [
            "alter table boats add column a bigint",
            "alter table boats add column b text",
            "alter table boats add column c text",
            "drop table boats",
        ][added];
        change(&db, script, &[]).await?;
    }
    is_gone(&db, "boats").await
}

async fn reads_beside_see_one_schema_or_the_other(db: Db) -> Checked {
    boats(&db).await?;
    boat(&db, 1, "Spray").await?;
    let reader = db.clone();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let reads = tokio::spawn(async move {
        let mut seen = Vec::new();
        while !*stopped.borrow() {
            let row: serde_json::Value = reader.query_one("select * from boats", params! {}).await?;
            seen.push(row.as_object().map_or(0, serde_json::Map::len));
            tokio::task::yield_now().await;
        }
        Ok::<_, Error>(seen)
    });
    for script in [
        "alter table boats add column a bigint; alter table boats add column b bigint;",
        "alter table boats add column c bigint; alter table boats add column d bigint;",
        "alter table boats add column e bigint; alter table boats add column f bigint;",
    ] {
        change(&db, script, &[]).await?;
        fleet(&db).await?;
    }
    stop.send_replace(true);
    let seen = reads.await.expect("the reads do not panic")?;
    let whole = seen.iter().all(|count| [3, 5, 7, 9].contains(count));
    holds("no read sees half a change", whole)?;
    holds("no read goes back to an older schema", seen.is_sorted())
}

async fn one_holds_the_schema_at_a_time(db: Db) -> Checked {
    let driver = db.driver()?.clone();
    let first = driver.lock_schema().await?;
    same("a change by who holds it", &change(&db, "create table ports (id bigint)", &[]).await, &Ok(()))?;
    let mut second = driver.lock_schema();
    let early = timeout(Duration::from_millis(200), &mut second).await.is_ok();
    holds("a second waits while the first holds the schema", !early)?;
    drop(first);
    let Ok(second) = timeout(Duration::from_secs(10), second).await else {
        return holds("a second holds the schema when the first has let it go", false);
    };
    drop(second?);
    // One who gave up waiting does not keep it.
    let held = driver.lock_schema().await?;
    let _gave_up = timeout(Duration::from_millis(50), driver.lock_schema()).await;
    drop(held);
    let again = timeout(Duration::from_secs(10), driver.lock_schema()).await;
    holds("the schema is free when one has given up waiting for it", matches!(again, Ok(Ok(_))))
}
