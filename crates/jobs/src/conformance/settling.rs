//! What becomes of a job when a run of it has ended.

use ketch_db::params;

use super::case::{Case, case};
use super::check::{Checked, Failure, holds, same};
use super::setting::{Setting, failed, over, say};
use crate::row::{JobRow, Status};
use crate::store::{Claim, Ending, Fate};

pub(super) const CASES: &[Case] = &[
    case!("settling", each_ending_by_itself),
    case!("settling", all_endings_at_once),
    case!("settling", one_that_is_lost_harms_no_other),
    case!("settling", whose_end_was_asked_for_is_cancelled_unless_it_is_done),
    case!("settling", any_text_of_an_error_is_stored),
];

/// Six jobs that run, in the order of [`Setting::endings`].
async fn six(setting: &Setting) -> Result<Vec<Claim>, Failure> {
    let runner = setting.runner("a-0").await?;
    for n in 0..6 {
        setting.say(&n.to_string()).await?;
    }
    Ok(setting.claim(&runner, 6).await?.into_iter().map(|one| one.claim).collect())
}

fn endings(setting: &Setting) -> Vec<Ending> {
    vec![
        over(Status::Done),
        failed(Fate::Over(Status::Dead), "it broke"),
        failed(Fate::Over(Status::Cancelled), "nobody wants it"),
        failed(Fate::Again(setting.jobs.now() + 60_000), "not yet"),
        Ending { then: Fate::Back, error: None },
        Ending { then: Fate::Gone, error: None },
    ]
}

async fn as_it_should_be(setting: &Setting, claims: &[Claim], due: &str) -> Checked {
    let mut rows: Vec<Option<JobRow>> = Vec::new();
    for claim in claims {
        rows.push(setting.jobs.get(claim.id).await?);
    }
    same("whether the row stays", &rows.pop().map(|row| row.is_some()), &Some(false))?;
    let rows: Vec<JobRow> = rows.into_iter().flatten().collect();
    same("rows", &rows.len(), &5)?;
    let stands: Vec<_> = rows.iter().map(|row| (row.status, row.attempts)).collect();
    let expected = [
        (Status::Done, 1),
        (Status::Dead, 1),
        (Status::Cancelled, 1),
        (Status::Pending, 1),
        // This attempt does not count.
        (Status::Pending, 0),
    ];
    same("how they stand", &stands, &expected.to_vec())?;
    let errors: Vec<_> = rows.iter().map(|row| row.last_error.as_deref()).collect();
    let expected = [None, Some("it broke"), Some("nobody wants it"), Some("not yet"), None];
    same("what is said of them", &errors, &expected.to_vec())?;
    let ended: Vec<_> = rows.iter().map(|row| row.finished_at.is_some()).collect();
    same("whether they ended", &ended, &vec![true, true, true, false, false])?;
    same("when it is tried again", &rows[3].run_at.as_str(), &due)?;
    same("which is due as before", &rows[4].run_at, &rows[4].created_at)?;
    holds("nobody has them", rows.iter().all(|row| row.claimed_by.is_none()))
}

async fn each_ending_by_itself(setting: Setting) -> Checked {
    let claims = six(&setting).await?;
    for (claim, ending) in claims.iter().zip(endings(&setting)) {
        same("lost", &setting.settle(vec![(claim.clone(), ending)]).await?, &0)?;
    }
    as_it_should_be(&setting, &claims, &in_a_minute(&setting).await?).await
}

async fn all_endings_at_once(setting: Setting) -> Checked {
    let claims = six(&setting).await?;
    let all = claims.iter().cloned().zip(endings(&setting)).collect();
    same("lost", &setting.settle(all).await?, &0)?;
    as_it_should_be(&setting, &claims, &in_a_minute(&setting).await?).await
}

/// The moment, as rows show it.
async fn in_a_minute(setting: &Setting) -> Result<String, Failure> {
    let id = setting.jobs.add_raw(say("x").delay(std::time::Duration::from_mins(1))).await?.id();
    Ok(setting.row(id).await?.run_at)
}

async fn one_that_is_lost_harms_no_other(setting: Setting) -> Checked {
    let claims = six(&setting).await?;
    let mut all: Vec<_> = claims.iter().cloned().map(|claim| (claim, over(Status::Done))).collect();
    all[2].0.token -= 1;
    all[4].0.id += 1_000;
    same("lost", &setting.settle(all).await?, &2)?;
    let done = "select count(*) from job_queue where status = 'done'";
    same("done", &setting.count(done, params! {}).await?, &4)
}

async fn whose_end_was_asked_for_is_cancelled_unless_it_is_done(setting: Setting) -> Checked {
    for together in [1, 6] {
        let claims = six(&setting).await?;
        for claim in &claims {
            let row = setting.jobs.cancel(claim.id).await?;
            same("it still runs", &(row.status, row.cancel_requested), &(Status::Running, true))?;
        }
        let all: Vec<_> = claims.iter().cloned().zip(endings(&setting)).collect();
        for some in all.chunks(together) {
            same("lost", &setting.settle(some.to_vec()).await?, &0)?;
        }
        let mut stands = Vec::new();
        for claim in &claims[..5] {
            let row = setting.row(claim.id).await?;
            holds("it ended", row.finished_at.is_some() && row.claimed_by.is_none())?;
            stands.push(row.status);
        }
        let mut expected = vec![Status::Cancelled; 5];
        expected[0] = Status::Done;
        same("how they stand", &stands, &expected)?;
    }
    Ok(())
}

async fn any_text_of_an_error_is_stored(setting: Setting) -> Checked {
    for together in [1, 6] {
        let claims = six(&setting).await?;
        let odd = failed(Fate::Over(Status::Dead), "a\0b '\"\\ \u{1F6A2} \\u0000 {}");
        let all: Vec<_> = claims.iter().map(|claim| (claim.clone(), odd.clone())).collect();
        for some in all.chunks(together) {
            same("lost", &setting.settle(some.to_vec()).await?, &0)?;
        }
        for claim in claims {
            let error = setting.row(claim.id).await?.last_error;
            same("the error", &error.as_deref(), &Some("a\u{FFFD}b '\"\\ \u{1F6A2} \\u0000 {}"))?;
        }
    }
    Ok(())
}
