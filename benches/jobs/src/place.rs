//! The file that is measured on, and what is asked of it beside the queue.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ketch_db::driver::Driver;
use ketch_db::migrate::{self, Backup, Wanted};
use ketch_db::sqlite::Sqlite;
use ketch_db::{Db, Options, params};

use crate::Result;

/// How long a runner may take to stop.
pub(crate) const STOP: Duration = Duration::from_secs(10);

/// Opens a file as a server does (`FULL`), with the queue's tables in it.
pub(crate) async fn open(file: &Path) -> Result<Db> {
    wrapped(file, |engine| Arc::new(engine)).await
}

/// The same, with something around the engine.
pub(crate) async fn wrapped(file: &Path, wrap: impl FnOnce(Sqlite) -> Arc<dyn Driver>) -> Result<Db> {
    let options = Options::default();
    let db = Db::unconnected();
    db.connect(wrap(Sqlite::open(file, &options)?), &options)?;
    let wanted = Wanted { backup: Backup::Without, ..Wanted::default() };
    migrate::up(&db, &[ketch_jobs::migrations()], &wanted).await?;
    Ok(db)
}

/// Makes the tables.
pub(crate) async fn make(file: &Path) -> Result<Vec<f64>> {
    open(file).await?.close().await;
    Ok(Vec::new())
}

/// How many jobs have not ended.
pub(crate) async fn unfinished(db: &Db) -> Result<u64> {
    let sql = "select (select count(*) from job_queue where status = 'pending')
        + (select count(*) from job_queue where status = 'running') as count";
    Ok(db.query_one(sql, params! {}).await?)
}

/// Seconds that this process has computed so far.
pub(crate) fn cpu_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let rest = stat.rsplit_once(')').ok_or("no process name")?.1;
    let ticks: Vec<f64> =
        rest.split_ascii_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    // Linux promises programs 100 ticks a second.
    Ok(ticks.iter().sum::<f64>() / 100.0)
}
