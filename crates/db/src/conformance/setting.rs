//! What cases need: tables in both dialects, slow statements, and a gate to hold a closure at.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::db::Db;
use crate::driver::Dialect;
use crate::error::Result;
use crate::params;

/// One text for each dialect.
pub(super) fn by_dialect(db: &Db, sqlite: &'static str, postgres: &'static str) -> Result<&'static str> {
    Ok(match db.dialect()? {
        Dialect::Sqlite => sqlite,
        Dialect::Postgres => postgres,
    })
}

/// `boats (id, name, length)`, with a name that is unique.
pub(super) async fn boats(db: &Db) -> Result<()> {
    let table =
        "create table boats (id bigint primary key, name text not null unique, length double precision)";
    db.execute(table, params! {}).await.map(drop)
}

/// A boat, by its id and its name.
pub(super) async fn boat(db: &Db, id: i64, name: &str) -> Result<u64> {
    db.execute("insert into boats (id, name) values (:id, :name)", params! { id, name }).await
}

/// How many boats there are.
pub(super) async fn fleet(db: &Db) -> Result<i64> {
    db.query_one("select count(*) from boats", params! {}).await
}

/// `owners (id)` and `berths (id, owner)`, whose owner must be there: at once, or when the write is committed.
pub(super) async fn berths(db: &Db) -> Result<()> {
    db.execute("create table owners (id bigint primary key)", params! {}).await?;
    db.execute(
        "create table berths (
            id bigint primary key,
            owner bigint not null references owners (id),
            heir bigint references owners (id) deferrable initially deferred
        )",
        params! {},
    )
    .await
    .map(drop)
}

/// `numbers (n)` from 0 to 10^`digits` - 1.
pub(super) async fn numbers(db: &Db, digits: u32) -> Result<()> {
    db.execute("create table digits (d bigint primary key)", params! {}).await?;
    db.execute("create table numbers (n bigint primary key)", params! {}).await?;
    let rows = "insert into digits (d) values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)";
    db.execute(rows, params! {}).await?;
    let names = ["a", "b", "c", "d", "e", "f"].into_iter().take(digits as usize);
    let (mut sum, mut from, mut power) = (String::from("0"), String::new(), 1);
    for name in names {
        sum.push_str(&format!(" + {power} * {name}.d"));
        from.push_str(if from.is_empty() { "" } else { ", " });
        from.push_str(&format!("digits {name}"));
        power *= 10;
    }
    db.execute(format!("insert into numbers (n) select {sum} from {from}"), params! {}).await.map(drop)
}

/// A read of one number that takes far longer than any deadline of a case.
pub(super) fn slow(db: &Db) -> Result<&'static str> {
    by_dialect(
        db,
        "with recursive n(i) as (select 1 union all select i + 1 from n limit 100000000000) select count(*) from n",
        "select count(*) from (select pg_sleep(600)) as slept",
    )
}

/// The same in the clothes of a write to `boats`.
pub(super) fn slow_write(db: &Db) -> Result<String> {
    Ok(format!("insert into boats (id, name) select 1, 'slow' where ({}) > 0", slow(db)?))
}

/// Holds a closure until the case lets it go on, or four seconds have passed.
#[derive(Clone)]
pub(super) struct Gate(Arc<Inner>);

struct Inner {
    reached: watch::Sender<bool>,
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub(super) fn closed() -> Self {
        let (reached, _) = watch::channel(false);
        Self(Arc::new(Inner { reached, open: Mutex::new(false), opened: Condvar::new() }))
    }

    /// Called by the closure: waits, blocking its thread.
    pub(super) fn hold(&self) {
        self.0.reached.send_replace(true);
        let open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let held = self.0.opened.wait_timeout_while(open, Duration::from_secs(4), |open| !*open);
        drop(held);
    }

    /// Called by the case: the closure has come to the gate.
    pub(super) async fn reached(&self) {
        let mut reached = self.0.reached.subscribe();
        let there = reached.wait_for(|reached| *reached).await.is_ok();
        debug_assert!(there, "the sender lives as long as the gate");
    }

    /// Called by the case: the closure may go on, now and whenever it comes again.
    pub(super) fn open(&self) {
        *self.0.open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.opened.notify_all();
    }
}

/// A case that ends early lets go of what it holds.
impl Drop for Opened {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// Opens a gate when it goes.
pub(super) struct Opened(pub(super) Gate);
