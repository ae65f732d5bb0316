//! One run of a job: its own task, its deadline, and what it came to.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::context::{Run, Told};
use crate::error::{JobError, JobResult, Then};
use crate::jobs::Jobs;
use crate::registry::Registry;
use crate::row::Status;
use crate::store::{Claim, Claimed, Ending, Fate};

/// The longest text of an error that is stored.
const LONGEST_ERROR: usize = 4 << 10;

/// Runs a job to its end. `None` when it wrote by itself how it ended.
pub(super) async fn attempt(
    jobs: Jobs,
    registry: Arc<Registry>,
    claimed: Claimed,
    told: watch::Receiver<Told>,
) -> (Claim, Option<Ending>) {
    let claim = claimed.claim.clone();
    let Some(known) = registry.get(&claimed.job_type) else {
        let why = format!("no job `{}` is registered in this program", claimed.job_type);
        return (claim, Some(failed(&jobs, &claimed, crate::job::backoff, JobError::new(why))));
    };
    let deadline = Instant::now() + known.deadline;
    let finished = Arc::new(AtomicBool::default());
    let run = Run {
        jobs: jobs.clone(),
        claim: claim.clone(),
        attempt: claimed.attempt,
        max_attempts: claimed.max_attempts,
        deadline,
        told,
        finished: Arc::clone(&finished),
    };
    let work = AssertUnwindSafe(async { (known.run)(&claimed.payload, run).await }).catch_unwind();
    let result: JobResult = match timeout_at(deadline, work).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(JobError::new(format!("it panicked: {}", said(&*panic)))),
        Err(_) => Err(JobError::new(format!("it was not done within {:?}", known.deadline))),
    };
    if finished.load(Ordering::Acquire) {
        return (claim, None);
    }
    let ending = match result {
        Ok(()) => Ending::done(!jobs.options().keep_done.is_zero()),
        Err(error) => failed(&jobs, &claimed, known.backoff, error),
    };
    (claim, Some(ending))
}

/// What becomes of a job that failed.
fn failed(
    jobs: &Jobs,
    claimed: &Claimed,
    backoff: fn(u32) -> std::time::Duration,
    mut error: JobError,
) -> Ending {
    error.message.truncate(error.message.floor_char_boundary(LONGEST_ERROR));
    let wait = match error.then {
        Then::Retry => Some(backoff(claimed.attempt).mul_f64(0.75 + fastrand::f64() / 2.0)),
        Then::RetryIn(time) => Some(time),
        Then::GiveUp => None,
    };
    let then = match wait {
        Some(wait) if claimed.attempt < claimed.max_attempts => {
            let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
            Fate::Again(jobs.now().saturating_add(wait))
        }
        _ => Fate::Over(Status::Dead),
    };
    tracing::warn!(id = claimed.claim.id, job = %claimed.job_type, attempt = claimed.attempt, error = %error.message, "a job failed");
    Ending { then, error: Some(error.message) }
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("nothing")
}
