//! What a runner had claimed that is gone is given back, once, and what others have is not.

use ketch_db::{Dialect, params};

use super::case::{Case, case};
use super::check::{Checked, Failure, holds, same};
use super::setting::{Setting, say};
use crate::row::Status;
use crate::store::{self, Released, Seen};

pub(super) const CASES: &[Case] = &[
    case!("recovery", jobs_of_the_gone_are_due_again),
    case!("recovery", jobs_of_the_living_are_not_touched),
    case!("recovery", an_attempt_that_its_process_did_not_survive_counts),
    case!("recovery", whose_end_was_asked_for_is_cancelled),
    case!("recovery", the_gone_may_not_settle_any_more),
    case!("recovery", a_runner_that_beats_is_not_buried),
];

/// Takes the runners of `gone` for dead: on SQLite all but those whose names begin with `here`.
async fn recover(setting: &Setting, gone: &str) -> Result<Released, Failure> {
    let now = setting.jobs.now();
    if setting.db.dialect()? == Dialect::Sqlite {
        let alive = ["here-0".into(), "here-1".into()];
        let work = move |tx: &mut ketch_db::Tx<'_>| store::release_others(tx, &alive, now);
        return Ok(setting.db.write(work).await?);
    }
    let silent: Vec<Seen> = store::observe(&setting.db)
        .await?
        .into_iter()
        .filter(|seen| seen.id.starts_with(&format!("{gone}-")))
        .collect();
    Ok(setting.db.write_read_committed(move |tx| store::bury(tx, &silent, now)).await?)
}

async fn jobs_of_the_gone_are_due_again(setting: Setting) -> Checked {
    let gone = setting.runner("gone-0").await?;
    for word in ["a", "b", "c"] {
        setting.say(word).await?;
    }
    same("claimed", &setting.claim(&gone, 2).await?.len(), &2)?;
    let released = recover(&setting, "gone").await?;
    same("released", &released, &Released { again: 2, dead: 0, cancelled: 0 })?;
    same("released again", &recover(&setting, "gone").await?, &Released::default())?;
    let here = setting.runner("here-0").await?;
    let claimed = setting.claim(&here, 10).await?;
    let attempts: Vec<u32> = claimed.iter().map(|one| one.attempt).collect();
    same("attempts", &attempts, &vec![2, 2, 1])?;
    let error = setting.row(claimed[0].claim.id).await?.last_error;
    holds("it says why", error.is_some_and(|error| error.contains("process ended")))
}

async fn jobs_of_the_living_are_not_touched(setting: Setting) -> Checked {
    let (here, beside) = (setting.runner("here-0").await?, setting.runner("here-1").await?);
    let gone = setting.runner("gone-0").await?;
    setting.say("a").await?;
    let mine = setting.claim_one(&here).await?.claim;
    setting.say("b").await?;
    let other = setting.claim_one(&beside).await?.claim;
    setting.say("c").await?;
    let lost = setting.claim_one(&gone).await?.claim;
    same("released", &recover(&setting, "gone").await?.again, &1)?;
    holds("one stands", setting.done(&mine).await?)?;
    holds("so does the other", setting.done(&other).await?)?;
    same("the third waits", &setting.status(lost.id).await?, &Status::Pending)
}

async fn an_attempt_that_its_process_did_not_survive_counts(setting: Setting) -> Checked {
    let id = setting.jobs.add_raw(say("killer").max_attempts(2)).await?.id();
    for expected in [Released { again: 1, ..Default::default() }, Released { dead: 1, ..Default::default() }]
    {
        let gone = setting.runner("gone-0").await?;
        setting.claim_one(&gone).await?;
        same("released", &recover(&setting, "gone").await?, &expected)?;
    }
    let row = setting.row(id).await?;
    same("how it stands", &(row.status, row.attempts), &(Status::Dead, 2))?;
    holds("it ended", row.finished_at.is_some() && row.claimed_by.is_none())?;
    holds("it says why", row.last_error.is_some_and(|error| error.contains("last attempt")))
}

async fn whose_end_was_asked_for_is_cancelled(setting: Setting) -> Checked {
    let gone = setting.runner("gone-0").await?;
    let id = setting.say("a").await?;
    setting.claim_one(&gone).await?;
    setting.jobs.cancel(id).await?;
    same("released", &recover(&setting, "gone").await?.cancelled, &1)?;
    let row = setting.row(id).await?;
    same("how it stands", &(row.status, row.finished_at.is_some()), &(Status::Cancelled, true))
}

async fn the_gone_may_not_settle_any_more(setting: Setting) -> Checked {
    let gone = setting.runner("gone-0").await?;
    setting.say("a").await?;
    let old = setting.claim_one(&gone).await?.claim;
    recover(&setting, "gone").await?;
    holds("while it waits", !setting.done(&old).await?)?;
    let new = setting.claim_one(&setting.runner("here-0").await?).await?.claim;
    holds("while another has it", !setting.done(&old).await?)?;
    holds("the other may", setting.done(&new).await?)
}

/// Where runners beat. What was seen before the beat is no reason to bury.
async fn a_runner_that_beats_is_not_buried(setting: Setting) -> Checked {
    if setting.db.dialect()? == Dialect::Sqlite {
        return Ok(());
    }
    let slow = setting.runner("slow-0").await?;
    setting.say("a").await?;
    let claim = setting.claim_one(&slow).await?.claim;
    let seen = store::observe(&setting.db).await?;
    same("runners", &seen.len(), &1)?;
    holds("it is known", store::beat(&setting.db, "slow-0").await?)?;
    let now = setting.jobs.now();
    let released = setting.db.write_read_committed(move |tx| store::bury(tx, &seen, now)).await?;
    same("released", &released, &Released::default())?;
    holds("its claim stands", setting.done(&claim).await?)?;
    store::unregister(&setting.db, "slow-0").await?;
    holds("once it is gone it is not known", !store::beat(&setting.db, "slow-0").await?)?;
    same("runners", &setting.count("select count(*) from job_runners", params! {}).await?, &0)
}
