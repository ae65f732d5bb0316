//! Claims jobs and runs them.
//!
//! A runner is one loop: it writes how runs have ended and claims the next jobs, both in one transaction, and each run is
//! a task of its own. `attempt.rs` is one run, `cycle.rs` the loop.

mod attempt;
mod cycle;
mod said;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ketch_model::{Place, Problem, Problems};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::job::Job;
use crate::jobs::Jobs;
use crate::options::Queue;
use crate::recur::{Recurrent, drive};
use crate::registry::Registry;
use crate::schedule::Schedule;
use cycle::Cycle;
use said::Said;

/// A runner in the making: the types of jobs it knows, the queues it works on, the recurrent jobs it enqueues.
#[derive(Debug)]
pub struct Runner {
    jobs: Jobs,
    registry: Registry,
    queues: Vec<Queue>,
    schedules: Vec<Arc<Recurrent>>,
    said: Said,
}

impl Runner {
    /// A runner for this queue, which works on the queue `default`.
    pub fn new(jobs: Jobs) -> Self {
        let queues = vec![Queue::new("default")];
        Self { jobs, registry: Registry::default(), queues, schedules: Vec::new(), said: Said::default() }
    }

    /// Knows a type of jobs; what it works with is cloned for each run.
    #[must_use]
    #[track_caller]
    pub fn job<J: Job>(mut self, state: J::State) -> Self {
        self.said.job::<J>(Place::caller());
        self.jobs.know::<J>();
        self.registry.add::<J>(state);
        self
    }

    /// Works on a queue too, or on one with another limit.
    #[must_use]
    #[track_caller]
    pub fn queue(mut self, queue: Queue) -> Self {
        self.said.queue(&queue, Place::caller());
        match self.queues.iter_mut().find(|known| known.name == queue.name) {
            Some(known) => *known = queue,
            None => self.queues.push(queue),
        }
        self
    }

    /// Enqueues a recurrent job.
    #[must_use]
    #[track_caller]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        let place = Place::caller();
        self.said.schedule(&schedule, place.clone());
        match Recurrent::read(schedule) {
            Ok(schedule) if self.schedules.iter().any(|other| other.name == schedule.name) => {}
            Ok(schedule) => {
                let schedule = Arc::new(schedule);
                self.jobs.recurrent().add(Arc::clone(&schedule));
                self.schedules.push(schedule);
            }
            Err(problems) => self.said.wrong(problems, &place),
        }
        self
    }

    /// What is wrong with it, with the places where it was said: names that are there twice, limits beyond their
    /// bounds, jobs whose queue it does not work on, patterns that cannot be read. It must not be started then.
    pub fn problems(&self) -> Vec<Problem> {
        self.said.problems()
    }

    /// Begins to work. The database is connected, and its tables are there.
    ///
    /// # Errors
    /// [`ketch_db::Error::Check`] when it has [`problems`](Self::problems); whatever the database says.
    pub async fn start(self) -> ketch_db::Result<Running> {
        let problems = self.problems();
        if !problems.is_empty() {
            return Err(ketch_db::Error::Check(Problems(problems).to_string()));
        }
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id: Arc<str> = format!("{}-{}", boot(), NEXT.fetch_add(1, Ordering::Relaxed)).into();
        let (tell, told) = watch::channel(Phase::Working);
        let jobs = self.jobs.clone();
        let cycle = Cycle::new(self.jobs, self.registry, self.queues, id, told);
        cycle.recover().await?;
        let mut ends = tell.subscribe();
        let recurring = tokio::spawn(drive(jobs, self.schedules, async move {
            let _dropped = ends.wait_for(|phase| *phase == Phase::Stopping).await;
        }));
        let task = tokio::spawn(async move {
            cycle.run().await;
            if let Err(error) = recurring.await {
                tracing::error!(%error, "recurrent jobs were not enqueued any more");
            }
        });
        Ok(Running { tell, task })
    }
}

/// What tells this run of the process from every other.
fn boot() -> &'static str {
    static BOOT: OnceLock<String> = OnceLock::new();
    BOOT.get_or_init(|| uuid::Uuid::new_v4().simple().to_string())
}

/// How a runner stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Working,
    /// Nothing new is begun.
    Stopping,
}

/// A runner that works. Dropped, it is told to stop.
#[derive(Debug)]
pub struct Running {
    tell: watch::Sender<Phase>,
    task: JoinHandle<()>,
}

impl Running {
    /// Claims nothing more, gives jobs that run this time to end, and gives back what is left: it is run again by
    /// whoever comes next, and that attempt does not count.
    pub async fn stop(self, within: Duration) {
        let _gone = self.tell.send(Phase::Stopping);
        if tokio::time::timeout(within, self.task).await.is_err() {
            tracing::warn!("jobs were not done within {within:?}");
        }
    }
}
