//! The server's queue of jobs: what is said of it, and its life from start to stop.
//!
//! A server has a queue when somebody asked for its handle, registered a job or wants one to recur.

use std::sync::{Arc, OnceLock};

use ketch_jobs::{Job, Jobs, Options, Queue, Ran, Runner, Running, Schedule};
use ketch_model::{Clock, Problem};

use crate::database;
use crate::server::Server;

/// What an application says of its jobs.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    /// There once somebody asked for it.
    handle: OnceLock<Jobs>,
    options: Options,
    /// The server's, which wins over that of the options.
    pub(crate) clock: Option<Arc<dyn Clock>>,
    runner: Option<Runner>,
    idle: bool,
}

impl Server {
    /// The queue: a handle for services to enqueue with. Its tables are in the server's database.
    ///
    /// ```
    /// # use ketch_server::Server;
    /// let server = Server::new();
    /// let (db, jobs) = (server.db(), server.jobs());
    /// # drop((db, jobs));
    /// ```
    pub fn jobs(&self) -> Jobs {
        self.jobs.handle.get_or_init(|| Jobs::new(self.db())).clone()
    }

    /// Runs the jobs of a type; what they work with is cloned for each run.
    #[must_use]
    #[track_caller]
    pub fn job<J: Job>(self, state: J::State) -> Self {
        let (server, runner) = self.runner();
        server.with_runner(runner.job::<J>(state))
    }

    /// Works on a queue beside `default`, or on one with another limit.
    #[must_use]
    #[track_caller]
    pub fn queue(self, queue: Queue) -> Self {
        let (server, runner) = self.runner();
        server.with_runner(runner.queue(queue))
    }

    /// Enqueues a job again and again.
    #[must_use]
    #[track_caller]
    pub fn schedule(self, schedule: Schedule) -> Self {
        let (server, runner) = self.runner();
        server.with_runner(runner.schedule(schedule))
    }

    /// Replaces the bounds of the queue.
    #[must_use]
    pub fn jobs_options(mut self, options: Options) -> Self {
        self.jobs.options = options;
        self
    }

    /// Runs no jobs in this process and lets none recur; it only enqueues. `serve --no-jobs` says the same. With
    /// PostgreSQL the jobs are run by other processes on the same database; with SQLite, which one process uses, they
    /// wait.
    #[must_use]
    pub fn without_runner(mut self) -> Self {
        self.jobs.idle = true;
        self
    }

    fn runner(mut self) -> (Self, Runner) {
        let runner = self.jobs.runner.take().unwrap_or_else(|| Runner::new(self.jobs()));
        (self, runner)
    }

    fn with_runner(mut self, runner: Runner) -> Self {
        self.jobs.runner = Some(runner);
        self
    }
}

/// The queue of a server that has been built.
#[derive(Debug)]
pub(crate) struct Queued {
    jobs: Jobs,
    runner: Option<Runner>,
    idle: bool,
}

impl Declared {
    /// What there will be to run; nothing when nobody needs it.
    pub(crate) fn check(
        self,
        database: &mut database::Declared,
        problems: &mut Vec<Problem>,
    ) -> Option<Queued> {
        let Self { handle, mut options, clock, runner, idle } = self;
        let jobs = handle.into_inner()?;
        database.add_part(ketch_jobs::migrations());
        if let Some(clock) = clock {
            options.clock = clock;
        }
        let _fresh = jobs.configure(options);
        problems.extend(runner.iter().flat_map(Runner::problems));
        Some(Queued { jobs, runner, idle })
    }
}

impl Queued {
    /// The queue.
    pub(crate) fn handle(&self) -> &Jobs {
        &self.jobs
    }

    /// Runs what is due until nothing is.
    pub(crate) async fn run_due(&self) -> ketch_db::Result<Ran> {
        match &self.runner {
            Some(runner) if !self.idle => runner.run_due().await,
            _ => Ok(Ran::default()),
        }
    }

    /// Begins the schedules: they are due from now on.
    pub(crate) async fn recur(&self) -> ketch_db::Result<()> {
        match &self.runner {
            Some(runner) if !self.idle => runner.recur().await,
            _ => Ok(()),
        }
    }

    /// Takes what would run jobs.
    pub(crate) fn take_runner(&mut self) -> Option<Runner> {
        self.runner.take()
    }

    /// Begins to run jobs; nothing when none are registered, or other processes run them.
    pub(crate) async fn start(self) -> ketch_db::Result<Option<Running>> {
        match self.runner {
            Some(_) if self.idle => {
                tracing::info!("jobs are enqueued, but not run by this process");
                Ok(None)
            }
            Some(runner) => runner.start().await.map(Some),
            None => Ok(None),
        }
    }
}
