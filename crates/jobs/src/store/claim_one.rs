//! Claiming one job by its number.

use std::sync::Arc;

use ketch_db::{Dialect, Result, Tx, params};
use serde::Deserialize;

use super::claim::{KNOWN, UPDATE, count};
use super::foreign::{self, Foreign};
use super::{Claim, Claimed};

#[derive(Deserialize)]
struct Row {
    id: i64,
    claim: i64,
    job_type: Foreign,
    payload: Foreign,
    queue: Foreign,
    attempts: i64,
    max_attempts: i64,
    run_at: i64,
    slot: Option<i64>,
}

/// Claims a job that waits, whenever it is due, with the name of its queue; nothing when it does not wait.
pub(crate) fn claim_one(
    tx: &mut Tx<'_>,
    runner: &Arc<str>,
    id: i64,
    now: i64,
) -> Result<Option<(String, Claimed)>> {
    let texts = foreign::columns(tx.dialect(), "job_type, payload, queue");
    let known = match tx.dialect() {
        Dialect::Sqlite => "true",
        Dialect::Postgres => KNOWN,
    };
    let sql = format!(
        "{UPDATE} where id = :id and status = 'pending' and {known} \
         returning id, claim, {texts}, attempts, max_attempts, run_at, slot"
    );
    let row: Option<Row> = tx.query_opt(sql, params! { runner: runner.to_string(), id, now })?;
    Ok(row.map(|row| {
        let claimed = Claimed {
            claim: Claim { id: row.id, runner: Arc::clone(runner), token: row.claim },
            job_type: row.job_type.shown(),
            payload: row.payload.payload(),
            attempt: count(row.attempts),
            max_attempts: count(row.max_attempts),
            // One that is run before its time is not early, and not late either.
            run_at: row.run_at.min(now),
            slot: row.slot,
        };
        (row.queue.shown(), claimed)
    }))
}
