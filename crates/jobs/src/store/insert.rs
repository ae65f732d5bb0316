//! A new row.

use ketch_db::{Error, Result, Tx, params};

use crate::enqueue::{Enqueue, Enqueued};
use crate::job::Job;

/// What is stored of a job that is new.
#[derive(Clone, Debug)]
pub(crate) struct New {
    pub(crate) job_type: String,
    pub(crate) payload: String,
    pub(crate) queue: String,
    pub(crate) priority: u8,
    pub(crate) run_at: i64,
    pub(crate) created_at: i64,
    pub(crate) max_attempts: u32,
    pub(crate) unique_key: Option<String>,
    pub(crate) schedule: Option<String>,
    pub(crate) slot: Option<i64>,
}

impl New {
    pub(crate) fn of<J: Job>(job: &Enqueue<'_, J>, run_at: i64, created_at: i64) -> Result<Self> {
        let payload = serde_json::to_string(job.job).map_err(|error| {
            Error::Check(format!("the job `{}` cannot be stored as JSON: {error}", J::TYPE))
        })?;
        Ok(Self {
            job_type: J::TYPE.to_owned(),
            payload,
            queue: job.queue.clone().unwrap_or_else(|| J::QUEUE.to_owned()),
            priority: job.priority.unwrap_or(J::PRIORITY),
            run_at,
            created_at,
            max_attempts: job.max_attempts.unwrap_or(J::MAX_ATTEMPTS),
            unique_key: job.unique.clone(),
            schedule: None,
            slot: None,
        })
    }
}

const INSERT: &str = "insert into job_queue (job_type, payload, queue, priority, run_at, created_at, max_attempts, unique_key, schedule, slot)
     values (:job_type, :payload, :queue, :priority, :run_at, :created_at, :max_attempts, :unique_key, :schedule, :slot)
     on conflict (job_type, unique_key) where unique_key is not null and status in ('pending', 'running') do nothing
     returning id";

const ALREADY: &str = "select id from job_queue
     where job_type = :job_type and unique_key = :unique_key and status in ('pending', 'running')";

/// Inserts it, unless its unique key is taken.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &New) -> Result<Enqueued> {
    let fresh: Option<i64> = tx.query_opt(
        INSERT,
        params! {
            job_type: new.job_type.clone(), payload: new.payload.clone(), queue: new.queue.clone(),
            priority: new.priority, run_at: new.run_at, created_at: new.created_at, max_attempts: new.max_attempts,
            unique_key: new.unique_key.clone(), schedule: new.schedule.clone(), slot: new.slot,
        },
    )?;
    match fresh {
        Some(id) => Ok(Enqueued::New(id)),
        None => tx
            .query_one(
                ALREADY,
                params! { job_type: new.job_type.clone(), unique_key: new.unique_key.clone() },
            )
            .map(Enqueued::Already),
    }
}
