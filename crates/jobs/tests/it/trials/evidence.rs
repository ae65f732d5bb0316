//! What jobs have left behind, counted.

use std::collections::HashSet;

use ketch_db::{Db, params};

use super::ground::{Ground, block_on};
use super::work::FOLLOWS;

/// What is found in the database when a trial is over.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Evidence {
    /// Jobs whose write was committed.
    pub(super) wanted: i64,
    /// What is wrong with them. All zero is well.
    pub(super) faults: Faults,
    /// How often all jobs together were claimed.
    pub(super) attempts: i64,
    /// How often one was, at most.
    pub(super) most_attempts: i64,
    /// Jobs that were given back before they were begun.
    pub(super) given_back: i64,
}

/// Counts that are zero when promises are kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Faults {
    /// Jobs whose `finish` was committed more than once.
    doubled: i64,
    /// Jobs that were never run to their end.
    missed: i64,
    /// Effects of jobs that nobody wanted: their write was rolled back.
    strays: i64,
    /// Numbers that were enqueued more than once.
    enqueued_twice: i64,
    /// Rows that say a job is there, without the job.
    without_job: i64,
    /// Jobs without the row that was written with them.
    without_row: i64,
    /// Jobs that were done but not followed by what they enqueue in `finish`.
    not_followed: i64,
    /// Jobs that are not done.
    not_done: i64,
    /// Jobs with more attempts than claims.
    miscounted: i64,
    /// Numbers whose write was answered, and that are not there.
    lost: i64,
}

const SQL: [&str; 9] = [
    "select count(*) as n from (select job from ran group by job having count(*) > 1) as twice",
    "select count(*) as n from wanted where not exists (select 1 from ran where ran.job = wanted.job) \
     and not exists (select 1 from touched where touched.job = wanted.job)",
    "select count(*) as n from (select job from ran union all select job from touched) as seen \
     where not exists (select 1 from wanted where wanted.job = seen.job)",
    "select count(*) as n from (select number from wanted group by number having count(*) > 1) as twice",
    "select count(*) as n from wanted where not exists (select 1 from job_queue where id = wanted.job)",
    "select count(*) as n from job_queue where job_type = 'mark' \
     and not exists (select 1 from wanted where wanted.job = job_queue.id)",
    "select count(*) as n from wanted where follows = 1 \
     and not exists (select 1 from wanted as other where other.number = wanted.number + :follows)",
    "select count(*) as n from job_queue where status <> 'done' and job_type = 'mark'",
    "select count(*) as n from job_queue where attempts > claim and job_type = 'mark'",
];

impl Evidence {
    /// Looks, when no process has the database any more. `acked` are the numbers whose write was answered.
    pub(super) fn of(ground: &Ground, acked: &HashSet<i64>) -> Self {
        block_on(async {
            let db = ground.open().await;
            let evidence = Self::gathered(&db, acked).await;
            db.close().await;
            evidence
        })
    }

    /// The same, for who has the database.
    pub(super) async fn gathered(db: &Db, acked: &HashSet<i64>) -> Self {
        let mut counts = [0; SQL.len()];
        for (count, sql) in counts.iter_mut().zip(SQL) {
            let params = if sql.contains(":follows") {
                params! { follows: FOLLOWS }
            } else {
                params! {}
            };
            *count = db.query_one(sql, params).await.expect("the trial's tables are there");
        }
        let [
            doubled,
            missed,
            strays,
            enqueued_twice,
            without_job,
            without_row,
            not_followed,
            not_done,
            miscounted,
        ] = counts;
        let one = async |sql: &'static str| -> i64 { db.query_one(sql, params! {}).await.expect("a number") };
        let lost = i64::try_from(acked.difference(&numbers(db).await).count()).expect("not that many");
        Self {
            wanted: one("select count(*) as n from wanted").await,
            attempts: one("select cast(coalesce(sum(attempts), 0) as bigint) as n from job_queue").await,
            most_attempts: one("select cast(coalesce(max(attempts), 0) as bigint) as n from job_queue").await,
            given_back: one("select count(*) as n from job_queue where attempts < claim").await,
            faults: Faults {
                doubled,
                missed,
                strays,
                enqueued_twice,
                without_job,
                without_row,
                not_followed,
                not_done,
                miscounted,
                lost,
            },
        }
    }

    /// Fails if a promise was broken.
    pub(super) fn expect_kept(&self, told: &str) {
        assert_eq!(self.faults, Faults::default(), "{told}: {self:?}");
    }
}

/// The numbers that are there, page by page.
async fn numbers(db: &Db) -> HashSet<i64> {
    let mut all = HashSet::new();
    let mut after = i64::MIN;
    loop {
        let sql = "select number from wanted where number > :after order by number limit 5000";
        let page: Vec<i64> = db.query(sql, params! { after }).await.expect("the trial's tables are there");
        let Some(last) = page.last() else { return all };
        after = *last;
        all.extend(page);
    }
}
