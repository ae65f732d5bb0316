//! A row that any program inserts in plain SQL is a job.

use ketch_db::params;
use serde_json::json;

use super::case::{Case, case};
use super::check::{Checked, holds, same};
use super::setting::Setting;
use crate::row::Status;
use crate::store::{self, EARLIEST};

pub(super) const CASES: &[Case] = &[
    case!("foreign", a_type_and_a_payload_are_enough),
    case!("foreign", the_database_dates_it_now),
    case!("foreign", columns_may_be_said),
    case!("foreign", a_row_that_was_ended_by_hand_is_purged),
    case!("foreign", a_row_that_was_made_pending_by_hand_is_run),
];

async fn a_type_and_a_payload_are_enough(setting: Setting) -> Checked {
    let insert = "insert into job_queue (job_type, payload) values ('say', '{\"word\": \"hello\"}')";
    setting.db.execute(insert, params! {}).await?;
    let runner = setting.runner("a-0").await?;
    let claimed = setting.claim_one(&runner).await?;
    same("its type", &claimed.job_type.as_str(), &"say")?;
    let row = setting.row(claimed.claim.id).await?;
    same("its payload", &row.payload, &json!({ "word": "hello" }))?;
    same("defaults", &(row.priority, row.max_attempts, row.queue.as_str()), &(5, 20, "default"))?;
    holds("it is settled", setting.done(&claimed.claim).await?)
}

async fn the_database_dates_it_now(setting: Setting) -> Checked {
    let insert = "insert into job_queue (job_type) values ('say')";
    setting.db.execute(insert, params! {}).await?;
    // Of another clock than that of the case, but the same in one row.
    let least = "select count(*) from job_queue where run_at > :earliest and run_at < :now \
                 and created_at - run_at between 0 and 60000";
    // This was written in 2026.
    let earliest = EARLIEST + 780_000_000_000;
    let now = setting.jobs.now();
    same("rows", &setting.count(least, params! { earliest, now }).await?, &1)
}

async fn columns_may_be_said(setting: Setting) -> Checked {
    let insert = "insert into job_queue (job_type, payload, queue, priority, run_at, unique_key, max_attempts) \
                  values ('say', '[1]', 'voices', 9, 4102444800000, 'k', 2) returning id";
    let id = setting.count(insert, params! {}).await?;
    let row = setting.row(id).await?;
    same("when it is due", &row.run_at.as_str(), &"2100-01-01T00:00:00.000Z")?;
    let said = (row.queue.as_str(), row.priority, row.max_attempts, row.unique_key.as_deref());
    same("what was said", &said, &("voices", 9, 2, Some("k")))?;
    let due = store::next_due(&setting.db, "voices").await?;
    same("when its queue is looked at next", &due, &Some(4_102_444_800_000))
}

async fn a_row_that_was_ended_by_hand_is_purged(setting: Setting) -> Checked {
    let id = setting.say("hello").await?;
    setting.db.execute("update job_queue set status = 'cancelled' where id = :id", params! { id }).await?;
    setting.clock.advance(std::time::Duration::from_secs(1));
    let keep = std::time::Duration::ZERO;
    let gone = store::purge_old(&setting.db, Status::Cancelled, keep, setting.jobs.now(), 10).await?;
    same("purged", &gone, &1)
}

async fn a_row_that_was_made_pending_by_hand_is_run(setting: Setting) -> Checked {
    let runner = setting.runner("a-0").await?;
    let id = setting.say("hello").await?;
    let first = setting.claim_one(&runner).await?;
    setting.db.execute("update job_queue set status = 'pending' where id = :id", params! { id }).await?;
    let second = setting.claim_one(&runner).await?;
    holds("the claim is another", second.claim.token > first.claim.token)?;
    holds("whoever had it before may not end it", !setting.done(&first.claim).await?)?;
    holds("whoever has it may", setting.done(&second.claim).await?)
}
