//! The jobs that are run: they do nothing but count, so that the queue is what is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use ketch_jobs::{Job, JobCtx, JobResult};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc};

/// What counts runs, and holds enqueuers up when runs do not keep pace.
#[derive(Clone, Debug)]
pub struct Tally {
    runs: Arc<AtomicU64>,
    room: Arc<Semaphore>,
}

impl Tally {
    /// With room for so many jobs that are enqueued and not run; without a bound when there is no number.
    pub fn new(room: Option<usize>) -> Self {
        let room = room.unwrap_or(Semaphore::MAX_PERMITS / 2);
        Self { runs: Arc::default(), room: Arc::new(Semaphore::new(room)) }
    }

    /// How many were run.
    pub fn runs(&self) -> u64 {
        self.runs.load(Relaxed)
    }

    fn count(&self) {
        self.runs.fetch_add(1, Relaxed);
        self.room.add_permits(1);
    }

    /// Waits until there is room for so many more, and takes it.
    pub(crate) async fn room(&self, count: u32) {
        let room = self.room.acquire_many(count).await;
        room.expect("nobody closes it").forget();
    }
}

/// A job as small as they come, with a payload as applications have it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Toil {
    number: u64,
    name: String,
}

impl Toil {
    /// One of many.
    pub fn new(number: u64) -> Self {
        Self { number, name: "Gipsy Moth IV".to_owned() }
    }
}

impl Job for Toil {
    const TYPE: &'static str = "toil";
    type State = Tally;

    async fn run(self, ctx: JobCtx<Tally>) -> JobResult {
        ctx.state().count();
        Ok(())
    }
}

/// The same, done together with what it writes: here, nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finish {
    number: u64,
    name: String,
}

impl Finish {
    /// One of many.
    pub fn new(number: u64) -> Self {
        Self { number, name: "Gipsy Moth IV".to_owned() }
    }
}

impl Job for Finish {
    const TYPE: &'static str = "finish";
    type State = Tally;

    async fn run(self, ctx: JobCtx<Tally>) -> JobResult {
        ctx.finish(|_| Ok(())).await?;
        ctx.state().count();
        Ok(())
    }
}

/// Tells when it was begun.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Begin;

impl Job for Begin {
    const TYPE: &'static str = "begin";
    type State = mpsc::Sender<Instant>;

    async fn run(self, ctx: JobCtx<Self::State>) -> JobResult {
        let now = Instant::now();
        ctx.state().send(now).await?;
        Ok(())
    }
}
