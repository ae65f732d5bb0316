//! Of a type, one unfinished job has a unique key.

use std::time::Duration;

use futures_util::future::join_all;
use ketch_db::{Db, params};

use super::case::{Case, case};
use super::check::{Checked, Failure, fails, holds, same};
use super::setting::{Setting, failed, over, say};
use crate::enqueue::Enqueued;
use crate::raw::RawJob;
use crate::refusal::Error;
use crate::row::Status;
use crate::store::Fate;

pub(super) const CASES: &[Case] = &[
    case!("unique", the_second_finds_the_first),
    case!("unique", a_key_belongs_to_its_type),
    case!("unique", a_key_is_taken_until_its_job_has_ended),
    case!("unique", one_of_many_at_the_same_time_is_new),
    case!("unique", a_retry_whose_key_is_taken_is_refused),
    case!("unique", a_foreign_insert_is_refused),
];

async fn add(setting: &Setting) -> Result<Enqueued, Error> {
    setting.jobs.add_raw(say("hello").unique("k")).await
}

async fn the_second_finds_the_first(setting: Setting) -> Checked {
    let first = add(&setting).await?;
    holds("the first is new", matches!(first, Enqueued::New(_)))?;
    same("the second", &add(&setting).await?, &Enqueued::Already(first.id()))?;
    let rows = setting.count("select count(*) from job_queue", params! {}).await?;
    same("rows", &rows, &1)
}

async fn a_key_belongs_to_its_type(setting: Setting) -> Checked {
    add(&setting).await?;
    let other = setting.jobs.add_raw(RawJob::new("shout", serde_json::json!({})).unique("k")).await?;
    holds("another type is free to have it", matches!(other, Enqueued::New(_)))
}

async fn a_key_is_taken_until_its_job_has_ended(setting: Setting) -> Checked {
    let runner = setting.runner("a-0").await?;
    for (what, end) in [
        ("done", over(Status::Done)),
        ("dead", failed(Fate::Over(Status::Dead), "no")),
        ("cancelled", over(Status::Cancelled)),
        ("deleted", crate::store::Ending { then: Fate::Gone, error: None }),
    ] {
        let first = add(&setting).await?;
        holds("it is new", matches!(first, Enqueued::New(_)))?;
        let claimed = setting.claim_one(&runner).await?;
        same("while it runs", &add(&setting).await?, &Enqueued::Already(first.id()))?;
        let again = failed(Fate::Again(setting.jobs.now() + 1_000), "not yet");
        setting.settle(vec![(claimed.claim, again)]).await?;
        same("while it waits again", &add(&setting).await?, &Enqueued::Already(first.id()))?;
        setting.clock.advance(Duration::from_secs(2));
        let claimed = setting.claim_one(&runner).await?;
        same(what, &setting.settle(vec![(claimed.claim, end)]).await?, &0)?;
    }
    Ok(())
}

async fn one_of_many_at_the_same_time_is_new(setting: Setting) -> Checked {
    let all = (0..32).map(|_| {
        let setting = setting.clone();
        tokio::spawn(async move { add(&setting).await })
    });
    let (mut new, mut ids) = (0, Vec::new());
    for one in join_all(all).await {
        let one = one.map_err(|error| Failure::new(error.to_string()))??;
        new += usize::from(matches!(one, Enqueued::New(_)));
        ids.push(one.id());
    }
    same("new ones", &new, &1)?;
    ids.dedup();
    same("numbers", &ids.len(), &1)
}

async fn a_retry_whose_key_is_taken_is_refused(setting: Setting) -> Checked {
    let old = add(&setting).await?.id();
    setting.jobs.cancel(old).await?;
    let new = add(&setting).await?.id();
    let refused = fails!("a retry", setting.jobs.retry(old).await, Error::Taken { .. })?;
    same("who has it", &refused, &Error::Taken { id: old, by: Some(new) })?;
    same("how the old one stands", &setting.status(old).await?, &Status::Cancelled)?;
    setting.jobs.cancel(new).await?;
    same("once it is free", &setting.jobs.retry(old).await?.status, &Status::Pending)
}

async fn a_foreign_insert_is_refused(setting: Setting) -> Checked {
    async fn insert(db: &Db) -> ketch_db::Result<u64> {
        db.execute("insert into job_queue (job_type, unique_key) values ('say', 'k')", params! {}).await
    }
    let id = add(&setting).await?.id();
    fails!("a plain insert", insert(&setting.db).await, ketch_db::Error::Unique(_))?;
    setting.jobs.cancel(id).await?;
    same("once it is free", &insert(&setting.db).await?, &1)
}
