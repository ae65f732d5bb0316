//! Runs what is due and then stops: for tests, and for programs that do nothing else.

use ketch_db::Result;

use super::Runner;
use crate::recur::enqueue_due;
use crate::stats::{Stats, TypeStats};

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
    /// Enqueues what recurs and is due, and runs what is due in its queues, and what that enqueues, until nothing is due any
    /// more; how the runs ended. The time is that of [`Options::clock`](crate::Options::clock), so a clock that stands
    /// still says what is due.
    ///
    /// The database is connected, and its tables are there. One call at a time: what others do at the same time with this
    /// handle would be counted too.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn run_due(&self) -> Result<Ran> {
        let before = self.jobs.stats();
        self.recur().await?;
        self.clone().until_idle().start().await?.ended().await;
        Ok(Ran::between(&before, &self.jobs.stats()))
    }

    /// Enqueues what recurs and is due, once; schedules that were never seen begin now.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn recur(&self) -> Result<()> {
        enqueue_due(&self.jobs, &self.schedules).await
    }
}
