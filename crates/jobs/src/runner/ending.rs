//! What becomes of a job whose run came to an end.

use std::panic::catch_unwind;
use std::time::Duration;

use super::attempt::Came;
use super::slots::{Slot, Why};
use crate::context::Told;
use crate::error::{JobError, Then, clean};
use crate::jobs::Jobs;
use crate::row::Status;
use crate::stats::Outcome;
use crate::store::{Ending, Fate};

/// The longest text of an error that is stored, in bytes.
const LONGEST_ERROR: usize = 4 << 10;
/// The longest wait before another attempt.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
/// What is stored of a job that was cancelled as it ran.
pub(super) const CANCELLED: &str = "cancelled while it ran";

/// What a runner knows of a run that failed.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) id: i64,
    pub(super) job_type: String,
    pub(super) number: u32,
    pub(super) most: u32,
    pub(super) backoff: fn(u32) -> Duration,
}

/// How a run ended: what is to be written, unless the job wrote it or has lost its claim, and how it is counted.
pub(super) fn ending(jobs: &Jobs, slot: &Slot, came: Came) -> (Option<Ending>, Option<Outcome>) {
    let attempt = &slot.attempt;
    if let Came::Panicked(_) = came {
        jobs.counters().panicked(&attempt.job_type);
    }
    if slot.says.is_finished() {
        after_finish(attempt, &came);
        return (None, Some(Outcome::Done));
    }
    if slot.why == Some(Why::Lost) {
        return (None, None);
    }
    // A job that was told to stop and fails has lost nothing but time; a panic is no answer to that.
    let stopped = slot.told() == Told::Stop && !matches!(came, Came::Panicked(_));
    let error = match came {
        Came::Ended(Ok(())) => {
            let done = Ending::done(!jobs.options().keep_done.is_zero());
            return (Some(done), Some(Outcome::Done));
        }
        Came::Dropped if slot.why.is_none() => return back(),
        Came::Dropped => None,
        Came::Ended(Err(error)) => Some(error),
        Came::Panicked(said) => Some(JobError::new(format!("it panicked: {said}"))),
    };
    if slot.why == Some(Why::Deadline) {
        jobs.counters().timed_out(&attempt.job_type);
    }
    match (slot.why, error) {
        (Some(Why::Cancelled), _) => cancelled(attempt),
        (Some(Why::Deadline), error) => failed(jobs, attempt, past(slot.deadline, error)),
        (_, Some(error)) if stopped && error.then == Then::Retry => back(),
        (_, error) => failed(jobs, attempt, error.unwrap_or_else(|| JobError::new("it was dropped"))),
    }
}

/// It has to stop: the attempt does not count.
pub(super) fn back() -> (Option<Ending>, Option<Outcome>) {
    (Some(Ending { then: Fate::Back, error: None }), Some(Outcome::GivenBack))
}

fn cancelled(attempt: &Attempt) -> (Option<Ending>, Option<Outcome>) {
    tracing::info!(id = attempt.id, job = %attempt.job_type, "a job was cancelled as it ran");
    let ending = Ending { then: Fate::Over(Status::Cancelled), error: Some(CANCELLED.to_owned()) };
    (Some(ending), Some(Outcome::Cancelled))
}

/// The error of a run that was past its deadline, whatever it said of it.
fn past(deadline: Duration, error: Option<JobError>) -> JobError {
    let why = format!("it was not done within {deadline:?}");
    match error {
        Some(error) => JobError { message: format!("{why}: {}", error.message), ..error },
        None => JobError::new(why),
    }
}

/// What becomes of a job that failed.
pub(super) fn failed(jobs: &Jobs, attempt: &Attempt, error: JobError) -> (Option<Ending>, Option<Outcome>) {
    let message = clean(error.message, LONGEST_ERROR);
    let wait = match error.then {
        Then::Retry => Some(jittered(backoff(attempt))),
        Then::RetryIn(time) => Some(time.min(LONGEST_WAIT)),
        Then::GiveUp => None,
    };
    let wait = wait.filter(|_| attempt.number < attempt.most);
    let (id, job, number, most) = (attempt.id, &attempt.job_type, attempt.number, attempt.most);
    let logged = error.logged.unwrap_or(&message);
    let (then, outcome) = match wait {
        Some(wait) => {
            tracing::warn!(
                id,
                job,
                attempt = number,
                ?wait,
                error = logged,
                "a job failed and is tried again"
            );
            let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
            (Fate::Again(jobs.now().saturating_add(wait)), Outcome::Retried)
        }
        None => {
            tracing::error!(id, job, attempt = number, most, error = logged, "a job failed and is dead");
            (Fate::Over(Status::Dead), Outcome::Dead)
        }
    };
    (Some(Ending { then, error: Some(message) }), Some(outcome))
}

/// A quarter more or less, so that what failed together does not come back together.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(0.75 + fastrand::f64() / 2.0)
}

/// What the job's type says, if it says something.
fn backoff(attempt: &Attempt) -> Duration {
    let (says, number) = (attempt.backoff, attempt.number);
    let said = catch_unwind(|| says(number));
    said.unwrap_or_else(|_| crate::job::backoff(number)).min(LONGEST_WAIT)
}

/// What comes after `finish` only goes to the log.
fn after_finish(attempt: &Attempt, came: &Came) {
    let (id, job) = (attempt.id, &attempt.job_type);
    match came {
        Came::Ended(Ok(())) => {}
        Came::Ended(Err(error)) => {
            let error =
                error.logged.map_or_else(|| clean(error.message.clone(), LONGEST_ERROR), str::to_owned);
            tracing::warn!(id, job, error, "a job failed after it had finished: it is done");
        }
        Came::Panicked(said) => {
            let said = clean(said.clone(), LONGEST_ERROR);
            tracing::warn!(id, job, said, "a job panicked after it had finished: it is done");
        }
        Came::Dropped => {
            tracing::warn!(id, job, "a job went on after it had finished, and was dropped: it is done")
        }
    }
}
