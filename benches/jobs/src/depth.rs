//! What a claim takes in a queue that is deep.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bench_jobs::{Tally, Toil};
use ketch_db::{Db, params};
use ketch_jobs::{Jobs, Queue, Runner};
use tokio::time::sleep;

use crate::Result;
use crate::place;
use crate::timed::{Timed, Times};

/// Due rows that are always there beside those that are not due: what is claimed.
const AT_HAND: i64 = 1_000;

/// So many rows are added each time that so many have been run, so that the queue stays as deep as it is.
const TOP_UP: u64 = 160;

/// Claims of fewer rows than a runner takes at most do not count.
const WHOLE: usize = Queue::LIMIT;

/// Fewer claims than this are no measurement.
const ENOUGH: usize = 20;

/// What the rows are that make the queue deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Due.
    Due,
    /// Due, of all priorities.
    Spread,
    /// Not due for a while.
    Future,
    /// Done.
    Finished,
}

impl Kind {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "due" => Self::Due,
            "spread" => Self::Spread,
            "future" => Self::Future,
            "finished" => Self::Finished,
            _ => return None,
        })
    }
}

/// Rows that are due, of one priority or of all.
const DUE: &str = "insert into job_queue (job_type, payload, priority)
    select 'toil', json_object('number', i, 'name', 'Gipsy Moth IV'), case when :spread then i % 10 else 5 end";

/// Rows that are due at random moments of a day that begins in an hour.
const FUTURE: &str = "insert into job_queue (job_type, payload, run_at)
    select 'toil', json_object('number', i, 'name', 'Gipsy Moth IV'),
        unixepoch() * 1000 + 3600000 + abs(random() % 86400000)";

/// Rows that were done within the last hour, so that nobody purges them.
const FINISHED: &str =
    "insert into job_queue (job_type, payload, status, attempts, claim, started_at, finished_at)
    select 'toil', json_object('number', i, 'name', 'Gipsy Moth IV'), 'done', 1, 1,
        unixepoch() * 1000 - 3600000 + i, unixepoch() * 1000 - 3600000 + i";

/// Makes a queue of so many rows of a kind.
pub(crate) async fn fill(file: &Path, kind: Kind, rows: i64) -> Result<Vec<f64>> {
    /// In each write: a large one would make the log as long as itself.
    const EACH: i64 = 20_000;
    let db = place::open(file).await?;
    let mut left = rows;
    while left > 0 {
        match kind {
            Kind::Due => due(&db, left.min(EACH), false).await?,
            Kind::Spread => due(&db, left.min(EACH), true).await?,
            Kind::Future => insert(&db, FUTURE, left.min(EACH)).await?,
            Kind::Finished => insert(&db, FINISHED, left.min(EACH)).await?,
        }
        left -= EACH;
    }
    if matches!(kind, Kind::Future | Kind::Finished) {
        due(&db, AT_HAND, false).await?;
    }
    db.close().await;
    Ok(Vec::new())
}

async fn due(db: &Db, rows: i64, spread: bool) -> Result<()> {
    let sql = counted(DUE);
    let insert = move |tx: &mut ketch_db::Tx<'_>| {
        tx.execute(sql.clone(), params! { rows, spread: i64::from(spread) }).map(drop)
    };
    Ok(db.write(insert).await?)
}

async fn insert(db: &Db, sql: &str, rows: i64) -> Result<()> {
    let sql = counted(sql);
    Ok(db.write(move |tx| tx.execute(sql.clone(), params! { rows }).map(drop)).await?)
}

fn counted(insert: &str) -> String {
    let numbers = "with recursive n(i) as (select 1 union all select i + 1 from n where i < :rows)";
    format!("{numbers} {insert} from n")
}

/// µs of a claim of 16, µs of all statements of such a cycle, and jobs a second.
pub(crate) async fn measure(file: &Path, kind: Kind, millis: u64) -> Result<Vec<f64>> {
    let times: Arc<Mutex<Times>> = Arc::default();
    let clock = Arc::clone(&times);
    let db = place::wrapped(file, |engine| Arc::new(Timed::new(engine, clock))).await?;
    let (jobs, tally) = (Jobs::new(db.clone()), Tally::new(None));
    let running = Runner::new(jobs).job::<Toil>(tally.clone()).start().await?;
    let _warm_up = top_up(&db, &tally, kind, Duration::from_millis(millis / 3)).await?;
    std::mem::take(&mut *times.lock().unwrap_or_else(PoisonError::into_inner));
    let before = tally.runs();
    let took = top_up(&db, &tally, kind, Duration::from_millis(millis)).await?;
    let runs = tally.runs() - before;
    let Times { claims, cycles } = std::mem::take(&mut *times.lock().unwrap_or_else(PoisonError::into_inner));
    running.stop(place::STOP).await;
    db.close().await;
    let whole: Vec<Duration> =
        claims.iter().filter(|(rows, _)| *rows >= WHOLE).map(|(_, time)| *time).collect();
    if whole.len() < ENOUGH {
        let counts: Vec<usize> = claims.iter().map(|(rows, _)| *rows).take(60).collect();
        return Err(
            format!("only {} of {} claims took {WHOLE} rows: {counts:?}", whole.len(), claims.len()).into()
        );
    }
    Ok(vec![median(whole), median(cycles), runs as f64 / took.as_secs_f64()])
}

/// Keeps the queue as deep as it is, for so long; how long it was.
async fn top_up(db: &Db, tally: &Tally, kind: Kind, time: Duration) -> Result<Duration> {
    let (began, mut seen) = (Instant::now(), tally.runs());
    while began.elapsed() < time {
        sleep(Duration::from_millis(1)).await;
        let runs = tally.runs();
        if runs - seen >= TOP_UP {
            due(db, i64::try_from(runs - seen)?, kind == Kind::Spread).await?;
            seen = runs;
        }
    }
    Ok(began.elapsed())
}

/// In µs.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default().as_secs_f64() * 1e6
}
