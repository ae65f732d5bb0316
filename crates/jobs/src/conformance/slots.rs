//! Each slot of a recurrent job is taken once, by whoever comes first.

use std::time::Duration;

use ketch_db::{Error, Result, Tx, params};

use super::case::{Case, case};
use super::check::{Checked, Failure, fails, same};
use super::setting::Setting;
use crate::enqueue::Enqueued;
use crate::recur::Recurrent;
use crate::schedule::{Every, Missed, Overlap, Schedule};
use crate::store::{self, slots};

pub(super) const CASES: &[Case] = &[
    case!("slots", a_slot_is_taken_once),
    case!("slots", what_is_not_after_the_floor_is_not_taken),
    case!("slots", a_schedule_that_was_not_seen_takes_nothing),
    case!("slots", the_first_sight_counts),
    case!("slots", many_at_a_time_take_each_slot_once),
    case!("slots", a_slot_and_its_job_are_written_together),
    case!("slots", the_earliest_are_dropped_and_the_floor_takes_their_place),
    case!("slots", a_schedule_that_is_deleted_begins_anew),
];

const NAME: &str = "nightly";

/// Takes a slot in a write of its own.
async fn take(setting: &Setting, slot: i64) -> Result<bool> {
    setting.db.write_read_committed(move |tx| slots::take(tx, NAME, slot)).await
}

async fn standing(setting: &Setting, now: i64) -> std::result::Result<slots::Standing, Failure> {
    let standing = slots::standing(&setting.db, NAME, now).await?;
    standing.ok_or_else(|| Failure::new("the schedule is not there"))
}

async fn a_slot_is_taken_once(setting: Setting) -> Checked {
    slots::begin(&setting.db, NAME, 1_000).await?;
    same("the first time", &take(&setting, 5_000).await?, &true)?;
    same("the second time", &take(&setting, 5_000).await?, &false)?;
    same("an earlier one", &take(&setting, 3_000).await?, &true)?;
    same("the last up to now", &standing(&setting, 4_000).await?.last, &Some(3_000))?;
    same("and later", &standing(&setting, 5_000).await?.last, &Some(5_000))?;
    same("the newest row", &slots::newest(&setting.db, NAME).await?, &Some(3_000))?;
    same("taken", &slots::taken(&setting.db, NAME, 3_000, 4_999).await?, &vec![3_000])
}

async fn what_is_not_after_the_floor_is_not_taken(setting: Setting) -> Checked {
    let begun = slots::begin(&setting.db, NAME, 1_000).await?;
    same("at first", &begun, &slots::Standing { floor: 1_000, last: None })?;
    same("before it", &take(&setting, 999).await?, &false)?;
    same("the floor itself", &take(&setting, 1_000).await?, &false)?;
    same("after it", &take(&setting, 1_001).await?, &true)
}

async fn a_schedule_that_was_not_seen_takes_nothing(setting: Setting) -> Checked {
    same("its standing", &slots::standing(&setting.db, NAME, 1_000).await?, &None)?;
    same("a slot", &take(&setting, 5_000).await?, &false)
}

async fn the_first_sight_counts(setting: Setting) -> Checked {
    slots::begin(&setting.db, NAME, 2_000).await?;
    same("a later sight", &slots::begin(&setting.db, NAME, 9_000).await?.floor, &2_000)?;
    same("an earlier one", &slots::begin(&setting.db, NAME, 500).await?.floor, &2_000)
}

/// A schedule whose job is `say`.
fn schedule() -> std::result::Result<Recurrent, Failure> {
    let schedule = Schedule {
        name: NAME.to_owned(),
        every: Every::Interval(Duration::from_secs(1)),
        zone: None,
        job_type: "say",
        payload: Ok(r#"{"word":"hello"}"#.to_owned()),
        queue: "default".to_owned(),
        priority: 5,
        max_attempts: 20,
        missed: Missed::Newest,
        overlap: Overlap::Enqueue,
    };
    Recurrent::read(schedule).map_err(|problems| Failure::new(problems.join("; ")))
}

/// Takes a slot and inserts its job.
fn enqueue(tx: &mut Tx<'_>, schedule: &Recurrent, slot: i64, now: i64) -> Result<bool> {
    let free = slots::take(tx, NAME, slot)?;
    if free {
        let Enqueued::New(_) = store::insert(tx, &schedule.job(slot, now))? else {
            return Err(Error::Conflict);
        };
    }
    slots::prune(tx, NAME)?;
    Ok(free)
}

async fn many_at_a_time_take_each_slot_once(setting: Setting) -> Checked {
    const SLOTS: i64 = 20;
    slots::begin(&setting.db, NAME, 0).await?;
    let (schedule, now) = (schedule()?, setting.jobs.now());
    let all = (0..16).map(|_| {
        let (db, schedule) = (setting.db.clone(), schedule.clone());
        tokio::spawn(async move {
            let mut free = 0;
            for slot in 1..=SLOTS {
                let schedule = schedule.clone();
                let write = move |tx: &mut Tx<'_>| enqueue(tx, &schedule, slot * 1_000, now);
                free += i64::from(db.write_read_committed(write).await?);
            }
            Ok::<i64, Error>(free)
        })
    });
    let mut free = 0;
    for task in all.collect::<Vec<_>>() {
        free += task.await.map_err(|error| Failure::new(error.to_string()))??;
    }
    same("taken", &free, &SLOTS)?;
    let count = "select count(*) from job_queue where schedule = :name";
    same("jobs", &setting.count(count, params! { name: NAME }).await?, &SLOTS)?;
    let distinct = "select count(distinct slot) from job_queue";
    same("slots", &setting.count(distinct, params! {}).await?, &SLOTS)
}

async fn a_slot_and_its_job_are_written_together(setting: Setting) -> Checked {
    slots::begin(&setting.db, NAME, 0).await?;
    let (schedule, now) = (schedule()?, setting.jobs.now());
    let write = move |tx: &mut Tx<'_>| {
        enqueue(tx, &schedule, 1_000, now)?;
        Err::<(), _>(Error::NoRow)
    };
    fails!("a write that fails", setting.db.write_read_committed(write).await, Error::NoRow)?;
    same("jobs", &setting.count("select count(*) from job_queue", params! {}).await?, &0)?;
    same("the slot is free", &take(&setting, 1_000).await?, &true)
}

async fn the_earliest_are_dropped_and_the_floor_takes_their_place(setting: Setting) -> Checked {
    const MORE: i64 = 10;
    slots::begin(&setting.db, NAME, 0).await?;
    let all = |tx: &mut Tx<'_>| {
        // Not in their order.
        for slot in (1..=slots::KEPT + MORE).rev() {
            slots::take(tx, NAME, slot * 1_000)?;
        }
        slots::prune(tx, NAME)
    };
    setting.db.write_read_committed(all).await?;
    let count = "select count(*) from job_slots";
    same("kept", &setting.count(count, params! {}).await?, &slots::KEPT)?;
    same("the floor", &standing(&setting, 0).await?.floor, &(MORE * 1_000))?;
    same("what was dropped", &take(&setting, MORE * 1_000).await?, &false)?;
    same("what was kept", &take(&setting, (MORE + 1) * 1_000).await?, &false)?;
    same("what comes", &take(&setting, (slots::KEPT + MORE + 1) * 1_000).await?, &true)
}

async fn a_schedule_that_is_deleted_begins_anew(setting: Setting) -> Checked {
    slots::begin(&setting.db, NAME, 1_000).await?;
    take(&setting, 2_000).await?;
    setting.db.execute("delete from job_schedules", params! {}).await?;
    same("its slots", &setting.count("select count(*) from job_slots", params! {}).await?, &0)?;
    slots::begin(&setting.db, NAME, 500).await?;
    same("a slot", &take(&setting, 2_000).await?, &true)
}
