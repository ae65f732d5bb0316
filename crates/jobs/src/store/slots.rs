//! The slots of recurrent jobs: which were run.
//!
//! A slot may be run if it is later than its schedule's floor and not among its slots. So that there are not more and more
//! of them, the earliest are dropped and the floor takes their place.

use std::sync::LazyLock;

use ketch_db::{Db, Dialect, Result, Tx, params};
use serde::Deserialize;

/// How many slots of a schedule are kept.
pub(crate) const KEPT: i64 = 1_000;

/// How far a schedule has come. All times are milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Standing {
    /// Nothing up to this is run any more.
    pub(crate) floor: i64,
    /// The last slot up to now that was run.
    pub(crate) last: Option<i64>,
}

/// How far a schedule has come, if it was ever seen.
pub(crate) async fn standing(db: &Db, schedule: &str, now: i64) -> Result<Option<Standing>> {
    db.query_opt(
        "select floor, (select max(slot) from job_slots where schedule = :schedule and slot <= :now) as last \
         from job_schedules where name = :schedule",
        params! { schedule: schedule.to_owned(), now },
    )
    .await
}

/// Sees a schedule for the first time: what was due before now is not run.
pub(crate) async fn begin(db: &Db, schedule: &str, now: i64) -> Result<Standing> {
    db.execute(
        "insert into job_schedules (name, floor) values (:schedule, :now) on conflict (name) do nothing",
        params! { schedule: schedule.to_owned(), now },
    )
    .await?;
    // Another process may have been first.
    Ok(standing(db, schedule, now).await?.unwrap_or(Standing { floor: now, last: None }))
}

/// The slot that was written last.
pub(crate) async fn newest(db: &Db, schedule: &str) -> Result<Option<i64>> {
    db.query_opt(
        "select slot from job_slots where schedule = :schedule order by id desc limit 1",
        params! { schedule: schedule.to_owned() },
    )
    .await
}

/// The slots from one time to another that were run; a minute's at most are asked for.
pub(crate) async fn taken(db: &Db, schedule: &str, from: i64, to: i64) -> Result<Vec<i64>> {
    db.query(
        "select slot from job_slots where schedule = :schedule and slot >= :from and slot <= :to order by slot",
        params! { schedule: schedule.to_owned(), from, to },
    )
    .await
}

/// Takes a slot; whether it was free. With PostgreSQL the schedule's row is held to the end of the transaction, so that
/// one process at a time does this.
pub(crate) fn take(tx: &mut Tx<'_>, schedule: &str, slot: i64) -> Result<bool> {
    let floor = match tx.dialect() {
        Dialect::Sqlite => "select floor from job_schedules where name = :schedule",
        Dialect::Postgres => "select floor from job_schedules where name = :schedule for update",
    };
    let floor: Option<i64> = tx.query_opt(floor, params! { schedule: schedule.to_owned() })?;
    if floor.is_none_or(|floor| slot <= floor) {
        return Ok(false);
    }
    let taken = tx.execute(
        "insert into job_slots (schedule, slot) values (:schedule, :slot) on conflict (schedule, slot) do nothing",
        params! { schedule: schedule.to_owned(), slot },
    )?;
    Ok(taken > 0)
}

/// The first slot that is too many. SQLite would plan a bound anew each time, if it were a parameter.
static EDGE: LazyLock<String> = LazyLock::new(|| {
    format!("select slot from job_slots where schedule = :schedule order by slot desc limit 1 offset {KEPT}")
});

/// Drops the earliest slots beyond those that are kept; the floor takes their place. To be called after
/// [`take`], which holds the schedule.
///
/// The earliest, not the oldest rows: after a time with a clock far ahead the floor follows the time that it is, and does
/// not jump ahead to where the clock was.
pub(crate) fn prune(tx: &mut Tx<'_>, schedule: &str) -> Result<()> {
    let edge: Option<i64> = tx.query_opt(EDGE.as_str(), params! { schedule: schedule.to_owned() })?;
    let Some(edge) = edge else { return Ok(()) };
    let params = params! { schedule: schedule.to_owned(), edge };
    tx.execute("delete from job_slots where schedule = :schedule and slot <= :edge", params.clone())?;
    tx.execute("update job_schedules set floor = :edge where name = :schedule and floor < :edge", params)?;
    Ok(())
}
