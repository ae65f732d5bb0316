//! How many jobs a second are enqueued and completed.

use std::path::Path;
use std::time::{Duration, Instant};

use bench_jobs::{Finish, Load, Pace, Tally, Toil};
use ketch_db::{Db, params};
use ketch_jobs::{Jobs, Options, Queue, Runner};
use tokio::time::sleep;

use crate::Result;
use crate::place::{self, cpu_seconds, unfinished};

/// Jobs that may be enqueued and not run; enqueuers wait beyond that, so that both go on for as long as one likes.
const BACKLOG: usize = 4_096;

/// Rows that wait for each millisecond of measuring, where nothing is enqueued.
const FILL: u64 = 60;

/// How often it is looked whether so many rows were enough.
const LOOK: Duration = Duration::from_millis(5);

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

    fn pace(self) -> Option<Pace> {
        match self {
            Self::All | Self::Gone | Self::Enqueue => Some(Pace::Single),
            Self::Finish => Some(Pace::SingleFinish),
            Self::Bulk => Some(Pace::Bulk),
            Self::Run => None,
        }
    }
}

/// Enqueued a second, completed a second, µs of CPU for each job, and jobs in the mean of commits.
pub(crate) async fn measure(file: &Path, millis: u64, limit: usize, kind: Kind) -> Result<Vec<f64>> {
    let db = place::open(file).await?;
    let jobs = Jobs::new(db.clone());
    if kind == Kind::Gone {
        let mut options = Options::default();
        options.keep_done = Duration::ZERO;
        jobs.configure(options);
    }
    let tally = Tally::new(kind.runs().then_some(BACKLOG));
    let filled = if kind == Kind::Run { fill(&db, millis * 4 / 3 * FILL).await? } else { 0 };
    let load = kind.pace().map(|pace| Load::new(jobs.clone(), tally.clone(), pace));
    let running = if kind.runs() {
        let runner = Runner::new(jobs).queue(Queue::new("default").limit(limit));
        Some(runner.job::<Toil>(tally.clone()).job::<Finish>(tally.clone()).start().await?)
    } else {
        None
    };
    let tasks = load.as_ref().map(Load::start);
    // Until the log has its size, every commit makes the file longer.
    sleep(Duration::from_millis(millis / 3)).await;
    let look = || look(&db, load.as_ref(), filled, kind);
    let (began, before, cpu) = (Instant::now(), look().await?, cpu_seconds()?);
    let commits = db.stats().commits;
    while began.elapsed() < Duration::from_millis(millis) {
        if kind == Kind::Run && tally.runs() + 4 * limit as u64 > filled {
            break;
        }
        sleep(LOOK).await;
    }
    let (took, after, cpu) = (began.elapsed().as_secs_f64(), look().await?, cpu_seconds()? - cpu);
    let commits = db.stats().commits - commits;
    if let (Some(load), Some(tasks)) = (&load, tasks) {
        load.stop();
        for done in tasks.join_all().await {
            done?;
        }
    }
    if let Some(running) = running {
        running.stop(place::STOP).await;
    }
    db.close().await;
    let [enqueued, completed] = [after.0 - before.0, after.1 - before.1];
    let jobs = enqueued.max(completed) as f64;
    Ok(vec![enqueued as f64 / took, completed as f64 / took, cpu * 1e6 / jobs, jobs / commits as f64])
}

/// How many have been enqueued, and how many of all have been completed, as the table says.
async fn look(db: &Db, load: Option<&Load>, filled: u64, kind: Kind) -> Result<(u64, u64)> {
    let enqueued = load.map(Load::enqueued).unwrap_or_default();
    let left = if kind.runs() { unfinished(db).await? } else { enqueued };
    Ok((enqueued, (filled + enqueued).saturating_sub(left)))
}

/// Jobs that are there before.
async fn fill(db: &Db, rows: u64) -> Result<u64> {
    let count = i64::try_from(rows)?;
    let sql = "with recursive n(i) as (select 1 union all select i + 1 from n where i < :count)
        insert into job_queue (job_type, payload)
        select 'toil', json_object('number', i, 'name', 'Gipsy Moth IV') from n";
    let write = move |tx: &mut ketch_db::Tx<'_>| tx.execute(sql, params! { count }).map(drop);
    db.write_alone(write).await?;
    Ok(rows)
}
