//! Looking at one job.

use jiff::Timestamp;
use ketch_db::{Db, Dialect, Error, Result, params};
use serde::Deserialize;

use super::claim::count;
use super::foreign::{self, Foreign};
use crate::row::JobRow;

#[derive(Deserialize)]
pub(super) struct Stored {
    id: i64,
    job_type: Foreign,
    payload: Foreign,
    queue: Foreign,
    priority: u8,
    status: String,
    run_at: i64,
    unique_key: Option<Foreign>,
    attempts: i64,
    max_attempts: i64,
    created_at: i64,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    claimed_by: Option<Foreign>,
    cancel_requested: i64,
    progress: Option<f64>,
    progress_note: Option<Foreign>,
    last_error: Option<Foreign>,
    schedule: Option<Foreign>,
    slot: Option<i64>,
}

/// The columns of [`Stored`].
pub(super) fn columns(dialect: Dialect) -> String {
    let texts = "job_type, payload, queue, unique_key, claimed_by, progress_note, last_error, schedule";
    let texts = foreign::columns(dialect, texts);
    format!(
        "id, priority, status, run_at, attempts, max_attempts, created_at, started_at, finished_at, \
         cancel_requested, progress, slot, {texts}"
    )
}

pub(crate) async fn get(db: &Db, id: i64) -> Result<Option<JobRow>> {
    let columns = columns(db.dialect()?);
    let sql = format!("select {columns} from job_queue where id = :id");
    let stored: Option<Stored> = db.query_opt(sql, params! { id }).await?;
    stored.map(shown).transpose()
}

pub(super) fn shown(row: Stored) -> Result<JobRow> {
    let (payload, text) = (row.payload.shown(), |text: Option<Foreign>| text.map(Foreign::shown));
    Ok(JobRow {
        id: row.id,
        job_type: row.job_type.shown(),
        // What is no JSON is shown as text.
        payload: serde_json::from_str(&payload).unwrap_or(serde_json::Value::String(payload)),
        queue: row.queue.shown(),
        priority: row.priority,
        status: row.status.parse().map_err(Error::Row)?,
        run_at: time(row.run_at),
        unique_key: text(row.unique_key),
        attempts: count(row.attempts),
        max_attempts: count(row.max_attempts),
        created_at: time(row.created_at),
        started_at: row.started_at.map(time),
        finished_at: row.finished_at.map(time),
        claimed_by: text(row.claimed_by),
        cancel_requested: row.cancel_requested != 0,
        progress: row.progress,
        progress_note: text(row.progress_note),
        last_error: text(row.last_error),
        schedule: text(row.schedule),
        slot: row.slot.map(time),
    })
}

/// Milliseconds as RFC 3339.
fn time(millis: i64) -> String {
    match Timestamp::from_millisecond(millis) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => millis.to_string(),
    }
}
