//! Claims jobs and runs them.
//!
//! A runner is one loop, `cycle.rs`: it writes how runs have ended and claims the next jobs, both in one transaction
//! (`turn.rs`), and each run is a task of its own (`attempt.rs`) on threads for jobs alone (`threads.rs`). `slots.rs` is what runs, `ending.rs` what becomes of a
//! job. That a runner lives and what is given back when it does not is `membership.rs`, with PostgreSQL `beats.rs`.

mod attempt;
mod beats;
mod clock;
mod cycle;
mod ending;
mod listen;
mod membership;
mod outage;
mod roll;
mod run_due;
mod said;
mod scope;
mod slots;
mod threads;
mod tidy;
mod turn;

use std::sync::Arc;
use std::time::Duration;

use ketch_model::{Place, Problem, Problems};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::job::Job;
use crate::jobs::Jobs;
use crate::options::Queue;
use crate::recur::{Recurrent, drive};
use crate::registry::Registry;
use crate::schedule::Schedule;
pub(crate) use attempt::said;
use cycle::Cycle;
use membership::Membership;
pub(crate) use roll::runners_now;
pub use run_due::Ran;
use said::Said;
use scope::Scope;

/// A runner in the making: the types of jobs it knows, the queues it works on, the recurrent jobs it enqueues.
#[derive(Clone, Debug)]
pub struct Runner {
    jobs: Jobs,
    registry: Registry,
    queues: Vec<Queue>,
    schedules: Vec<Arc<Recurrent>>,
    said: Said,
    scope: Scope,
}

impl Runner {
    /// A runner for this queue, which works on the queue `default`.
    pub fn new(jobs: Jobs) -> Self {
        let queues = vec![Queue::new("default")];
        let (registry, schedules, said, scope) = Default::default();
        Self { jobs, registry, queues, schedules, said, scope }
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
        match Recurrent::read(schedule) {
            Ok(schedule) => {
                let schedule = Arc::new(schedule);
                self.said.schedule(&schedule, place);
                self.jobs.recurrent().add(Arc::clone(&schedule));
                self.schedules.push(schedule);
            }
            Err(problems) => self.said.wrong(problems, &place),
        }
        self
    }

    /// Runs this one job, whether it is due or not, and then ends. It does not run when it does not wait. Recurrent jobs
    /// are not enqueued.
    #[must_use]
    pub fn only(self, id: i64) -> Self {
        Self { scope: Scope::Only(id), ..self }
    }

    /// Runs what is due and ends when nothing is any more. Recurrent jobs are not enqueued.
    #[must_use]
    pub fn until_idle(self) -> Self {
        Self { scope: Scope::UntilIdle, ..self }
    }

    /// Works on this queue alone, of those that it was given.
    ///
    /// # Errors
    /// The queues that there are, when it is none of them.
    pub fn only_queue(mut self, name: &str) -> Result<Self, Vec<String>> {
        match self.queues.iter().position(|queue| queue.name == name) {
            Some(at) => {
                self.queues = vec![self.queues.swap_remove(at)];
                Ok(self)
            }
            None => Err(self.queues.into_iter().map(|queue| queue.name).collect()),
        }
    }

    /// What is wrong with it, with the places where it was said: names that are there twice, limits beyond their
    /// bounds, jobs whose queue it does not work on, patterns that cannot be read. It does not start then.
    pub fn problems(&self) -> Vec<Problem> {
        self.said.problems()
    }

    /// Begins to work. The database is connected, and its tables are there; one that is not ready yet is waited for, some
    /// seconds.
    ///
    /// # Errors
    /// [`ketch_db::Error::Check`] when it has [`problems`](Self::problems); whatever the database says.
    pub async fn start(self) -> ketch_db::Result<Running> {
        let problems = self.problems();
        if !problems.is_empty() {
            return Err(ketch_db::Error::Check(Problems(problems).to_string()));
        }
        let membership = Membership::begin(&self.jobs).await?;
        let (tell, told) = watch::channel(Phase::Working);
        let mut ends = told.clone();
        let schedules = if self.scope == Scope::Everything { self.schedules } else { Vec::new() };
        let recurring = drive(self.jobs.clone(), schedules, async move {
            let _dropped = ends.wait_for(|phase| *phase != Phase::Working).await;
        });
        let cycle = Cycle::new(self.jobs, self.registry, self.queues, membership, told, self.scope);
        let recurring = tokio::spawn(recurring);
        let task = tokio::spawn(async move {
            cycle.run().await;
            if let Err(error) = recurring.await {
                tracing::error!(%error, "recurrent jobs were not enqueued any more");
            }
        });
        Ok(Running { tell, task })
    }
}

/// How a runner stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Working,
    /// Nothing new is begun; what runs has this time.
    Stopping(Instant),
}

/// A runner that works. Dropped, it is told to stop, and what runs has [`Options::grace`](crate::Options::grace).
#[derive(Debug)]
pub struct Running {
    tell: watch::Sender<Phase>,
    task: JoinHandle<()>,
}

impl Running {
    /// Resolves when it ended by itself: [`Runner::only`], [`Runner::until_idle`].
    pub async fn ended(&mut self) {
        if self.task.is_finished() {
            return;
        }
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "the runner of jobs did not end well");
        }
    }

    /// Claims nothing more, tells the jobs that run that they are to end, gives them this time, and gives back what is
    /// left: it is due at once for whoever comes next, and that attempt does not count. What they came to is written when
    /// this resolves; when the database does not take it, that is given up after some seconds, and the log says so.
    ///
    /// Dropped before it resolves, it goes on by itself.
    pub async fn stop(mut self, within: Duration) {
        self.tell.send_replace(Phase::Stopping(after(within)));
        self.ended().await;
    }
}

/// The moment after this time; one that cannot be counted is years away.
fn after(time: Duration) -> Instant {
    const FAR: Duration = Duration::from_hours(24 * 365 * 10);
    Instant::now() + time.min(FAR)
}
