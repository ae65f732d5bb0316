//! Enqueuers that go on until they are told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ketch_db::{Result, Tx};
use ketch_jobs::Jobs;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::toil::{Finish, Tally, Toil};

/// How it is enqueued. Every write is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// 64 tasks, each with one job to a write.
    Single,
    /// The same, with jobs that write their end themselves.
    SingleFinish,
    /// 4 tasks, each with 100 jobs to a write.
    Bulk,
}

impl Pace {
    /// Tasks, and jobs in each of their writes.
    fn shape(self) -> (usize, u32) {
        match self {
            Self::Single | Self::SingleFinish => (64, 1),
            Self::Bulk => (4, 100),
        }
    }
}

/// What enqueuers share.
#[derive(Clone, Debug)]
pub struct Load {
    jobs: Jobs,
    tally: Tally,
    pace: Pace,
    enqueued: Arc<AtomicU64>,
    over: watch::Sender<bool>,
}

impl Load {
    /// Enqueuers that have not begun. They wait for room in the tally.
    pub fn new(jobs: Jobs, tally: Tally, pace: Pace) -> Self {
        Self { jobs, tally, pace, enqueued: Arc::default(), over: watch::Sender::new(false) }
    }

    /// Begins.
    pub fn start(&self) -> JoinSet<Result<()>> {
        (0..self.pace.shape().0).map(|_| self.clone().enqueue()).collect()
    }

    /// How many have been enqueued and answered.
    pub fn enqueued(&self) -> u64 {
        self.enqueued.load(Relaxed)
    }

    /// Begins no more.
    pub fn stop(&self) {
        self.over.send_replace(true);
    }

    async fn enqueue(self) -> Result<()> {
        let count = self.pace.shape().1;
        let mut over = self.over.subscribe();
        loop {
            tokio::select! {
                biased;
                _ = over.wait_for(|over| *over) => return Ok(()),
                () = self.tally.room(count) => {}
            }
            let number = self.enqueued();
            match self.pace {
                Pace::Single => self.jobs.add(&Toil::new(number)).await.map(drop)?,
                Pace::SingleFinish => self.jobs.add(&Finish::new(number)).await.map(drop)?,
                Pace::Bulk => {
                    let jobs = self.jobs.clone();
                    let write = move |tx: &mut Tx<'_>| {
                        let all: Vec<Toil> = (0..u64::from(count)).map(|at| Toil::new(number + at)).collect();
                        jobs.enqueue_all(tx, &all).map(drop)
                    };
                    self.jobs.db().write(write).await?;
                }
            }
            self.enqueued.fetch_add(u64::from(count), Relaxed);
        }
    }
}
