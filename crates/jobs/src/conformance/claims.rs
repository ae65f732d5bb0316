//! A job is claimed by one runner at a time, however many there are.

use std::collections::HashMap;

use futures_util::future::join_all;
use ketch_db::{Dialect, params};

use super::case::{Case, case};
use super::check::{Checked, Failure, holds, same};
use super::setting::{Setting, over, say};
use crate::row::Status;
use crate::store;

pub(super) const CASES: &[Case] = &[
    case!("claims", a_claim_is_written_down),
    case!("claims", each_job_once_with_many_runners),
    case!("claims", each_job_once_while_more_are_enqueued),
    case!("claims", a_write_that_is_rolled_back_claims_nothing),
    case!("claims", a_runner_that_is_not_known_claims_nothing),
];

const RUNNERS: usize = 8;

async fn a_claim_is_written_down(setting: Setting) -> Checked {
    let runner = setting.runner("a-0").await?;
    let id = setting.say("hello").await?;
    let claimed = setting.claim_one(&runner).await?;
    let row = setting.row(id).await?;
    let stands = (row.status, row.attempts, row.claimed_by.as_deref());
    same("how it stands", &stands, &(Status::Running, 1, Some("a-0")))?;
    holds("it was begun", row.started_at.is_some() && row.finished_at.is_none())?;
    same("what its runner is told", &(claimed.attempt, claimed.max_attempts), &(1, 20))?;
    same("nobody else finds it", &setting.claim(&runner, 10).await?.len(), &0)
}

/// Claims and ends jobs until there are none; which, and in which queue's name.
async fn work(setting: Setting, name: String, until: i64) -> Result<Vec<i64>, Failure> {
    let runner = setting.runner(&name).await?;
    let mut mine = Vec::new();
    loop {
        let claimed = setting.claim(&runner, 7).await?;
        if claimed.is_empty() {
            let left = "select count(*) from job_queue where status = 'pending'";
            let ended = "select count(*) from job_queue where status = 'done'";
            if setting.count(left, params! {}).await? == 0 && setting.count(ended, params! {}).await? >= until
            {
                return Ok(mine);
            }
            tokio::task::yield_now().await;
        }
        mine.extend(claimed.iter().map(|one| one.claim.id));
        let endings: Vec<_> = claimed.into_iter().map(|one| (one.claim, over(Status::Done))).collect();
        same("claims that were lost", &setting.settle(endings).await?, &0)?;
    }
}

async fn all_once(setting: &Setting, jobs: usize) -> Checked {
    let until = i64::try_from(jobs).unwrap_or(i64::MAX);
    let runners = (0..RUNNERS).map(|n| tokio::spawn(work(setting.clone(), format!("a-{n}"), until)));
    let mut times: HashMap<i64, usize> = HashMap::new();
    for runner in join_all(runners).await {
        for id in runner.map_err(|error| Failure::new(error.to_string()))?? {
            *times.entry(id).or_default() += 1;
        }
    }
    let doubles = times.values().filter(|times| **times > 1).count();
    same("jobs that were claimed twice", &doubles, &0)?;
    same("jobs that were claimed", &times.len(), &jobs)?;
    let once = "select count(*) from job_queue where status = 'done' and attempts = 1 and claim = 1";
    same("jobs that were begun once", &setting.count(once, params! {}).await?, &until)
}

/// Enqueues so many.
async fn fill(setting: Setting, jobs: usize) -> Result<(), Failure> {
    let all = (0..jobs).map(|n| {
        let priority = i64::try_from(n % 10).unwrap_or_default();
        let setting = setting.clone();
        async move { setting.jobs.add_raw(say("x").priority(priority)).await }
    });
    for one in join_all(all).await {
        one?;
    }
    Ok(())
}

async fn each_job_once_with_many_runners(setting: Setting) -> Checked {
    fill(setting.clone(), 500).await?;
    all_once(&setting, 500).await
}

async fn each_job_once_while_more_are_enqueued(setting: Setting) -> Checked {
    let filling = tokio::spawn(fill(setting.clone(), 500));
    all_once(&setting, 500).await?;
    filling.await.map_err(|error| Failure::new(error.to_string()))?
}

async fn a_write_that_is_rolled_back_claims_nothing(setting: Setting) -> Checked {
    let runner = setting.runner("a-0").await?;
    let id = setting.say("hello").await?;
    let (name, now) = (std::sync::Arc::clone(&runner), setting.jobs.now());
    let work = move |tx: &mut ketch_db::Tx<'_>| -> ketch_db::Result<usize> {
        let claimed = store::claim(tx, &name, "default", 10, now)?;
        if claimed.len() == 1 { Err(ketch_db::Error::NoRow) } else { Ok(claimed.len()) }
    };
    let ended = setting.db.write_read_committed(work).await;
    same("the write", &ended, &Err(ketch_db::Error::NoRow))?;
    same("its attempts", &setting.row(id).await?.attempts, &0)?;
    setting.claim_one(&runner).await.map(drop)
}

/// With SQLite one process has the file, and its runners are always known.
async fn a_runner_that_is_not_known_claims_nothing(setting: Setting) -> Checked {
    let id = setting.say("hello").await?;
    let unknown = "nobody-0".into();
    let expected = usize::from(setting.db.dialect()? == Dialect::Sqlite);
    same("claimed", &setting.claim(&unknown, 10).await?.len(), &expected)?;
    if expected == 0 {
        same("how it stands", &setting.status(id).await?, &Status::Pending)?;
        setting.claim_one(&setting.runner("a-0").await?).await?;
    }
    Ok(())
}
