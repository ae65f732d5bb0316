//! What people do to single jobs. Each is one conditional statement, so that nothing comes between the look and the
//! change.

use ketch_db::{Db, Params, Result, Tx, params};

use super::look::{Stored, columns, shown};
use crate::row::{JobRow, Status};

/// What came of it.
#[derive(Debug)]
pub(crate) enum Changed {
    /// The job as it stands now.
    Row(Box<JobRow>),
    /// Nothing: it stands so that it cannot be done.
    Not(Status),
    NoJob,
}

/// Makes a job wait again, and due. One that is due already keeps its turn.
pub(crate) fn retry(tx: &mut Tx<'_>, id: i64, now: i64) -> Result<Changed> {
    let columns = columns(tx.dialect());
    let sql = format!(
        "update job_queue set status = 'pending', \
         run_at = case when status = 'pending' and run_at < :now then run_at else :now end, \
         max_attempts = case when attempts >= max_attempts then attempts + 1 else max_attempts end, \
         finished_at = null, cancel_requested = 0, progress = null, progress_note = null \
         where id = :id and status <> 'running' returning {columns}"
    );
    change(tx, sql, id, params! { id, now })
}

/// Cancels a job that waits, or asks for the end of one that runs.
pub(crate) fn cancel(tx: &mut Tx<'_>, id: i64, now: i64) -> Result<Changed> {
    let columns = columns(tx.dialect());
    let sql = format!(
        "update job_queue set cancel_requested = case status when 'running' then 1 else cancel_requested end, \
         finished_at = case status when 'pending' then :now else finished_at end, \
         status = case status when 'pending' then 'cancelled' else status end \
         where id = :id and status in ('pending', 'running') returning {columns}"
    );
    change(tx, sql, id, params! { id, now })
}

/// Makes a job due that waits for its time.
pub(crate) fn run_now(tx: &mut Tx<'_>, id: i64, now: i64) -> Result<Changed> {
    let columns = columns(tx.dialect());
    let sql = format!(
        "update job_queue set run_at = case when run_at < :now then run_at else :now end \
         where id = :id and status = 'pending' returning {columns}"
    );
    change(tx, sql, id, params! { id, now })
}

fn change(tx: &mut Tx<'_>, sql: String, id: i64, params: Params) -> Result<Changed> {
    let stored: Option<Stored> = tx.query_opt(sql, params)?;
    if let Some(stored) = stored {
        return Ok(Changed::Row(Box::new(shown(stored)?)));
    }
    let status: Option<String> =
        tx.query_opt("select status from job_queue where id = :id", params! { id })?;
    match status {
        None => Ok(Changed::NoJob),
        Some(status) => status.parse().map(Changed::Not).map_err(ketch_db::Error::Row),
    }
}

/// The unfinished job that has the unique key of this one.
pub(crate) async fn rival(db: &Db, id: i64) -> Result<Option<i64>> {
    let sql = "select other.id from job_queue mine join job_queue other \
         on other.job_type = mine.job_type and other.unique_key = mine.unique_key \
         where mine.id = :id and other.id <> mine.id and other.unique_key is not null \
         and other.status in ('pending', 'running')";
    db.query_opt(sql, params! { id }).await
}
