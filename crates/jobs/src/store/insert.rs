//! New rows.

use ketch_db::{Error, Params, Result, Tx, params};

use super::New;
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

/// Inserts many.
pub(crate) fn insert_all(tx: &mut Tx<'_>, all: &[New]) -> Result<Vec<Enqueued>> {
    all.iter().map(|new| insert(tx, new)).collect()
}
