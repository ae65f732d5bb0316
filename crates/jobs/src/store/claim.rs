//! Claiming what is due.

use std::sync::{Arc, LazyLock};

use ketch_db::{Db, Dialect, Result, Tx, params};
use serde::Deserialize;

use super::Claim;
use super::foreign::{self, Foreign};

/// A job that was claimed.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) claim: Claim,
    pub(crate) job_type: String,
    pub(crate) payload: String,
    /// This one included.
    pub(crate) attempt: u32,
    pub(crate) max_attempts: u32,
    pub(crate) run_at: i64,
    /// Of a recurrent job.
    pub(crate) slot: Option<i64>,
}

#[derive(Deserialize)]
struct Row {
    id: i64,
    claim: i64,
    job_type: Foreign,
    payload: Foreign,
    priority: u8,
    attempts: i64,
    max_attempts: i64,
    run_at: i64,
    slot: Option<i64>,
}

/// Claims up to `most` jobs of a queue that are due: the most urgent first, of those the ones that are due longest. For
/// [`Db::write_read_committed`].
///
/// With PostgreSQL the runner must have its row in `job_runners`, or it claims nothing: whoever deletes that row gives
/// back what it had, in the same transaction, and nothing may come after.
pub(crate) fn claim(
    tx: &mut Tx<'_>,
    runner: &Arc<str>,
    queue: &str,
    most: usize,
    now: i64,
) -> Result<Vec<Claimed>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let sql: &'static str = match tx.dialect() {
        Dialect::Sqlite => &SQLITE,
        Dialect::Postgres => &POSTGRES,
    };
    let mut rows: Vec<Row> =
        tx.query(sql, params! { runner: runner.to_string(), queue: queue.to_owned(), most, now })?;
    rows.sort_by_key(|row| (std::cmp::Reverse(row.priority), row.run_at, row.id));
    let claimed = rows.into_iter().map(|row| Claimed {
        claim: Claim { id: row.id, runner: Arc::clone(runner), token: row.claim },
        job_type: row.job_type.shown(),
        payload: row.payload.payload(),
        attempt: count(row.attempts),
        max_attempts: count(row.max_attempts),
        run_at: row.run_at,
        slot: row.slot,
    });
    Ok(claimed.collect())
}

/// A number of attempts. Any program may have written it, and one row must not keep the others from being claimed.
pub(super) fn count(stored: i64) -> u32 {
    u32::try_from(stored).unwrap_or(if stored < 0 { 0 } else { u32::MAX })
}

pub(super) static SQLITE: LazyLock<String> = LazyLock::new(|| {
    let due = due(":most", "");
    let returning = returning(Dialect::Sqlite);
    format!("{UPDATE} where id in ({due}) {returning}")
});

/// An array and not `in (…)`, which the planner may turn into a join that reads the whole table; and limits whose values
/// it does not know, so that it always takes the index that is in order, whatever the statistics say.
pub(super) static POSTGRES: LazyLock<String> = LazyLock::new(|| {
    let due = due("(select :most::bigint)", "for update skip locked");
    let returning = returning(Dialect::Postgres);
    format!("{UPDATE} where id = any (array({due})) and {KNOWN} {returning}")
});

/// PostgreSQL: the runner has its row, and keeps it until the claim is committed.
pub(super) const KNOWN: &str = "exists (select 1 from job_runners r where r.id = :runner for key share)";

pub(super) const UPDATE: &str = "update job_queue set status = 'running', claimed_by = :runner, claim = claim + 1, \
     attempts = attempts + 1, started_at = :now, progress = null, progress_note = null";

fn returning(dialect: Dialect) -> String {
    let texts = foreign::columns(dialect, "job_type, payload");
    format!("returning id, claim, {texts}, priority, attempts, max_attempts, run_at, slot")
}

/// The numbers of what is due, in order. It reads the head of the index for each priority, so that rows which wait for
/// their time are not passed over one by one; a priority is looked at when those above it did not give enough.
fn due(most: &str, lock: &str) -> String {
    let heads = heads(|priority| {
        format!(
            "select id from (select id from job_queue where status = 'pending' and queue = :queue \
             and priority = {priority} and run_at <= :now order by run_at, id limit {most} {lock}) as p{priority}"
        )
    });
    format!("select id from ({heads}) as heads limit {most}")
}

/// One select for each priority, from the highest.
fn heads(select: impl Fn(u8) -> String) -> String {
    let all: Vec<String> = (0..=9).rev().map(select).collect();
    all.join(" union all ")
}

/// When the first job of a queue is due that waits, past or to come.
pub(crate) async fn next_due(db: &Db, queue: &str) -> Result<Option<i64>> {
    let sql: &'static str = &NEXT_DUE;
    db.query_one(sql, params! { queue }).await
}

pub(super) static NEXT_DUE: LazyLock<String> = LazyLock::new(|| {
    let heads = heads(|priority| {
        format!(
            "select run_at from (select run_at from job_queue where status = 'pending' and queue = :queue \
             and priority = {priority} order by run_at limit 1) as p{priority}"
        )
    });
    format!("select min(run_at) as run_at from ({heads}) as heads")
});
