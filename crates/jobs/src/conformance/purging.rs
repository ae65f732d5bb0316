//! Jobs that ended are deleted when they are asked to be, and no other is.

use std::time::Duration;

use ketch_db::params;

use super::case::{Case, case};
use super::check::{Checked, fails, same};
use super::setting::Setting;
use crate::manage::Purge;
use crate::refusal::Error;
use crate::row::Status;
use crate::store;

pub(super) const CASES: &[Case] = &[
    case!("purging", all_that_ended_and_nothing_else),
    case!("purging", by_status_type_and_age),
    case!("purging", more_than_one_write_takes),
    case!("purging", what_has_not_ended_is_refused),
    case!("purging", the_runners_purge_takes_the_oldest_first),
];

/// One job of each status and type, which ended `age` milliseconds ago.
async fn some(setting: &Setting, age: i64) -> ketch_db::Result<()> {
    for job_type in ["say", "shout"] {
        for status in Status::ALL {
            let finished_at = status.is_end().then(|| setting.jobs.now() - age);
            let insert = "insert into job_queue (job_type, status, finished_at) \
                          values (:job_type, :status, :finished_at)";
            setting.db.execute(insert, params! { job_type, status: status.name(), finished_at }).await?;
        }
    }
    Ok(())
}

async fn left(setting: &Setting) -> ketch_db::Result<i64> {
    setting.count("select count(*) from job_queue", params! {}).await
}

async fn all_that_ended_and_nothing_else(setting: Setting) -> Checked {
    some(&setting, 0).await?;
    same("purged", &setting.jobs.purge(&Purge::default()).await?, &6)?;
    let ended = "select count(*) from job_queue where status not in ('pending', 'running')";
    same("ended", &setting.count(ended, params! {}).await?, &0)?;
    same("left", &left(&setting).await?, &4)?;
    same("purged again", &setting.jobs.purge(&Purge::default()).await?, &0)
}

async fn by_status_type_and_age(setting: Setting) -> Checked {
    for age in [0, 10_000, 20_000] {
        some(&setting, age).await?;
    }
    let old = Purge { older_than: Duration::from_secs(15), ..Purge::default() };
    let dead = Purge { status: vec![Status::Dead], ..Purge::default() };
    let both = Purge { job_type: Some("say".to_owned()), older_than: Duration::from_secs(5), ..dead.clone() };
    let two = Purge { status: vec![Status::Done, Status::Cancelled, Status::Done], ..Purge::default() };
    let nobody = Purge { job_type: Some("nobody".to_owned()), ..Purge::default() };
    for (purge, expected) in [(nobody, 0), (both, 2), (old, 5), (dead, 3), (two, 8)] {
        same(&format!("{purge:?}"), &setting.jobs.purge(&purge).await?, &expected)?;
    }
    same("left", &left(&setting).await?, &12)
}

async fn more_than_one_write_takes(setting: Setting) -> Checked {
    let insert = "insert into job_queue (job_type, status, finished_at) \
                  with recursive n (i) as (select 0 union all select i + 1 from n where i < 5999) \
                  select case i % 2 when 0 then 'say' else 'shout' end, \
                         case i % 3 when 0 then 'pending' else 'done' end, :finished_at from n";
    setting.db.execute(insert, params! { finished_at: setting.jobs.now() }).await?;
    let say = Purge { job_type: Some("say".to_owned()), ..Purge::default() };
    same("purged", &setting.jobs.purge(&say).await?, &2_000)?;
    same("the rest", &setting.jobs.purge(&Purge::default()).await?, &2_000)?;
    same("left", &left(&setting).await?, &2_000)
}

async fn what_has_not_ended_is_refused(setting: Setting) -> Checked {
    some(&setting, 0).await?;
    for status in [Status::Pending, Status::Running] {
        let purge = Purge { status: vec![Status::Done, status], ..Purge::default() };
        fails!("a purge", setting.jobs.purge(&purge).await, Error::Invalid(_))?;
    }
    same("left", &left(&setting).await?, &10)
}

async fn the_runners_purge_takes_the_oldest_first(setting: Setting) -> Checked {
    for age in [30_000, 10_000, 20_000, 0] {
        some(&setting, age).await?;
    }
    let now = setting.jobs.now();
    let purge = |most| store::purge_old(&setting.db, Status::Done, Duration::from_secs(5), now, most);
    same("some", &purge(4).await?, &4)?;
    let oldest = "select min(finished_at) from job_queue where status = 'done'";
    same("the oldest", &setting.count(oldest, params! {}).await?, &(now - 10_000))?;
    same("the rest", &purge(4).await?, &2)?;
    same("none", &purge(4).await?, &0)?;
    same("left", &left(&setting).await?, &34)
}
