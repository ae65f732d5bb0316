//! Runs what is due and then stops: for tests, and for programs that do nothing else.

use std::time::Duration;

use ketch_db::{Result, params};

use super::Runner;
use crate::recur::enqueue_due;
use crate::stats::{Stats, TypeStats};

/// How often it is looked whether everything has ended.
const LOOK: Duration = Duration::from_millis(2);

/// How long the last runs have to end once nothing is due.
const STOP: Duration = Duration::from_secs(30);

/// How runs have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ran {
    /// They ended well.
    pub done: u64,
    /// They failed, and are tried again later.
    pub retried: u64,
    /// They failed for good.
    pub dead: u64,
    /// They were cancelled while they ran.
    pub cancelled: u64,
}

impl Ran {
    /// What was counted between two looks.
    fn between(before: &Stats, after: &Stats) -> Self {
        let count = |of: fn(&TypeStats) -> u64| -> u64 {
            let sum = |stats: &Stats| stats.types.iter().map(of).sum::<u64>();
            sum(after).saturating_sub(sum(before))
        };
        Self {
            done: count(|of| of.done),
            retried: count(|of| of.retried),
            dead: count(|of| of.dead),
            cancelled: count(|of| of.cancelled),
        }
    }

    /// How many runs that are.
    pub fn all(self) -> u64 {
        self.done + self.retried + self.dead + self.cancelled
    }
}

impl std::ops::AddAssign for Ran {
    fn add_assign(&mut self, other: Self) {
        self.done += other.done;
        self.retried += other.retried;
        self.dead += other.dead;
        self.cancelled += other.cancelled;
    }
}

impl Runner {
    /// Runs what is due in its queues, and what that enqueues, until nothing is due any more; how the runs ended. The time
    /// is that of [`Options::clock`](crate::Options::clock), so a clock that stands still says what is due. Jobs that other
    /// runners have claimed are waited for.
    ///
    /// The database is connected, and its tables are there. One call at a time: what others do at the same time with this
    /// handle would be counted too.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn run_due(&self) -> Result<Ran> {
        let before = self.jobs.stats();
        enqueue_due(&self.jobs, &self.schedules).await?;
        let running = self.clone().start().await?;
        let ended = self.until_nothing_is_due().await;
        running.stop(STOP).await;
        ended.map(|()| Ran::between(&before, &self.jobs.stats()))
    }

    /// Enqueues what recurs and is due, and begins schedules that were never seen: they are due from now on.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn recur(&self) -> Result<()> {
        enqueue_due(&self.jobs, &self.schedules).await
    }

    async fn until_nothing_is_due(&self) -> Result<()> {
        while self.something_is_due().await? {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    async fn something_is_due(&self) -> Result<bool> {
        const SQL: &str = "select count(*) from (select id from job_queue where queue = :queue and \
             (status = 'running' or (status = 'pending' and run_at <= :now)) limit 1) as due";
        for queue in &self.queues {
            let now = self.jobs.now();
            let found: i64 =
                self.jobs.db().query_one(SQL, params! { queue: queue.name.clone(), now }).await?;
            if found > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
