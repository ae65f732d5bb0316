//! Only whoever has the claim may say what becomes of a job.

use std::time::Duration;

use ketch_db::params;

use super::case::{Case, case};
use super::check::{Checked, Failure, fails, holds, same};
use super::setting::{Setting, failed, over};
use crate::row::Status;
use crate::store::{self, Claim, Ending, Fate, Lost};

pub(super) const CASES: &[Case] = &[
    case!("fencing", an_old_claim_settles_nothing),
    case!("fencing", the_claim_of_another_settles_nothing),
    case!("fencing", a_claim_settles_once),
    case!("fencing", what_is_written_with_the_end_is_written_with_the_claim_only),
    case!("fencing", an_old_claim_says_no_progress),
];

/// A job that was claimed, given back and claimed again: both claims.
async fn twice(setting: &Setting) -> Result<(Claim, Claim), Failure> {
    let runner = setting.runner("a-0").await?;
    setting.say("hello").await?;
    let first = setting.claim_one(&runner).await?.claim;
    let again = failed(Fate::Again(setting.jobs.now()), "once more");
    same("lost", &setting.settle(vec![(first.clone(), again)]).await?, &0)?;
    let second = setting.claim_one(&runner).await?.claim;
    holds("the number grows", second.token > first.token)?;
    Ok((first, second))
}

fn endings(setting: &Setting) -> Vec<Ending> {
    vec![
        over(Status::Done),
        failed(Fate::Over(Status::Dead), "no"),
        over(Status::Cancelled),
        failed(Fate::Again(setting.jobs.now() + 60_000), "later"),
        Ending { then: Fate::Back, error: None },
        Ending { then: Fate::Gone, error: None },
    ]
}

async fn an_old_claim_settles_nothing(setting: Setting) -> Checked {
    let (old, new) = twice(&setting).await?;
    let before = setting.row(new.id).await?;
    for ending in endings(&setting) {
        same("lost", &setting.settle(vec![(old.clone(), ending)]).await?, &1)?;
    }
    let all: Vec<_> = endings(&setting).into_iter().map(|ending| (old.clone(), ending)).collect();
    same("all at once", &setting.settle(all).await?, &6)?;
    same("the job", &setting.row(new.id).await?, &before)?;
    holds("the new claim stands", setting.done(&new).await?)
}

async fn the_claim_of_another_settles_nothing(setting: Setting) -> Checked {
    let runner = setting.runner("a-0").await?;
    setting.say("hello").await?;
    let mine = setting.claim_one(&runner).await?.claim;
    let theirs = Claim { runner: "b-0".into(), ..mine.clone() };
    for ending in endings(&setting) {
        same("lost", &setting.settle(vec![(theirs.clone(), ending)]).await?, &1)?;
    }
    holds("its own stands", setting.done(&mine).await?)
}

async fn a_claim_settles_once(setting: Setting) -> Checked {
    let runner = setting.runner("a-0").await?;
    for ending in endings(&setting) {
        setting.say("hello").await?;
        let claim = setting.claim_one(&runner).await?.claim;
        same("first", &setting.settle(vec![(claim.clone(), ending)]).await?, &0)?;
        holds("never again", !setting.done(&claim).await?)?;
        setting.db.execute("delete from job_queue", params! {}).await?;
        setting.clock.advance(Duration::from_secs(1));
    }
    Ok(())
}

async fn what_is_written_with_the_end_is_written_with_the_claim_only(setting: Setting) -> Checked {
    setting.db.execute("create table effects (id bigint)", params! {}).await?;
    let (old, new) = twice(&setting).await?;
    let finish = |claim: Claim| {
        let (db, now) = (setting.db.clone(), setting.jobs.now());
        async move {
            db.try_write(move |tx| -> Result<(), Lost> {
                tx.execute("insert into effects (id) values (:id)", params! { id: claim.id })?;
                store::settle_mine(tx, &claim, &over(Status::Done), now)
            })
            .await
        }
    };
    let effects = "select count(*) from effects";
    fails!("the old claim", finish(old).await, Lost::Claim)?;
    same("effects", &setting.count(effects, params! {}).await?, &0)?;
    finish(new.clone()).await.map_err(|lost| Failure::new(format!("{lost:?}")))?;
    fails!("the new claim, again", finish(new.clone()).await, Lost::Claim)?;
    same("effects", &setting.count(effects, params! {}).await?, &1)?;
    same("the job", &setting.status(new.id).await?, &Status::Done)
}

async fn an_old_claim_says_no_progress(setting: Setting) -> Checked {
    let (old, new) = twice(&setting).await?;
    let says = |claim: &Claim, part: f64| {
        let (db, claim) = (setting.db.clone(), claim.clone());
        async move {
            db.write_read_committed(move |tx| store::progress(tx, &claim, part, &part.to_string())).await
        }
    };
    holds("the new claim may", says(&new, 0.5).await?)?;
    holds("the old one may not", !says(&old, 0.9).await?)?;
    let row = setting.row(new.id).await?;
    same("progress", &(row.progress, row.progress_note.as_deref()), &(Some(0.5), Some("0.5")))?;
    setting.settle(vec![(new, failed(Fate::Again(setting.jobs.now()), "again"))]).await?;
    let again = setting.claim_one(&setting.runner("a-0").await?).await?.claim;
    same("a new attempt begins at nothing", &setting.row(again.id).await?.progress, &None)
}
