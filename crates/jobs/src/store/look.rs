//! Looking at one job.

use jiff::Timestamp;
use ketch_db::{Db, Dialect, Error, Result, params};
use serde::Deserialize;
use serde_json::Value;

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
    let text = |text: Option<Foreign>| text.map(Foreign::shown);
    Ok(JobRow {
        id: row.id,
        job_type: row.job_type.shown(),
        payload: payload(row.payload.shown()),
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

/// How deep a payload is shown: a reader of JSON that takes 128 levels takes a page of jobs too.
const DEEPEST: usize = 100;

/// What is no JSON, or is deeper than whoever is shown it can read, is shown as text.
fn payload(text: String) -> Value {
    match serde_json::from_str(&text) {
        Ok(value) if is_shallow(&value, DEEPEST) => value,
        _ => Value::String(text),
    }
}

fn is_shallow(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(|it| is_shallow(it, levels - 1)),
        Value::Object(members) => levels > 0 && members.values().all(|it| is_shallow(it, levels - 1)),
        _ => true,
    }
}

/// Milliseconds as RFC 3339.
fn time(millis: i64) -> String {
    match Timestamp::from_millisecond(millis) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => millis.to_string(),
    }
}
