//! The jobs that are run: they do nothing but count, so that the queue is what is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use ketch_jobs::{Job, JobCtx, JobResult};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc};

/// What counts runs, and holds enqueuers up when runs do not keep pace.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    pub(crate) runs: Arc<AtomicU64>,
    pub(crate) room: Arc<Semaphore>,
}

impl Tally {
    /// With room for so many jobs that are enqueued and not run.
    pub(crate) fn new(room: usize) -> Self {
        Self { runs: Arc::default(), room: Arc::new(Semaphore::new(room)) }
    }

    fn count(&self) {
        self.runs.fetch_add(1, Relaxed);
        self.room.add_permits(1);
    }
}

/// A job as small as they come, with a payload as applications have it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Toil {
    pub(crate) number: u64,
    pub(crate) name: String,
}

impl Toil {
    pub(crate) fn new(number: u64) -> Self {
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
pub(crate) struct Finish {
    pub(crate) number: u64,
    pub(crate) name: String,
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
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Begin;

impl Job for Begin {
    const TYPE: &'static str = "begin";
    type State = mpsc::Sender<Instant>;

    async fn run(self, ctx: JobCtx<Self::State>) -> JobResult {
        let now = Instant::now();
        ctx.state().send(now).await?;
        Ok(())
    }
}
