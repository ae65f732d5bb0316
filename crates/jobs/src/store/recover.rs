//! Giving back what runners had claimed that are gone, and how one is known to be gone.

use std::sync::{Arc, LazyLock};

use ketch_db::{Db, Dialect, Params, Result, Tx, params};
use serde::Deserialize;

/// Rows of one statement, at most.
const MANY: usize = 5_000;

/// What became of jobs that were given back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Released {
    /// They are run again.
    pub(crate) again: u64,
    /// They had no attempt left.
    pub(crate) dead: u64,
    /// Somebody had asked for their end.
    pub(crate) cancelled: u64,
}

/// An attempt that its runner did not survive counts, so that a job which kills its process is not run for ever. What
/// was begun once goes back to its place in the queue; after that it waits, as [`due_again`] says.
///
/// Rows that another transaction holds are passed over: their turn comes when they are looked for the next time.
fn release(tx: &mut Tx<'_>, which: &str, params: &Params) -> Result<Released> {
    let (lock, due) = (lock(tx.dialect()), due_again(tx.dialect()));
    let sql = format!(
        "update job_queue set claimed_by = null, \
         status = case when cancel_requested = 1 then 'cancelled' \
                       when attempts >= max_attempts then 'dead' else 'pending' end, \
         run_at = case when cancel_requested = 1 or attempts >= max_attempts then run_at else {due} end, \
         finished_at = case when cancel_requested = 1 or attempts >= max_attempts then :now end, \
         last_error = case when cancel_requested = 1 then last_error \
                           when attempts >= max_attempts \
                           then 'its process ended while it ran, and that was its last attempt' \
                           else 'its process ended while it ran' end \
         where id in (select id from job_queue where status = 'running' and ({which}) limit {MANY} {lock}) \
         returning status"
    );
    let mut released = Released::default();
    loop {
        let ended: Vec<String> = tx.query(sql.clone(), params.clone())?;
        for status in &ended {
            match status.as_str() {
                "pending" => released.again += 1,
                "dead" => released.dead += 1,
                _ => released.cancelled += 1,
            }
        }
        if ended.len() < MANY {
            return Ok(released);
        }
    }
}

fn lock(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "",
        Dialect::Postgres => "for update skip locked",
    }
}

/// When a job is due whose process ended. The first time at once, before what came later. Then after a second, doubled
/// each time up to 18 hours, and up to twice that by chance: nobody knows which of the jobs ended the process, and those
/// that only ran beside it part from it, instead of dying with it again and again until they have no attempt left.
fn due_again(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => {
            "case when attempts < 2 then min(run_at, :now) \
             else :now + (1000 << min(attempts - 2, 16)) * (1000 + abs(random() % 1000)) / 1000 end"
        }
        Dialect::Postgres => {
            "case when attempts < 2 then least(run_at, :now) \
             else :now + (1000::bigint << least(attempts - 2, 16)) * (1000 + floor(random() * 1000)::bigint) / 1000 \
             end"
        }
    }
}

/// SQLite, at the start: gives back what none of these runners has claimed, which are those of this process. The others
/// are gone, because one process at a time has the file.
pub(crate) fn release_others(tx: &mut Tx<'_>, alive: &[Arc<str>], now: i64) -> Result<Released> {
    let alive: Vec<&str> = alive.iter().map(AsRef::as_ref).collect();
    let alive = serde_json::Value::from(alive).to_string();
    release(
        tx,
        "claimed_by is null or claimed_by not in (select value from json_each(:alive))",
        &params! { now, alive },
    )
}

/// PostgreSQL: a runner is there.
pub(crate) async fn register(db: &Db, runner: &str, now: i64) -> Result<()> {
    db.execute("insert into job_runners (id, started_at) values (:runner, :now)", params! { runner, now })
        .await
        .map(drop)
}

/// PostgreSQL: a runner has gone in peace.
pub(crate) async fn unregister(db: &Db, runner: &str) -> Result<()> {
    db.execute("delete from job_runners where id = :runner", params! { runner }).await.map(drop)
}

/// PostgreSQL: a runner lives; whether it is still known. One that is not has lost its claims.
pub(crate) async fn beat(db: &Db, runner: &str) -> Result<bool> {
    let sql = "update job_runners set beat = beat + 1 where id = :runner";
    db.write_read_committed({
        let runner = runner.to_owned();
        move |tx| tx.execute(sql, params! { runner: runner.clone() })
    })
    .await
    .map(|changed| changed > 0)
}

/// PostgreSQL: a runner and how often it has beaten.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) beat: i64,
}

/// PostgreSQL: all runners.
pub(crate) async fn observe(db: &Db) -> Result<Vec<Seen>> {
    db.query("select id, beat from job_runners", params! {}).await
}

/// How many jobs whoever runs some has, for a thousand of them.
pub(crate) async fn running(db: &Db) -> Result<Vec<(String, u64)>> {
    let sql = "select claimed_by, count(*) from job_queue where status = 'running' and claimed_by is not null \
               group by claimed_by order by claimed_by limit 1000";
    db.query(sql, params! {}).await
}

/// PostgreSQL: forgets runners that have not beaten since they were seen, and gives back what nobody who is known has
/// claimed. For [`Db::write_read_committed`].
pub(crate) fn bury(tx: &mut Tx<'_>, silent: &[Seen], now: i64) -> Result<Released> {
    for Seen { id, beat } in silent {
        let sql = "delete from job_runners where id = :id and beat = :beat";
        tx.execute(sql, params! { id, beat: *beat })?;
    }
    release(tx, STRANGERS, &params! { now })
}

/// What nobody has claimed who is known.
const STRANGERS: &str =
    "claimed_by is null or not exists (select 1 from job_runners r where r.id = job_queue.claimed_by)";

/// PostgreSQL: whether there is anything to be given back, if nobody is silent.
pub(crate) async fn has_strangers(db: &Db) -> Result<bool> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!("select 1 from job_queue where status = 'running' and ({STRANGERS}) limit 1")
    });
    let sql: &'static str = &SQL;
    Ok(db.query_opt::<i64>(sql, params! {}).await?.is_some())
}
