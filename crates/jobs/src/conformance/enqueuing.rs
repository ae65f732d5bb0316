//! A job is there if and only if the write that enqueued it was committed, and as it was said.

use std::time::Duration;

use ketch_db::{Error, params};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::case::{Case, case};
use super::check::{Checked, fails, holds, same};
use super::setting::{Setting, say};
use crate::context::JobCtx;
use crate::enqueue::{Enqueue, Enqueued};
use crate::error::JobResult;
use crate::job::Job;
use crate::raw::RawJob;
use crate::row::Status;

pub(super) const CASES: &[Case] = &[
    case!("enqueuing", it_is_there_with_what_was_said),
    case!("enqueuing", what_nobody_said_has_defaults),
    case!("enqueuing", a_write_that_is_rolled_back_leaves_nothing),
    case!("enqueuing", it_is_seen_with_what_was_written_beside_it),
    case!("enqueuing", a_delay_and_a_moment_are_kept_to_the_millisecond),
    case!("enqueuing", many_at_once_are_answered_in_order),
    case!("enqueuing", any_payload_comes_back),
];

#[derive(Serialize, Deserialize)]
struct Say {
    word: String,
}

impl Job for Say {
    const TYPE: &'static str = "say";
    const QUEUE: &'static str = "voices";
    const PRIORITY: u8 = 7;
    const MAX_ATTEMPTS: u32 = 3;
    type State = ();

    async fn run(self, _ctx: JobCtx) -> JobResult {
        Ok(())
    }
}

async fn it_is_there_with_what_was_said(setting: Setting) -> Checked {
    let job = Say { word: "hello".to_owned() };
    let id = setting.jobs.add(&job).await?.id();
    let row = setting.row(id).await?;
    let said = (row.job_type.as_str(), row.queue.as_str(), row.priority, row.max_attempts);
    same("what its type says", &said, &("say", "voices", 7, 3))?;
    same("its payload", &row.payload, &json!({ "word": "hello" }))?;
    let id = setting
        .jobs
        .add(Enqueue::new(&job).queue("choir").priority(0).max_attempts(1).unique("k"))
        .await?
        .id();
    let row = setting.row(id).await?;
    let said = (row.queue.as_str(), row.priority, row.max_attempts, row.unique_key.as_deref());
    same("what was said instead", &said, &("choir", 0, 1, Some("k")))
}

async fn what_nobody_said_has_defaults(setting: Setting) -> Checked {
    let id = setting.say("hello").await?;
    let row = setting.row(id).await?;
    same("how it stands", &row.status, &Status::Pending)?;
    let said = (row.queue.as_str(), row.priority, row.attempts, row.max_attempts);
    same("defaults", &said, &("default", 5, 0, 20))?;
    same("due as it is made", &row.run_at, &row.created_at)?;
    holds(
        "nothing is said of its end, its claim or its schedule",
        row.started_at.is_none()
            && row.finished_at.is_none()
            && row.claimed_by.is_none()
            && row.last_error.is_none()
            && row.schedule.is_none()
            && row.slot.is_none()
            && !row.cancel_requested,
    )
}

async fn a_write_that_is_rolled_back_leaves_nothing(setting: Setting) -> Checked {
    let jobs = setting.jobs.clone();
    let work = move |tx: &mut ketch_db::Tx<'_>| -> ketch_db::Result<()> {
        jobs.enqueue(tx, &Say { word: "never".to_owned() })?;
        jobs.enqueue_all(tx, [&Say { word: "never".to_owned() }, &Say { word: "never".to_owned() }])?;
        Err(Error::NoRow)
    };
    fails!("the write", setting.db.write(work).await, Error::NoRow)?;
    same("jobs", &setting.count("select count(*) from job_queue", params! {}).await?, &0)
}

async fn it_is_seen_with_what_was_written_beside_it(setting: Setting) -> Checked {
    setting.db.execute("create table users (id bigint primary key)", params! {}).await?;
    let jobs = setting.jobs.clone();
    setting
        .db
        .write(move |tx| {
            tx.execute("insert into users (id) values (7)", params! {})?;
            jobs.enqueue(tx, &Say { word: "welcome".to_owned() })
        })
        .await?;
    let both = "select (select count(*) from users) + (select count(*) from job_queue)";
    same("rows", &setting.count(both, params! {}).await?, &2)
}

async fn a_delay_and_a_moment_are_kept_to_the_millisecond(setting: Setting) -> Checked {
    let now = setting.jobs.now();
    let later = setting.jobs.add_raw(say("later").delay(Duration::from_millis(90_061_001))).await?.id();
    let moment = std::time::SystemTime::UNIX_EPOCH + Duration::from_millis(253_370_764_799_999);
    let last = setting.jobs.add_raw(say("last").at(moment)).await?.id();
    let run_at = "select run_at from job_queue where id = :id";
    same("the delay", &setting.count(run_at, params! { id: later }).await?, &(now + 90_061_001))?;
    same("the moment", &setting.row(last).await?.run_at.as_str(), &"9998-12-31T23:59:59.999Z")
}

async fn many_at_once_are_answered_in_order(setting: Setting) -> Checked {
    const MANY: usize = 2_500;
    let jobs = setting.jobs.clone();
    let enqueued = setting
        .db
        .write(move |tx| {
            let all: Vec<Say> = (0..MANY).map(|n| Say { word: n.to_string() }).collect();
            let keyed = |(n, job)| {
                let enqueue = Enqueue::new(job);
                // Every hundredth has one of two keys.
                if n % 100 == 0 { enqueue.unique(format!("key {}", n / 100 % 2)) } else { enqueue }
            };
            jobs.enqueue_all(tx, all.iter().enumerate().map(keyed))
        })
        .await?;
    same("answers", &enqueued.len(), &MANY)?;
    for (n, one) in enqueued.iter().enumerate() {
        match one {
            Enqueued::New(id) => {
                same("its payload", &setting.row(*id).await?.payload, &json!({ "word": n.to_string() }))?;
            }
            Enqueued::Already(id) => {
                holds("only the later ones find their key taken", n % 100 == 0 && n >= 200)?;
                same("who has the key", id, &enqueued[n / 100 % 2 * 100].id())?;
            }
        }
    }
    let rows = setting.count("select count(*) from job_queue", params! {}).await?;
    same("rows", &rows, &2_477)
}

async fn any_payload_comes_back(setting: Setting) -> Checked {
    let payloads = [
        json!(null),
        json!([]),
        json!("text"),
        json!(-1.5e300),
        json!(9_007_199_254_740_993_i64),
        json!({ "nul": "a\0b", "quotes": "'\"\\", "signs": "\u{1F6A2}\u{202E}\u{FFFF}", ":name": "$1 ?" }),
    ];
    for payload in payloads {
        let id = setting.jobs.add_raw(RawJob::new("any", payload.clone())).await?.id();
        same("a payload", &setting.row(id).await?.payload, &payload)?;
    }
    let jobs = setting.jobs.clone();
    let words = ["a\0b", "'\"\\", "\u{1F6A2}"];
    let enqueued = setting
        .db
        .write(move |tx| {
            let all = words.map(|word| Say { word: word.to_owned() });
            jobs.enqueue_all(tx, &all)
        })
        .await?;
    for (one, word) in enqueued.iter().zip(words) {
        same("one of many", &setting.row(one.id()).await?.payload, &json!({ "word": word }))?;
    }
    Ok(())
}
