//! How many jobs a second are enqueued and completed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use ketch_db::{Db, params};
use ketch_jobs::{Jobs, Options, Queue, Runner};
use tokio::task::JoinSet;

use crate::Result;
use crate::place::{self, cpu_seconds, unfinished};
use crate::toil::{Finish, Tally, Toil};

/// Tasks that enqueue, each in a write of its own that it waits for.
const ENQUEUERS: usize = 64;

/// Jobs that may be enqueued and not run; enqueuers wait beyond that, so that both go on for as long as one likes.
const BACKLOG: usize = 4_096;

/// Jobs in each write of those that enqueue many, and how many of those there are.
const BULK: (u64, usize) = (100, 4);

/// Rows that wait for each millisecond of measuring, where nothing is enqueued: more than can be run.
const FILL: u64 = 60;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Enqueued and completed.
    All,
    /// The same, with jobs that write their end themselves.
    Finish,
    /// The same as `All`, and rows of jobs that are done are deleted at once.
    Gone,
    /// Enqueued; nothing runs.
    Enqueue,
    /// The same, many to a write.
    Bulk,
    /// Completed; all are there before.
    Run,
}

impl Kind {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "all" => Self::All,
            "finish" => Self::Finish,
            "gone" => Self::Gone,
            "enqueue" => Self::Enqueue,
            "bulk" => Self::Bulk,
            "run" => Self::Run,
            _ => return None,
        })
    }

    fn runs(self) -> bool {
        !matches!(self, Self::Enqueue | Self::Bulk)
    }
}

/// What enqueuers share.
#[derive(Clone)]
struct Load {
    jobs: Jobs,
    tally: Tally,
    kind: Kind,
    enqueued: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

/// Enqueued a second, completed a second, and µs of CPU for each job.
pub(crate) async fn measure(file: &Path, millis: u64, limit: usize, kind: Kind) -> Result<Vec<f64>> {
    let db = place::open(file).await?;
    let jobs = Jobs::new(db.clone());
    if kind == Kind::Gone {
        let mut options = Options::default();
        options.keep_done = Duration::ZERO;
        jobs.configure(options);
    }
    let room = if kind.runs() { BACKLOG } else { tokio::sync::Semaphore::MAX_PERMITS };
    let (tally, enqueued, over) = (Tally::new(room), Arc::default(), Arc::default());
    let load = Load { jobs: jobs.clone(), tally: tally.clone(), kind, enqueued, over };
    let filled = if kind == Kind::Run { fill(&db, millis * 4 / 3 * FILL).await? } else { 0 };
    let running = if kind.runs() {
        let runner = Runner::new(jobs).queue(Queue::new("default").limit(limit));
        Some(runner.job::<Toil>(tally.clone()).job::<Finish>(tally).start().await?)
    } else {
        None
    };
    let tasks = load.start();
    // Until the log has its size, every commit makes the file longer.
    tokio::time::sleep(Duration::from_millis(millis / 3)).await;
    let (began, before) = (Instant::now(), load.look(&db, filled).await?);
    let cpu = cpu_seconds()?;
    tokio::time::sleep(Duration::from_millis(millis)).await;
    let (took, after) = (began.elapsed().as_secs_f64(), load.look(&db, filled).await?);
    let cpu = cpu_seconds()? - cpu;
    load.over.store(true, Relaxed);
    load.tally.room.close();
    for done in tasks.join_all().await {
        done?;
    }
    if kind == Kind::Run && unfinished(&db).await? == 0 {
        return Err("the queue ran empty: more must be filled in".into());
    }
    if let Some(running) = running {
        running.stop(place::STOP).await;
    }
    db.close().await;
    let (enqueued, completed) = (after.0 - before.0, after.1 - before.1);
    let each = cpu * 1e6 / enqueued.max(completed).max(1) as f64;
    Ok(vec![enqueued as f64 / took, completed as f64 / took, each])
}

impl Load {
    fn start(&self) -> JoinSet<Result<()>> {
        let count = match self.kind {
            Kind::Run => 0,
            Kind::Bulk => BULK.1,
            _ => ENQUEUERS,
        };
        (0..count).map(|_| self.clone().enqueue()).collect()
    }

    async fn enqueue(self) -> Result<()> {
        while !self.over.load(Relaxed) {
            let Ok(room) = self.tally.room.acquire().await else { break };
            room.forget();
            let number = self.enqueued.load(Relaxed);
            match self.kind {
                Kind::Bulk => {
                    let jobs = self.jobs.clone();
                    let write = move |tx: &mut ketch_db::Tx<'_>| {
                        (0..BULK.0).try_for_each(|at| jobs.enqueue(tx, &Toil::new(number + at)).map(drop))
                    };
                    self.jobs.db().write(write).await?;
                }
                Kind::Finish => {
                    let Toil { number, name } = Toil::new(number);
                    self.jobs.add(&Finish { number, name }).await?;
                }
                _ => {
                    self.jobs.add(&Toil::new(number)).await?;
                }
            }
            self.enqueued.fetch_add(if self.kind == Kind::Bulk { BULK.0 } else { 1 }, Relaxed);
        }
        Ok(())
    }

    /// How many have been enqueued, and how many of those have been completed, as the table says.
    async fn look(&self, db: &Db, filled: i64) -> Result<(i64, i64)> {
        let enqueued = i64::try_from(self.enqueued.load(Relaxed))?;
        if !self.kind.runs() {
            return Ok((enqueued, 0));
        }
        Ok((enqueued, filled + enqueued - unfinished(db).await?))
    }
}

/// Jobs that are there before.
async fn fill(db: &Db, rows: u64) -> Result<i64> {
    let rows = i64::try_from(rows)?;
    let sql = "with recursive n(i) as (select 1 union all select i + 1 from n where i < :rows)
        insert into job_queue (job_type, payload)
        select 'toil', json_object('number', i, 'name', 'Gipsy Moth IV') from n";
    let write = move |tx: &mut ketch_db::Tx<'_>| tx.execute(sql, params! { rows }).map(drop);
    db.write_alone(write).await?;
    Ok(rows)
}
