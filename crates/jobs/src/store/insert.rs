//! New rows.

use ketch_db::{Dialect, Error, Params, Result, Tx, params};
use serde::Serialize;

use super::New;
use super::settle::json;
use crate::enqueue::Enqueued;

const INSERT: &str = "insert into job_queue (job_type, payload, queue, priority, run_at, created_at, max_attempts, unique_key, schedule, slot)
     values (:job_type, :payload, :queue, :priority, :run_at, :created_at, :max_attempts, :unique_key, :schedule, :slot)
     on conflict (job_type, unique_key) where unique_key is not null and status in ('pending', 'running') do nothing
     returning id";

const ALREADY: &str = "select id from job_queue
     where job_type = :job_type and unique_key = :unique_key and status in ('pending', 'running')";

/// How often an insert is tried whose unique key is taken, and free again before the one that has it is found. That
/// takes a transaction that is not serializable.
const TRIES: usize = 3;

/// Inserts it, unless its unique key is taken.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &New) -> Result<Enqueued> {
    for _ in 0..TRIES {
        if let Some(id) = tx.query_opt(INSERT, row(new))? {
            return Ok(Enqueued::New(id));
        }
        let key = params! { job_type: new.job_type.clone(), unique_key: new.unique_key.clone() };
        if let Some(id) = tx.query_opt(ALREADY, key)? {
            return Ok(Enqueued::Already(id));
        }
    }
    Err(Error::Conflict)
}

fn row(new: &New) -> Params {
    params! {
        job_type: new.job_type.clone(), payload: new.payload.clone(), queue: new.queue.clone(),
        priority: new.priority, run_at: new.run_at, created_at: new.created_at, max_attempts: new.max_attempts,
        unique_key: new.unique_key.clone(), schedule: new.schedule.clone(), slot: new.slot,
    }
}

/// As many rows as one statement inserts.
const CHUNK: usize = 1_000;

const MANY: &str = "insert into job_queue (job_type, payload, queue, priority, run_at, created_at, max_attempts, schedule, slot)
     select job_type, payload, queue, priority, run_at, created_at, max_attempts, schedule, slot
     from json_to_recordset(:rows::json) as r (at integer, job_type text, payload text, queue text, priority integer,
       run_at bigint, created_at bigint, max_attempts integer, schedule text, slot bigint)
     order by at
     returning id";

/// A row as PostgreSQL takes many of them.
#[derive(Serialize)]
struct Line<'n> {
    at: usize,
    job_type: &'n str,
    payload: &'n str,
    queue: &'n str,
    priority: u8,
    run_at: i64,
    created_at: i64,
    max_attempts: u32,
    schedule: Option<&'n str>,
    slot: Option<i64>,
}

/// Inserts many; what came of each, in their order. With PostgreSQL those that have no unique key share statements; with
/// SQLite a statement costs next to nothing.
pub(crate) fn insert_all(tx: &mut Tx<'_>, all: &[New]) -> Result<Vec<Enqueued>> {
    if tx.dialect() == Dialect::Sqlite {
        return all.iter().map(|new| insert(tx, new)).collect();
    }
    let mut enqueued = Vec::with_capacity(all.len());
    for same in all.chunk_by(|one, other| one.unique_key.is_none() && other.unique_key.is_none()) {
        for chunk in same.chunks(CHUNK) {
            match chunk {
                [one] => enqueued.push(insert(tx, one)?),
                many => enqueued.extend(insert_many(tx, many)?),
            }
        }
    }
    Ok(enqueued)
}

fn insert_many(tx: &mut Tx<'_>, many: &[New]) -> Result<Vec<Enqueued>> {
    let lines = many.iter().enumerate().map(|(at, new)| Line {
        at,
        job_type: &new.job_type,
        payload: &new.payload,
        queue: &new.queue,
        priority: new.priority,
        run_at: new.run_at,
        created_at: new.created_at,
        max_attempts: new.max_attempts,
        schedule: new.schedule.as_deref(),
        slot: new.slot,
    });
    let lines: Vec<Line<'_>> = lines.collect();
    let mut ids: Vec<i64> = tx.query(MANY, params! { rows: json(&lines)? })?;
    // They were given in the order of the rows.
    ids.sort_unstable();
    if ids.len() != many.len() {
        let why =
            format!("{} rows were inserted of {}: a rule or trigger of the table?", ids.len(), many.len());
        return Err(Error::Engine(why));
    }
    Ok(ids.into_iter().map(Enqueued::New).collect())
}
