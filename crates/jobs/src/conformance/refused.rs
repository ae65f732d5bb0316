//! What cannot be run is refused before it is stored, and the refusal says why.

use std::time::{Duration, SystemTime};

use ketch_db::params;
use serde_json::json;

use super::case::{Case, case};
use super::check::{Checked, Failure, fails, holds, same};
use super::setting::{Setting, say};
use crate::raw::RawJob;
use crate::refusal::Error;

pub(super) const CASES: &[Case] = &[
    case!("refused", a_job_beyond_its_bounds_is_refused_with_the_reason),
    case!("refused", a_job_at_its_bounds_is_taken),
    case!("refused", the_table_refuses_what_another_program_gets_wrong),
];

async fn a_job_beyond_its_bounds_is_refused_with_the_reason(setting: Setting) -> Checked {
    let old = SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 365);
    let nothing = json!({});
    let wrong = [
        (RawJob::new("", nothing.clone()), "type is empty"),
        (RawJob::new("t".repeat(201), nothing.clone()), "type has 201 bytes"),
        (RawJob::new("a\nb", nothing.clone()), "control character"),
        (say("x").queue(""), "queue is empty"),
        (say("x").queue("q".repeat(201)), "queue has 201 bytes"),
        (say("x").priority(10), "priority is 10: it is 0 to 9"),
        (say("x").priority(-1), "priority is -1"),
        (say("x").priority(256 + 5), "priority is 261"),
        (say("x").max_attempts(0), "attempts are 0"),
        (say("x").max_attempts(1 << 31), "attempts are 2147483648"),
        (say("x").at(old), "2001-09-09"),
        (say("x").delay(Duration::MAX), "9998-12-31"),
        (say("x").unique(""), "unique key is empty"),
        (say("x").unique("k".repeat(1_025)), "unique key has 1025 bytes"),
        (say("x").unique("a\0b"), "NUL"),
        (
            RawJob::new("big", json!("x".repeat(1 << 20))),
            "its payload has 1048578 bytes and may have 1048576",
        ),
    ];
    for (job, why) in wrong {
        let refused = setting.jobs.add_raw(job).await;
        match refused {
            Err(Error::Invalid(text)) if text.contains(why) => {}
            other => return Err(Failure::new(format!("expected `{why}`, found {other:?}"))),
        }
    }
    let rows = setting.count("select count(*) from job_queue", params! {}).await?;
    same("rows", &rows, &0)
}

async fn a_job_at_its_bounds_is_taken(setting: Setting) -> Checked {
    // Two bytes for the signs around it.
    let job = RawJob::new("t".repeat(200), json!("x".repeat((1 << 20) - 2)))
        .queue("q".repeat(200))
        .priority(9)
        .max_attempts(i64::from(i32::MAX))
        // What does not shrink: an index may compress.
        .unique((0..1_024_u32).map(|n| char::from(b'!' + (n * n % 89) as u8)).collect::<String>())
        .at(SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_000_000_000));
    let id = setting.jobs.add_raw(job).await?.id();
    let row = setting.row(id).await?;
    same("its attempts", &row.max_attempts, &i32::MAX.unsigned_abs())?;
    same("when it is due", &row.run_at.as_str(), &"2001-09-09T01:46:40.000Z")
}

async fn the_table_refuses_what_another_program_gets_wrong(setting: Setting) -> Checked {
    let wrong = [
        "insert into job_queue (payload) values ('{}')",
        "insert into job_queue (job_type) values ('')",
        "insert into job_queue (job_type, payload) values ('say', 'hello')",
        "insert into job_queue (job_type, payload) values ('say', null)",
        "insert into job_queue (job_type, queue) values ('say', '')",
        "insert into job_queue (job_type, priority) values ('say', 10)",
        "insert into job_queue (job_type, priority) values ('say', -1)",
        "insert into job_queue (job_type, status) values ('say', 'waiting')",
        // Seconds, and microseconds.
        "insert into job_queue (job_type, run_at) values ('say', 1790000000)",
        "insert into job_queue (job_type, run_at) values ('say', 1790000000000000)",
        "insert into job_queue (job_type, max_attempts) values ('say', 0)",
        "insert into job_queue (job_type, unique_key) values ('say', '')",
    ];
    for sql in wrong {
        let refused = setting.db.execute(sql, params! {}).await;
        holds(&format!("`{sql}` is refused, not {refused:?}"), refused.is_err())?;
    }
    let first =
        fails!("a priority", setting.db.execute(wrong[5], params! {}).await, ketch_db::Error::Check(_));
    first?;
    let rows = setting.count("select count(*) from job_queue", params! {}).await?;
    same("rows", &rows, &0)
}
