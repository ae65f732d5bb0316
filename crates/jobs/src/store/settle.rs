//! How runs end: only whoever has the claim may say so.

use ketch_db::{Error, Result, Tx, params};

use super::Claim;
use crate::error::JobError;
use crate::row::Status;

/// How a run ended, and what becomes of the job.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub(crate) then: Fate,
    pub(crate) error: Option<String>,
}

/// What becomes of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is over, and its row stays.
    Over(Status),
    /// It is over, and so is its row.
    Gone,
    /// Another attempt, at this time.
    Again(i64),
    /// It was not really begun, or had to stop: the attempt does not count, and it is due at once.
    Back,
}

impl Ending {
    /// It ended well; whether rows of such jobs are kept.
    pub(crate) fn done(keeps: bool) -> Self {
        Self { then: if keeps { Fate::Over(Status::Done) } else { Fate::Gone }, error: None }
    }
}

/// Why a run could not be settled by itself.
#[derive(Debug)]
pub(crate) enum Lost {
    /// The claim is not this run's any more.
    Claim,
    Database(Error),
}

impl From<Error> for Lost {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<Lost> for JobError {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Claim => Self::new(
                "the job is not this run's any more: it was cancelled, or its runner was taken for dead; nothing was written",
            ),
            Lost::Database(error) => error.into(),
        }
    }
}

const OVER: &str = "update job_queue set status = :status, finished_at = :now, claimed_by = null, last_error = :error \
     where id = :id and claim = :claim and claimed_by = :runner";
const GONE: &str = "delete from job_queue where id = :id and claim = :claim and claimed_by = :runner";
/// What somebody cancelled meanwhile does not come back.
const AGAIN: &str = "update job_queue set claimed_by = null, run_at = :run_at, \
     status = case when cancel_requested = 1 then 'cancelled' else 'pending' end, \
     finished_at = case when cancel_requested = 1 then :now else finished_at end, \
     last_error = case when cancel_requested = 1 then 'cancelled while it ran' else :error end \
     where id = :id and claim = :claim and claimed_by = :runner";
const BACK: &str = "update job_queue set claimed_by = null, attempts = attempts - 1, \
     status = case when cancel_requested = 1 then 'cancelled' else 'pending' end, \
     finished_at = case when cancel_requested = 1 then :now else finished_at end, \
     last_error = case when cancel_requested = 1 then 'cancelled while it ran' else last_error end \
     where id = :id and claim = :claim and claimed_by = :runner";

/// Writes how one run ended; whether the claim still stood.
fn one(tx: &mut Tx<'_>, claim: &Claim, ending: &Ending, now: i64) -> Result<bool> {
    let (id, token, runner) = (claim.id, claim.token, claim.runner.to_string());
    let error = ending.error.clone();
    let changed = match ending.then {
        Fate::Over(status) => {
            tx.execute(OVER, params! { status: status.name(), now, error, id, claim: token, runner })?
        }
        Fate::Gone => tx.execute(GONE, params! { id, claim: token, runner })?,
        Fate::Again(run_at) => tx.execute(AGAIN, params! { run_at, now, error, id, claim: token, runner })?,
        Fate::Back => tx.execute(BACK, params! { now, id, claim: token, runner })?,
    };
    Ok(changed > 0)
}

/// Writes how runs ended; how many claims did not stand any more.
pub(crate) fn settle(tx: &mut Tx<'_>, endings: &[(Claim, Ending)], now: i64) -> Result<usize> {
    let mut lost = 0;
    for (claim, ending) in endings {
        lost += usize::from(!one(tx, claim, ending, now)?);
    }
    Ok(lost)
}

/// Writes how one run ended, or fails.
pub(crate) fn settle_mine(tx: &mut Tx<'_>, claim: &Claim, ending: &Ending, now: i64) -> Result<(), Lost> {
    if one(tx, claim, ending, now)? { Ok(()) } else { Err(Lost::Claim) }
}
