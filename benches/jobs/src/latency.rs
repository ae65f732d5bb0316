//! How soon a job starts when nothing else goes on, beside what one commit takes on the same disk at the same time.

use std::path::Path;
use std::time::{Duration, Instant};

use bench_jobs::Begin;
use bench_terms::database::{Sync, writer};
use ketch_jobs::{Jobs, Runner};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::Result;
use crate::place;

/// Between two of what is measured, so that neither meets the other.
const PAUSE: Duration = Duration::from_millis(2);

/// How long a job may take to begin.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is done before it counts.
const WARM_UP: usize = 50;

/// p50 and p99 in µs: of a commit of one row, of an enqueue until it is answered, and from its call to the job's start.
pub(crate) async fn measure(file: &Path, count: usize) -> Result<Vec<f64>> {
    let db = place::open(file).await?;
    let jobs = Jobs::new(db.clone());
    let (said, mut heard) = mpsc::channel(1);
    let running = Runner::new(jobs.clone()).job::<Begin>(said).start().await?;
    let mut beside = writer(&file.with_extension("beside"), Sync::Full)?;
    beside.execute_batch("create table if not exists notes (id integer primary key, at text not null)")?;
    let mut found = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..WARM_UP + count {
        let commit;
        (beside, commit) = spawn_blocking(move || {
            let began = Instant::now();
            beside.prepare_cached("insert into notes (at) values (?)")?.execute(["Gipsy Moth IV"])?;
            Ok::<_, rusqlite::Error>((beside, began.elapsed()))
        })
        .await??;
        sleep(PAUSE).await;
        let began = Instant::now();
        jobs.add(&Begin).await?;
        let answered = began.elapsed();
        let start = timeout(PATIENCE, heard.recv()).await?.ok_or("the runner is gone")?;
        let started = start.saturating_duration_since(began);
        if round >= WARM_UP {
            for (found, time) in found.iter_mut().zip([commit, answered, started]) {
                found.push(time);
            }
        }
        sleep(PAUSE).await;
    }
    running.stop(place::STOP).await;
    db.close().await;
    Ok(found.into_iter().flat_map(percentiles).collect())
}

/// p50 and p99 in µs.
fn percentiles(mut all: Vec<Duration>) -> [f64; 2] {
    all.sort_unstable();
    let at = |share: usize| all.get(all.len().saturating_sub(1) * share / 100).copied().unwrap_or_default();
    [at(50), at(99)].map(|time| time.as_secs_f64() * 1e6)
}
