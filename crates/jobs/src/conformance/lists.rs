//! Pages of jobs: the newest first, each job once, whatever is asked for.

use ketch_db::params;

use super::case::{Case, case};
use super::check::{Checked, Failure, fails, holds, same};
use super::setting::Setting;
use crate::manage::{Filter, Purge};
use crate::refusal::Error;
use crate::row::Status;

pub(super) const CASES: &[Case] = &[
    case!("lists", the_newest_first),
    case!("lists", pages_follow_each_other),
    case!("lists", every_filter_finds_its_own),
    case!("lists", the_rare_are_found_among_many),
    case!("lists", a_page_is_bounded),
    case!("lists", a_page_has_few_large_payloads),
    case!("lists", a_deep_payload_keeps_nobody_from_reading_the_page),
    case!("lists", a_name_that_nothing_can_have_finds_nothing),
];

/// Jobs of all statuses, types, queues and schedules, in turn.
async fn many(setting: &Setting, count: i64) -> ketch_db::Result<()> {
    let insert = "insert into job_queue (job_type, queue, status, schedule) \
         with recursive n (i) as (select 0 union all select i + 1 from n where i < :count - 1) \
         select case i % 2 when 0 then 'say' else 'shout' end, case i % 3 when 0 then 'default' else 'voices' end, \
                case i % 5 when 0 then 'pending' when 1 then 'running' when 2 then 'done' when 3 then 'dead' \
                           else 'cancelled' end, \
                case i % 7 when 0 then 'nightly' end from n";
    setting.db.execute(insert, params! { count }).await.map(drop)
}

/// All pages of a filter; how many jobs, each once and in order.
async fn all(setting: &Setting, mut filter: Filter) -> Result<Vec<i64>, Failure> {
    let mut ids: Vec<i64> = Vec::new();
    loop {
        let page = setting.jobs.list(&filter).await?;
        holds("a page is not longer than asked for", page.jobs.len() <= filter.limit)?;
        ids.extend(page.jobs.iter().map(|job| job.id));
        holds("they go down", ids.is_sorted_by(|a, b| a > b))?;
        match page.next {
            None => return Ok(ids),
            Some(next) => {
                holds("the cursor goes down", filter.after.is_none_or(|after| next < after))?;
                filter.after = Some(next);
            }
        }
    }
}

async fn the_newest_first(setting: Setting) -> Checked {
    let mut ids = Vec::new();
    for word in ["a", "b", "c"] {
        ids.push(setting.say(word).await?);
    }
    ids.reverse();
    let page = setting.jobs.list(&Filter::default()).await?;
    same("jobs", &page.jobs.iter().map(|job| job.id).collect(), &ids)?;
    same("the next page", &page.next, &None)?;
    same("a whole row", &page.jobs[0], &setting.row(ids[0]).await?)
}

async fn pages_follow_each_other(setting: Setting) -> Checked {
    many(&setting, 100).await?;
    for limit in [1, 7, 10, 99, 100, 101] {
        let ids = all(&setting, Filter { limit, ..Filter::default() }).await?;
        same("jobs", &ids.len(), &100)?;
    }
    Ok(())
}

async fn every_filter_finds_its_own(setting: Setting) -> Checked {
    const COUNT: i64 = 420;
    many(&setting, COUNT).await?;
    let statuses = [
        vec![],
        vec![Status::Pending],
        vec![Status::Running],
        vec![Status::Done],
        vec![Status::Dead],
        vec![Status::Cancelled, Status::Dead],
        vec![Status::Dead, Status::Dead, Status::Pending],
        Status::ALL.to_vec(),
    ];
    for status in statuses {
        for (job_type, queue, schedule) in [
            (None, None, None),
            (Some("say"), None, None),
            (None, Some("voices"), None),
            (None, None, Some("nightly")),
            (Some("shout"), Some("default"), Some("nightly")),
            (Some("nobody"), None, None),
        ] {
            let filter = Filter {
                status: status.clone(),
                job_type: job_type.map(str::to_owned),
                queue: queue.map(str::to_owned),
                schedule: schedule.map(str::to_owned),
                limit: 13,
                after: None,
            };
            let found = all(&setting, filter.clone()).await?.len();
            let expected = (0..COUNT).filter(|i| {
                let stands =
                    [Status::Pending, Status::Running, Status::Done, Status::Dead, Status::Cancelled];
                let stands = stands[usize::try_from(i % 5).unwrap_or_default()];
                (status.is_empty() || status.contains(&stands))
                    && job_type.is_none_or(|it| it == if i % 2 == 0 { "say" } else { "shout" })
                    && queue.is_none_or(|it| it == if i % 3 == 0 { "default" } else { "voices" })
                    && schedule.is_none_or(|_| i % 7 == 0)
            });
            same(&format!("{filter:?}"), &found, &expected.count())?;
        }
    }
    Ok(())
}

/// Far apart, so that a page ends before it is full; some stand just where a page ends.
async fn the_rare_are_found_among_many(setting: Setting) -> Checked {
    let first = setting.say("needle").await?;
    setting.db.execute("update job_queue set job_type = 'needle'", params! {}).await?;
    let insert = "insert into job_queue (job_type, status) \
                  with recursive n (i) as (select 0 union all select i + 1 from n where i < 119999) \
                  select case i % 1000 when 999 then 'needle' else 'hay' end, 'done' from n";
    setting.db.write_alone(move |tx| tx.execute(insert, params! {})).await?;
    let rare = Filter { job_type: Some("needle".to_owned()), ..Filter::default() };
    let found = all(&setting, rare).await?;
    same("by its type", &(found.len(), found.last().copied()), &(121, Some(first)))?;
    let pending = Filter { status: vec![Status::Pending], ..Filter::default() };
    same("by how it stands", &all(&setting, pending).await?, &vec![first])?;
    let page = setting.jobs.list(&Filter { status: vec![Status::Dead], ..Filter::default() }).await?;
    same("what is looked for often is one page", &(page.jobs.len(), page.next), &(0, None))
}

async fn a_page_is_bounded(setting: Setting) -> Checked {
    for limit in [0, Filter::MOST + 1, usize::MAX] {
        let page = setting.jobs.list(&Filter { limit, ..Filter::default() }).await;
        fails!("a limit", page, Error::Invalid(_))?;
    }
    many(&setting, 1_100).await?;
    let page = setting.jobs.list(&Filter { limit: Filter::MOST, ..Filter::default() }).await?;
    same("jobs", &page.jobs.len(), &Filter::MOST)?;
    holds("there is a next page", page.next.is_some())
}

/// Any program may insert payloads without bound.
async fn a_page_has_few_large_payloads(setting: Setting) -> Checked {
    const LARGE: usize = 3 << 20;
    let insert = "insert into job_queue (job_type, payload, status) values ('large', :payload, :status)";
    for status in ["pending", "dead", "cancelled", "dead", "cancelled"] {
        let payload = format!("\"{}\"", "x".repeat(LARGE));
        setting.db.execute(insert, params! { payload, status }).await?;
    }
    let payload = format!("\"{}\"", "x".repeat(LARGE * 2));
    setting.db.execute(insert, params! { payload, status: "dead" }).await?;
    let page = setting.jobs.list(&Filter::default()).await?;
    same("one that alone is too large is on a page of its own", &page.jobs.len(), &1)?;
    holds("there is a next page", page.next.is_some())?;
    same("all", &all(&setting, Filter::default()).await?, &vec![6, 5, 4, 3, 2, 1])?;
    let status = vec![Status::Dead, Status::Cancelled];
    same(
        "from two indexes",
        &all(&setting, Filter { status, ..Filter::default() }).await?,
        &vec![6, 5, 4, 3, 2],
    )
}

async fn a_deep_payload_keeps_nobody_from_reading_the_page(setting: Setting) -> Checked {
    let insert = "insert into job_queue (job_type, payload) values ('deep', :payload)";
    for levels in [100, 101, 126, 500] {
        let payload = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        setting.db.execute(insert, params! { payload: payload.clone() }).await?;
        let page = setting.jobs.list(&Filter::default()).await?;
        let shown = &page.jobs[0].payload;
        same(
            "it is shown whole",
            &shown.as_str().map_or_else(|| shown.to_string(), str::to_owned),
            &payload,
        )?;
        same("as text from 101 on", &shown.is_string(), &(levels > 100))?;
        let written = serde_json::json!({ "jobs": page.jobs }).to_string();
        let read: Result<serde_json::Value, _> = serde_json::from_str(&written);
        holds("a reader of 128 levels reads it", read.is_ok())?;
    }
    Ok(())
}

/// PostgreSQL refuses to be asked for U+0000.
async fn a_name_that_nothing_can_have_finds_nothing(setting: Setting) -> Checked {
    setting.say("a word").await?;
    let odd = || Some("say\0".to_owned());
    for filter in [
        Filter { job_type: odd(), ..Filter::default() },
        Filter { queue: odd(), ..Filter::default() },
        Filter { schedule: odd(), ..Filter::default() },
    ] {
        same(&format!("{filter:?}"), &all(&setting, filter).await?, &Vec::new())?;
    }
    let purge = Purge { job_type: odd(), ..Purge::default() };
    same("nothing is purged", &setting.jobs.purge(&purge).await?, &0)
}
