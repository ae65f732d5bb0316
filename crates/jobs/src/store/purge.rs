//! Deleting jobs that ended, in small writes.

use std::time::Duration;

use ketch_db::{Db, Params, Result, params};
use serde::Deserialize;

use crate::manage::Purge;
use crate::row::Status;

/// How many rows one write looks at, and so deletes at most.
const WINDOW: i64 = 2_000;

/// What ended without a time, by another program's hand, ended when it was made.
const ENDED: &str = "coalesce(finished_at, created_at)";

/// The numbers that one write looks at.
#[derive(Deserialize)]
struct Range {
    last: Option<i64>,
    some: i64,
}

/// Deletes what is asked for, from the oldest number on; how many.
pub(crate) async fn purge(db: &Db, purge: &Purge, now: i64) -> Result<u64> {
    let ended: Vec<String> = [Status::Done, Status::Dead, Status::Cancelled]
        .iter()
        .filter(|status| purge.status.is_empty() || purge.status.contains(status))
        .map(|status| format!("'{status}'"))
        .collect();
    let until = before(now, purge.older_than);
    let mut which = format!("status in ({}) and {ENDED} <= :until", ended.join(", "));
    let mut values: Params = params! { until };
    if let Some(job_type) = &purge.job_type {
        which.push_str(" and job_type = :job_type");
        values = values.with("job_type", job_type);
    }
    // What comes while this runs is not waited for.
    let newest: Option<i64> = db.query_one("select max(id) from job_queue", params! {}).await?;
    let (mut from, mut gone) = (0_i64, 0);
    while let Some(newest) = newest.filter(|newest| from < *newest) {
        let looked = format!(
            "select max(id) as last, coalesce(sum(case when {which} then 1 else 0 end), 0) as some from \
             (select id, status, finished_at, created_at, job_type from job_queue \
              where id > :from and id <= :newest order by id limit {WINDOW}) as next"
        );
        let values = values.clone().with("from", from);
        let asked = values.clone().with("newest", newest);
        let range: Range = db.query_one(looked, asked).await?;
        let Some(last) = range.last else { break };
        if range.some > 0 {
            let delete = format!("delete from job_queue where id > :from and id <= :last and {which}");
            gone += db.execute(delete, values.with("last", last)).await?;
        }
        from = last;
    }
    Ok(gone)
}

/// Deletes some of what ended in one of these ways longer ago than it is kept; how many. When that is `most`, there may
/// be more.
pub(crate) async fn purge_old(db: &Db, status: Status, keep: Duration, now: i64, most: usize) -> Result<u64> {
    let sql = format!(
        "delete from job_queue where id in (select id from job_queue \
         where status in ('done', 'dead', 'cancelled') and status = '{status}' and {ENDED} <= :until \
         order by {ENDED} limit cast(:most as bigint))"
    );
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    db.execute(sql, params! { until: before(now, keep), most }).await
}

fn before(now: i64, time: Duration) -> i64 {
    now.saturating_sub(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}
