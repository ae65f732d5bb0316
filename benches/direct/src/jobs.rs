//! A queue of jobs as one thread does it with SQLite: so many are inserted, claimed and completed, in a commit each.

use std::path::Path;

use bench_terms::database::{Sync, now, writer};
use rusqlite::params;

use crate::{Result, rate};

const INSERT: &str =
    "insert into job_queue (job_type, payload, queue, priority, run_at, created_at, max_attempts)
    values (?, ?, 'default', 5, ?3, ?3, 20)";

const CLAIM: &str = "update job_queue set status = 'running', claimed_by = 'direct', claim = claim + 1,
        attempts = attempts + 1, started_at = ?1
    where id in (
        select id from job_queue where status = 'pending' and queue = 'default' and priority = 5 and run_at <= ?1
        order by run_at, id limit ?2
    )
    returning id, claim, payload";

const COMPLETE: &str = "update job_queue set status = 'done', finished_at = ?1, claimed_by = null
    where id = ?2 and claim = ?3 and claimed_by = 'direct'";

/// How many a second, with durable commits.
pub(crate) fn jobs(file: &Path, millis: u64, group: u64) -> Result<f64> {
    let connection = writer(file, Sync::Full)?;
    let mut turn = || -> Result<()> {
        connection.execute_batch("begin immediate")?;
        for _ in 0..group {
            let payload = r#"{"number":1,"name":"Gipsy Moth IV"}"#;
            connection.prepare_cached(INSERT)?.execute(params!["toil", payload, now()])?;
        }
        connection.execute_batch("commit; begin immediate")?;
        let mut claim = connection.prepare_cached(CLAIM)?;
        let claimed: Vec<(i64, i64, String)> = claim
            .query_map(params![now(), i64::try_from(group)?], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        connection.execute_batch("commit; begin immediate")?;
        if claimed.len() as u64 != group {
            return Err(format!("{} of {group} jobs were there to claim", claimed.len()).into());
        }
        for (id, claim, payload) in claimed {
            std::hint::black_box(payload);
            connection.prepare_cached(COMPLETE)?.execute(params![now(), id, claim])?;
        }
        Ok(connection.execute_batch("commit")?)
    };
    // Until the log has its size, every commit makes the file longer.
    rate(millis / 3, group, &mut turn)?;
    rate(millis, group, turn)
}
