//! Claiming what is due.

use std::sync::Arc;

use ketch_db::{Db, Dialect, Result, Tx, params};
use serde::Deserialize;

use super::Claim;

/// A job that was claimed.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) claim: Claim,
    pub(crate) job_type: String,
    pub(crate) payload: String,
    pub(crate) queue: String,
    /// This one included.
    pub(crate) attempt: u32,
    pub(crate) max_attempts: u32,
    pub(crate) run_at: i64,
}

#[derive(Deserialize)]
struct Row {
    id: i64,
    claim: i64,
    job_type: String,
    payload: String,
    queue: String,
    priority: u8,
    attempts: u32,
    max_attempts: u32,
    run_at: i64,
}

/// Claims up to `most` jobs of a queue that are due: the most urgent first, of those the ones that are due longest.
pub(crate) fn claim(
    tx: &mut Tx<'_>,
    runner: &Arc<str>,
    queue: &str,
    most: usize,
    now: i64,
) -> Result<Vec<Claimed>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let sql = match tx.dialect() {
        Dialect::Sqlite => sqlite(),
        Dialect::Postgres => postgres(),
    };
    let mut rows: Vec<Row> =
        tx.query(sql, params! { runner: runner.to_string(), queue: queue.to_owned(), most, now })?;
    rows.sort_by_key(|row| (std::cmp::Reverse(row.priority), row.run_at, row.id));
    let claimed = rows.into_iter().map(|row| Claimed {
        claim: Claim { id: row.id, runner: Arc::clone(runner), token: row.claim },
        job_type: row.job_type,
        payload: row.payload,
        queue: row.queue,
        attempt: row.attempts,
        max_attempts: row.max_attempts,
        run_at: row.run_at,
    });
    Ok(claimed.collect())
}

/// The statement reads the head of the index for each priority, so that rows which wait for their time are not passed
/// over one by one.
fn statement(lock: &str) -> String {
    let heads: Vec<String> = (0..=9)
        .rev()
        .map(|priority| {
            format!(
                "select id from (select id from job_queue where status = 'pending' and queue = :queue \
                 and priority = {priority} and run_at <= :now order by run_at, id limit :most {lock}) as p{priority}"
            )
        })
        .collect();
    format!(
        "update job_queue set status = 'running', claimed_by = :runner, claim = claim + 1, attempts = attempts + 1, \
         started_at = :now where id in (select id from ({}) as heads limit :most) \
         returning id, claim, job_type, payload, queue, priority, attempts, max_attempts, run_at",
        heads.join(" union all ")
    )
}

fn sqlite() -> &'static str {
    static TEXT: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| statement(""));
    &TEXT
}

fn postgres() -> &'static str {
    static TEXT: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| statement("for update skip locked"));
    &TEXT
}

/// When the next job of a queue is due that is not due yet.
pub(crate) async fn next_due(db: &Db, queue: &str) -> Result<Option<i64>> {
    let heads: Vec<String> = (0..=9)
        .map(|priority| {
            format!(
                "select * from (select run_at from job_queue where status = 'pending' and queue = :queue \
                 and priority = {priority} order by run_at limit 1) as p{priority}"
            )
        })
        .collect();
    let sql = format!("select min(run_at) as run_at from ({}) as heads", heads.join(" union all "));
    db.query_one(sql, params! { queue: queue.to_owned() }).await
}
