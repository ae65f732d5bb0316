//! What a runner asks of the table for what it runs itself.

use std::sync::Arc;

use ketch_db::{Db, Result, Tx, params};
use serde::Deserialize;

use super::Claim;

/// A claim as it stands in the table.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Held {
    pub(crate) id: i64,
    pub(crate) claim: i64,
    /// 1: somebody cancelled the job.
    pub(crate) cancel_requested: i64,
}

/// The claims of a runner, for it to see which were cancelled, and whether it knows them all.
pub(crate) async fn held(db: &Db, runner: &str) -> Result<Vec<Held>> {
    let sql = "select id, claim, cancel_requested from job_queue \
         where status = 'running' and claimed_by = :runner limit 5000";
    db.query(sql, params! { runner }).await
}

/// The claims of a runner, which may not know of all of them when an answer of the database was lost.
pub(crate) fn claims(tx: &mut Tx<'_>, runner: &Arc<str>) -> Result<Vec<Claim>> {
    let sql = "select id, claim from job_queue where status = 'running' and claimed_by = :runner order by id limit 5000";
    let rows: Vec<(i64, i64)> = tx.query(sql, params! { runner: runner.to_string() })?;
    Ok(rows.into_iter().map(|(id, token)| Claim { id, runner: Arc::clone(runner), token }).collect())
}

/// Stores how far a job has come; whether the claim still stood.
pub(crate) fn progress(tx: &mut Tx<'_>, claim: &Claim, part: f64, note: &str) -> Result<bool> {
    let sql = "update job_queue set progress = :part, progress_note = :note \
         where id = :id and claim = :claim and claimed_by = :runner";
    let values = params! { part, note, id: claim.id, claim: claim.token, runner: claim.runner.to_string() };
    Ok(tx.execute(sql, values)? > 0)
}

/// Makes due what was to be run at once, or soon again, by a clock that was ahead and was set back. What waits for a
/// moment that somebody chose waits for it.
pub(crate) fn mend_times(tx: &mut Tx<'_>, now: i64) -> Result<u64> {
    tx.execute(
        "update job_queue set run_at = :now where status = 'pending' and run_at > :now
         and ((attempts = 0 and created_at > :now and run_at - created_at < 1000) or (attempts > 0 and started_at > :now))",
        params! { now },
    )
}
