//! How runs end: only whoever has the claim may say so.

use ketch_db::{Dialect, Error, Result, Tx, params};
use serde::Serialize;

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

/// Whose job somebody cancelled while it ran is not tried again, nor is it dead.
const OVER: &str = "update job_queue set \
     status = case when cancel_requested = 1 and :status <> 'done' then 'cancelled' else :status end, \
     finished_at = :now, claimed_by = null, last_error = :error \
     where id = :id and claim = :claim and claimed_by = :runner";
const GONE: &str = "delete from job_queue where id = :id and claim = :claim and claimed_by = :runner";
const AGAIN: &str = "update job_queue set claimed_by = null, \
     status = case when cancel_requested = 1 then 'cancelled' else 'pending' end, \
     run_at = case when cancel_requested = 1 then run_at else cast(:run_at as bigint) end, \
     finished_at = case when cancel_requested = 1 then cast(:now as bigint) end, \
     last_error = case when cancel_requested = 1 then 'cancelled while it ran' else :error end \
     where id = :id and claim = :claim and claimed_by = :runner";
const BACK: &str = "update job_queue set claimed_by = null, \
     attempts = case when attempts > 0 then attempts - 1 else 0 end, \
     status = case when cancel_requested = 1 then 'cancelled' else 'pending' end, \
     finished_at = case when cancel_requested = 1 then cast(:now as bigint) end, \
     last_error = case when cancel_requested = 1 then 'cancelled while it ran' else last_error end \
     where id = :id and claim = :claim and claimed_by = :runner";

/// All of them but `GONE`, for many at a time.
const MANY: &str = "update job_queue as q set \
     status = case when q.cancel_requested = 1 and r.status <> 'done' then 'cancelled' else r.status end, \
     run_at = case when q.cancel_requested = 1 then q.run_at else coalesce(r.run_at, q.run_at) end, \
     finished_at = case when r.status <> 'pending' or q.cancel_requested = 1 then cast(:now as bigint) end, claimed_by = null, \
     last_error = case when q.cancel_requested = 1 and r.status = 'pending' then 'cancelled while it ran' \
                       when r.back = 1 then q.last_error else r.error end, \
     attempts = case when q.attempts > 0 then q.attempts - r.back else 0 end \
     from json_to_recordset(:rows::json) \
     as r (id bigint, claim bigint, runner text, status text, run_at bigint, error text, back integer) \
     where q.id = r.id and q.claim = r.claim and q.claimed_by = r.runner";
const MANY_GONE: &str = "delete from job_queue as q using json_to_recordset(:rows::json) \
     as r (id bigint, claim bigint, runner text) \
     where q.id = r.id and q.claim = r.claim and q.claimed_by = r.runner";

/// Writes how one run ended; whether the claim still stood.
fn one(tx: &mut Tx<'_>, claim: &Claim, ending: &Ending, now: i64) -> Result<bool> {
    let (id, token, runner) = (claim.id, claim.token, claim.runner.to_string());
    let error = ending.error.as_deref().map(storable);
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

/// Writes how runs ended; how many claims did not stand any more. For [`Db::write_read_committed`].
pub(crate) fn settle(tx: &mut Tx<'_>, endings: &[(Claim, Ending)], now: i64) -> Result<usize> {
    if tx.dialect() == Dialect::Postgres && endings.len() > 1 {
        return settle_many(tx, endings, now);
    }
    let mut lost = 0;
    for (claim, ending) in endings {
        lost += usize::from(!one(tx, claim, ending, now)?);
    }
    Ok(lost)
}

/// An ending as PostgreSQL takes many of them.
#[derive(Serialize)]
struct Line<'e> {
    id: i64,
    claim: i64,
    runner: &'e str,
    status: &'static str,
    run_at: Option<i64>,
    error: Option<String>,
    back: u8,
}

/// The same in two statements, however many there are.
fn settle_many(tx: &mut Tx<'_>, endings: &[(Claim, Ending)], now: i64) -> Result<usize> {
    let (mut stay, mut gone) = (Vec::new(), Vec::new());
    for (claim, ending) in endings {
        let error = ending.error.as_deref().map(storable);
        let line = |status, run_at, back| Line {
            id: claim.id,
            claim: claim.token,
            runner: &claim.runner,
            status,
            run_at,
            error,
            back,
        };
        match ending.then {
            Fate::Over(status) => stay.push(line(status.name(), None, 0)),
            Fate::Again(run_at) => stay.push(line("pending", Some(run_at), 0)),
            Fate::Back => stay.push(line("pending", None, 1)),
            Fate::Gone => gone.push(line("done", None, 0)),
        }
    }
    let mut changed = 0;
    if !stay.is_empty() {
        changed += tx.execute(MANY, params! { rows: json(&stay)?, now })?;
    }
    if !gone.is_empty() {
        changed += tx.execute(MANY_GONE, params! { rows: json(&gone)? })?;
    }
    Ok(endings.len().saturating_sub(usize::try_from(changed).unwrap_or(usize::MAX)))
}

/// Rows as one parameter.
pub(super) fn json(rows: &[impl Serialize]) -> Result<String> {
    serde_json::to_string(rows)
        .map_err(|error| Error::Engine(format!("rows cannot be said in JSON: {error}")))
}

/// Text that came from anywhere, as PostgreSQL stores it.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

/// Writes how one run ended, or fails.
pub(crate) fn settle_mine(tx: &mut Tx<'_>, claim: &Claim, ending: &Ending, now: i64) -> Result<(), Lost> {
    if one(tx, claim, ending, now)? { Ok(()) } else { Err(Lost::Claim) }
}
