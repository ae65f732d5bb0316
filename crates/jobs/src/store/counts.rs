//! How many jobs stand how. Each part reads one index, and no more of it than is counted.

use std::time::Duration;

use ketch_db::{Db, Result, Snapshot, params};
use serde::Deserialize;

use crate::manage::Counts;

/// What narrows a count to one index, for each state that is counted by itself.
const RUNNING: &str = "status = 'running'";
const RETRYING: &str = "status = 'pending' and attempts > 0";
const DONE: &str = "status in ('done', 'dead', 'cancelled') and status = 'done'";
const DEAD: &str = "status in ('done', 'dead', 'cancelled') and status = 'dead'";
const CANCELLED: &str = "status in ('done', 'dead', 'cancelled') and status = 'cancelled'";

/// Those that wait and those of them that are due, in one pass.
const PENDING: &str = "select count(*) as pending, coalesce(sum(case when run_at <= :now then 1 else 0 end), 0) as due \
     from (select run_at from job_queue where status = 'pending' limit cast(:most as bigint)) as rows_of_it";

/// Goes from queue to queue and asks for the head of each priority, so that it does not matter how many wait.
const OLDEST: &str = "with recursive queues (queue) as ( \
       select (select min(queue) from job_queue where status = 'pending') \
       union all \
       select (select min(j.queue) from job_queue j where j.status = 'pending' and j.queue > queues.queue) \
       from queues where queues.queue is not null \
     ) \
     select min(head) as head from ( \
       select (select j.run_at from job_queue j where j.status = 'pending' and j.queue = queues.queue \
               and j.priority = p.priority order by j.run_at limit 1) as head \
       from queues, (select 0 as priority union all select 1 union all select 2 union all select 3 union all select 4 \
         union all select 5 union all select 6 union all select 7 union all select 8 union all select 9) as p \
       where queues.queue is not null \
     ) as heads";

#[derive(Deserialize)]
struct Waiting {
    pending: u64,
    due: u64,
}

pub(crate) async fn counts(db: &Db, now: i64) -> Result<Counts> {
    let most = i64::try_from(Counts::MOST).unwrap_or(i64::MAX);
    db.read(move |snapshot| {
        let waiting: Waiting = snapshot.query_one(PENDING, params! { now, most })?;
        let oldest: Option<i64> = snapshot.query_one(OLDEST, params! {})?;
        let overdue = oldest.filter(|run_at| *run_at <= now).map(|run_at| now.abs_diff(run_at));
        Ok(Counts {
            pending: waiting.pending,
            due: waiting.due,
            waiting: waiting.pending - waiting.due,
            retrying: count(snapshot, RETRYING, most)?,
            running: count(snapshot, RUNNING, most)?,
            done: count(snapshot, DONE, most)?,
            dead: count(snapshot, DEAD, most)?,
            cancelled: count(snapshot, CANCELLED, most)?,
            oldest_due: overdue.map(Duration::from_millis),
        })
    })
    .await
}

fn count(snapshot: &mut Snapshot<'_>, which: &str, most: i64) -> Result<u64> {
    let sql = format!(
        "select count(*) from (select 1 from job_queue where {which} limit cast(:most as bigint)) as rows_of_it"
    );
    snapshot.query_one(sql, params! { most })
}
