//! The server's queue of jobs: what is said of it, and its life from start to stop.
//!
//! A server has a queue when somebody asked for its handle, registered a job or wants one to recur.

use std::sync::OnceLock;

use ketch_jobs::{Job, Jobs, Options, Queue, Runner, Running, Schedule};
use ketch_model::{Place, Problem};

use crate::database;
use crate::server::Server;

/// What an application says of its jobs.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    /// There once somebody asked for it.
    handle: OnceLock<Jobs>,
    options: Options,
    runner: Option<Runner>,
    place: Option<Place>,
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
        self.with_runner(Place::caller(), |runner| runner.job::<J>(state))
    }

    /// Works on a queue beside `default`, or on one with another limit.
    #[must_use]
    #[track_caller]
    pub fn queue(self, queue: Queue) -> Self {
        self.with_runner(Place::caller(), |runner| runner.queue(queue))
    }

    /// Enqueues a job again and again.
    #[must_use]
    #[track_caller]
    pub fn schedule(self, schedule: Schedule) -> Self {
        self.with_runner(Place::caller(), |runner| runner.schedule(schedule))
    }

    /// Replaces the bounds of the queue.
    #[must_use]
    pub fn jobs_options(mut self, options: Options) -> Self {
        self.jobs.options = options;
        self
    }

    fn with_runner(mut self, place: Place, say: impl FnOnce(Runner) -> Runner) -> Self {
        let runner = self.jobs.runner.take().unwrap_or_else(|| Runner::new(self.jobs()));
        self.jobs.runner = Some(say(runner));
        self.jobs.place = Some(place);
        self
    }
}

/// The queue of a server that has been built.
#[derive(Debug)]
pub(crate) struct Queued {
    runner: Option<Runner>,
}

impl Declared {
    /// What there will be to run; nothing when nobody needs it.
    pub(crate) fn check(
        self,
        database: &mut database::Declared,
        problems: &mut Vec<Problem>,
    ) -> Option<Queued> {
        let jobs = self.handle.into_inner()?;
        database.add_part(ketch_jobs::migrations());
        let _fresh = jobs.configure(self.options);
        if let Some(runner) = &self.runner {
            let place = self.place;
            problems
                .extend(runner.problems().into_iter().map(|why| Problem::new(place.clone(), "server", why)));
        }
        Some(Queued { runner: self.runner })
    }
}

impl Queued {
    /// Begins to run jobs; nothing when none are registered.
    pub(crate) async fn start(self) -> ketch_db::Result<Option<Running>> {
        match self.runner {
            Some(runner) => runner.start().await.map(Some),
            None => Ok(None),
        }
    }
}
