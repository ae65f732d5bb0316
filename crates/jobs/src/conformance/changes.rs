//! What people do to a job: cancel it, retry it, run it now. Each is refused with the reason when it cannot be.

use std::time::Duration;

use futures_util::future::join;
use ketch_db::params;

use super::case::{Case, case};
use super::check::{Checked, fails, holds, same};
use super::setting::{Setting, failed, over, say};
use crate::refusal::Error;
use crate::row::Status;
use crate::store::{self, Fate};

pub(super) const CASES: &[Case] = &[
    case!("changes", a_job_that_waits_is_cancelled_at_once),
    case!("changes", a_job_that_runs_is_asked_to_end),
    case!("changes", a_job_that_ended_is_not_cancelled),
    case!("changes", a_job_that_ended_is_retried),
    case!("changes", one_without_attempts_left_gets_one_more),
    case!("changes", a_job_that_runs_is_not_retried),
    case!("changes", a_job_that_waits_is_due_now),
    case!("changes", what_is_due_keeps_its_turn),
    case!("changes", a_job_that_is_not_there_is_not_found),
    case!("changes", a_cancel_and_a_claim_at_the_same_time_agree),
];

async fn a_job_that_waits_is_cancelled_at_once(setting: Setting) -> Checked {
    let id = setting.say("a").await?;
    let row = setting.jobs.cancel(id).await?;
    same("how it stands", &(row.status, row.finished_at.is_some()), &(Status::Cancelled, true))?;
    same("the row", &setting.row(id).await?, &row)?;
    let runner = setting.runner("a-0").await?;
    same("claimed", &setting.claim(&runner, 10).await?.len(), &0)
}

async fn a_job_that_runs_is_asked_to_end(setting: Setting) -> Checked {
    let (runner, other) = (setting.runner("a-0").await?, setting.runner("b-0").await?);
    let id = setting.say("a").await?;
    let mut told = setting.jobs.cancels();
    let claim = setting.claim_one(&runner).await?.claim;
    let row = setting.jobs.cancel(id).await?;
    same("how it stands", &(row.status, row.cancel_requested), &(Status::Running, true))?;
    same("its process is told", &told.try_recv().ok(), &Some(id))?;
    same("the table says so", &asked(&setting, &runner).await?, &vec![(id, 1)])?;
    same("to whom it runs", &asked(&setting, &other).await?, &vec![])?;
    same("again", &setting.jobs.cancel(id).await?.cancel_requested, &true)?;
    setting.settle(vec![(claim, over(Status::Cancelled))]).await?;
    same("the end", &setting.status(id).await?, &Status::Cancelled)
}

async fn ended(setting: &Setting, status: Status) -> Result<i64, super::check::Failure> {
    let runner = setting.runner(&format!("{status}-0")).await?;
    let id = setting.say("a").await?;
    let claim = setting.claim_one(&runner).await?.claim;
    setting.settle(vec![(claim, failed(Fate::Over(status), "so it was"))]).await?;
    Ok(id)
}

async fn a_job_that_ended_is_not_cancelled(setting: Setting) -> Checked {
    for status in [Status::Done, Status::Dead, Status::Cancelled] {
        let id = ended(&setting, status).await?;
        let before = setting.row(id).await?;
        let refused = fails!("a cancel", setting.jobs.cancel(id).await, Error::NotNow { .. })?;
        holds("it says how the job stands", refused.to_string().contains(status.name()))?;
        same("the row", &setting.row(id).await?, &before)?;
    }
    Ok(())
}

async fn a_job_that_ended_is_retried(setting: Setting) -> Checked {
    for status in [Status::Done, Status::Dead, Status::Cancelled] {
        let id = ended(&setting, status).await?;
        setting.clock.advance(Duration::from_secs(60));
        let row = setting.jobs.retry(id).await?;
        let stands = (row.status, row.attempts, row.max_attempts, row.finished_at.as_deref());
        same("how it stands", &stands, &(Status::Pending, 1, 20, None))?;
        holds("it says why it failed last", row.last_error.as_deref() == Some("so it was"))?;
        let runner = setting.runner(&format!("again-{status}")).await?;
        let claimed = setting.claim_one(&runner).await?;
        same("claimed", &(claimed.claim.id, claimed.attempt), &(id, 2))?;
        setting.done(&claimed.claim).await?;
    }
    Ok(())
}

async fn one_without_attempts_left_gets_one_more(setting: Setting) -> Checked {
    let runner = setting.runner("a-0").await?;
    let id = setting.jobs.add_raw(say("a").max_attempts(1)).await?.id();
    for attempt in 1..4_u32 {
        let claimed = setting.claim_one(&runner).await?;
        same("attempts", &(claimed.attempt, claimed.max_attempts), &(attempt, attempt))?;
        setting.settle(vec![(claimed.claim, failed(Fate::Over(Status::Dead), "no"))]).await?;
        setting.jobs.retry(id).await?;
    }
    Ok(())
}

async fn a_job_that_runs_is_not_retried(setting: Setting) -> Checked {
    let runner = setting.runner("a-0").await?;
    let id = setting.say("a").await?;
    let claim = setting.claim_one(&runner).await?.claim;
    fails!("a retry", setting.jobs.retry(id).await, Error::NotNow { status: Status::Running, .. })?;
    fails!("a run", setting.jobs.run_now(id).await, Error::NotNow { status: Status::Running, .. })?;
    holds("its claim stands", setting.done(&claim).await?)?;
    fails!("a run", setting.jobs.run_now(id).await, Error::NotNow { status: Status::Done, .. })?;
    Ok(())
}

async fn a_job_that_waits_is_due_now(setting: Setting) -> Checked {
    let runner = setting.runner("a-0").await?;
    for retry in [false, true] {
        let id = setting.jobs.add_raw(say("a").delay(Duration::from_hours(1))).await?.id();
        same("before", &setting.claim(&runner, 10).await?.len(), &0)?;
        let row = if retry { setting.jobs.retry(id).await? } else { setting.jobs.run_now(id).await? };
        same("when it is due", &row.run_at, &row.created_at)?;
        let claimed = setting.claim_one(&runner).await?;
        same("claimed", &(claimed.claim.id, claimed.max_attempts), &(id, 20))?;
    }
    Ok(())
}

async fn what_is_due_keeps_its_turn(setting: Setting) -> Checked {
    let id = setting.say("a").await?;
    let due = setting.row(id).await?.run_at;
    setting.clock.advance(Duration::from_secs(60));
    same("after a run", &setting.jobs.run_now(id).await?.run_at, &due)?;
    same("after a retry", &setting.jobs.retry(id).await?.run_at, &due)
}

async fn a_job_that_is_not_there_is_not_found(setting: Setting) -> Checked {
    let jobs = &setting.jobs;
    for result in [jobs.cancel(7).await, jobs.retry(7).await, jobs.run_now(7).await] {
        fails!("a change", result, Error::NoJob(7))?;
    }
    same("a look", &jobs.get(7).await?, &None)
}

/// Whichever comes first: a job that runs was asked to end, or it is cancelled and does not run.
async fn a_cancel_and_a_claim_at_the_same_time_agree(setting: Setting) -> Checked {
    let runner = setting.runner("a-0").await?;
    for _ in 0..50 {
        let id = setting.say("a").await?;
        let (row, claimed) = join(setting.jobs.cancel(id), setting.claim(&runner, 1)).await;
        let (row, claimed) = (row?, claimed?);
        let now = setting.row(id).await?;
        match (row.status, claimed.len()) {
            (Status::Cancelled, 0) => same("it ended", &now.status, &Status::Cancelled)?,
            (Status::Running, 1) => {
                same("it is asked to end", &(now.status, now.cancel_requested), &(Status::Running, true))?;
            }
            other => return Err(super::check::Failure::new(format!("they do not agree: {other:?}"))),
        }
    }
    let lost = "select count(*) from job_queue where status = 'running' and cancel_requested = 0";
    same("lost cancels", &setting.count(lost, params! {}).await?, &0)
}

/// What a runner has, and whether its end was asked for.
async fn asked(setting: &Setting, runner: &str) -> ketch_db::Result<Vec<(i64, i64)>> {
    let held = store::held(&setting.db, runner).await?;
    Ok(held.into_iter().map(|held| (held.id, held.cancel_requested)).collect())
}
