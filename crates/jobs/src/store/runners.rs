//! Runners: that they live, and what is given back when they do not.

use std::sync::Arc;

use ketch_db::{Db, Dialect, Params, Result, Tx, params};
use serde::Deserialize;

use super::Claim;

/// What is counted of claims that were given back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Returned {
    /// Jobs that wait again.
    pub(crate) again: u64,
    /// Jobs that had no attempts left.
    pub(crate) dead: u64,
    /// Jobs that somebody had cancelled meanwhile.
    pub(crate) cancelled: u64,
}

impl Returned {
    pub(crate) fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// How many claims it were.
    pub(crate) fn count(self) -> u64 {
        self.again + self.dead + self.cancelled
    }
}

/// Rows of one statement, at most.
const MANY: usize = 5_000;

/// Gives back running jobs of which this is true. Their attempts stay counted, so that a job which kills its process is
/// not run for ever; what waits is due at once. Rows that another transaction holds are passed over.
fn give_back(tx: &mut Tx<'_>, which: &str, params: &Params, now: i64) -> Result<Returned> {
    let lock = match tx.dialect() {
        Dialect::Sqlite => "",
        Dialect::Postgres => "for update skip locked",
    };
    let sql = format!(
        "update job_queue set claimed_by = null,
           status = case when cancel_requested = 1 then 'cancelled' when attempts >= max_attempts then 'dead'
             else 'pending' end,
           finished_at = case when cancel_requested = 1 or attempts >= max_attempts then :now else finished_at end,
           run_at = case when cancel_requested = 1 or attempts >= max_attempts then run_at else :now end,
           last_error = case when cancel_requested = 1 then 'cancelled while it ran'
             else 'the process that ran it ended, or was taken for dead, in attempt ' || attempts || ' of ' || max_attempts
             end
         where id in (select id from job_queue where status = 'running' and ({which}) limit {MANY} {lock})
         returning status"
    );
    let mut all = Returned::default();
    loop {
        let ended: Vec<String> = tx.query(sql.clone(), params.clone().with("now", now))?;
        let count = |status: &str| ended.iter().filter(|it| *it == status).count() as u64;
        all.again += count("pending");
        all.dead += count("dead");
        all.cancelled += count("cancelled");
        if ended.len() < MANY {
            return Ok(all);
        }
    }
}

/// Gives back what nobody of these has claimed: at the start of the only process that has the database open.
pub(crate) fn give_back_all_but(tx: &mut Tx<'_>, live: &[Arc<str>], now: i64) -> Result<Returned> {
    let live: Vec<String> = live.iter().map(ToString::to_string).collect();
    let live = serde_json::Value::from(live).to_string();
    give_back(
        tx,
        "claimed_by is null or claimed_by not in (select value from json_each(:live))",
        &params! { live },
        now,
    )
}

/// Gives back what is claimed by nobody, or by a runner that is not in the table of runners.
pub(crate) fn give_back_strangers(tx: &mut Tx<'_>, now: i64) -> Result<Returned> {
    give_back(tx, STRANGERS, &params! {}, now)
}

const STRANGERS: &str = "claimed_by is null or not exists (select 1 from job_runners where job_runners.id = job_queue.claimed_by)";

/// Whether there is anything of the kind.
pub(crate) async fn has_strangers(db: &Db) -> Result<bool> {
    let sql = format!("select 1 from job_queue where status = 'running' and ({STRANGERS}) limit 1");
    Ok(db.query_opt::<i64>(sql, params! {}).await?.is_some())
}

/// Makes due what was to be run at once, or soon again, by a clock that was ahead and was set back. What waits for a
/// moment that somebody chose waits for it.
pub(crate) fn mend_times(tx: &mut Tx<'_>, now: i64) -> Result<u64> {
    tx.execute(
        "update job_queue set run_at = :now where status = 'pending' and run_at > :now
         and ((attempts = 0 and created_at > :now and run_at - created_at < 1000) or (attempts > 0 and started_at > :now))",
        params! { now },
    )
}

/// Claims of a runner that it does not know of, because the answer to its question was lost.
pub(crate) fn claims(tx: &mut Tx<'_>, runner: &Arc<str>) -> Result<Vec<Claim>> {
    let sql = format!(
        "select id, claim from job_queue where status = 'running' and claimed_by = :runner order by id limit {MANY}"
    );
    let rows: Vec<(i64, i64)> = tx.query(sql, params! { runner: runner.to_string() })?;
    Ok(rows.into_iter().map(|(id, token)| Claim { id, runner: Arc::clone(runner), token }).collect())
}

/// The runs of a runner that somebody cancelled: job and claim.
pub(crate) async fn cancel_requests(db: &Db, runner: &Arc<str>) -> Result<Vec<(i64, i64)>> {
    let sql = "select id, claim from job_queue
               where status = 'running' and claimed_by = :runner and cancel_requested = 1 limit 1000";
    db.query(sql, params! { runner: runner.to_string() }).await
}

/// A runner begins.
pub(crate) fn enter(tx: &mut Tx<'_>, runner: &str, now: i64) -> Result<()> {
    let sql = "insert into job_runners (id, started_at) values (:id, :now)";
    tx.execute(sql, params! { id: runner.to_owned(), now }).map(drop)
}

/// A runner ends; it has no claims any more.
pub(crate) async fn leave(db: &Db, runner: &str) -> Result<()> {
    db.execute("delete from job_runners where id = :id", params! { id: runner.to_owned() }).await.map(drop)
}

/// A runner shows that it lives; whether it is still counted among those that do.
pub(crate) async fn beat(db: &Db, runner: &str) -> Result<bool> {
    let sql = "update job_runners set beat = beat + 1 where id = :id";
    Ok(db.execute(sql, params! { id: runner.to_owned() }).await? > 0)
}

/// How often a runner has shown that it lives.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Beat {
    pub(crate) id: String,
    pub(crate) beat: i64,
}

/// All runners.
pub(crate) async fn beats(db: &Db) -> Result<Vec<Beat>> {
    db.query("select id, beat from job_runners", params! {}).await
}

/// Takes a runner for dead that has not shown life since that beat, and gives back its claims; nothing when it has.
pub(crate) fn bury(tx: &mut Tx<'_>, dead: &Beat, now: i64) -> Result<Option<Returned>> {
    let Beat { id, beat } = dead.clone();
    let sql = "delete from job_runners where id = :id and beat = :beat";
    if tx.execute(sql, params! { id: id.clone(), beat })? == 0 {
        return Ok(None);
    }
    give_back(tx, "claimed_by = :runner", &params! { runner: id }, now).map(Some)
}
