//! The loop of a runner.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ketch_db::Result;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::attempt::attempt;
use super::{Phase, boot};
use crate::context::Told;
use crate::jobs::Jobs;
use crate::options::Queue;
use crate::registry::Registry;
use crate::store::{self, Claim, Claimed, Ending};

pub(super) struct Cycle {
    jobs: Jobs,
    registry: Arc<Registry>,
    queues: Vec<Queue>,
    id: Arc<str>,
    phase: watch::Receiver<Phase>,
    running: JoinSet<(Claim, Option<Ending>)>,
    /// How many of each queue run.
    taken: HashMap<String, usize>,
    /// The queue of what runs.
    whose: HashMap<i64, String>,
    /// What is to be written.
    ended: Vec<(Claim, Ending)>,
    tell: watch::Sender<Told>,
}

impl Cycle {
    pub(super) fn new(
        jobs: Jobs,
        registry: Registry,
        queues: Vec<Queue>,
        id: Arc<str>,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        let (running, tell) = (JoinSet::new(), watch::channel(Told::Nothing).0);
        let (taken, whose, ended) = Default::default();
        Self { jobs, registry: Arc::new(registry), queues, id, phase, running, taken, whose, ended, tell }
    }

    /// Gives back what a process that is gone had claimed.
    pub(super) async fn recover(&self) -> Result<()> {
        let now = self.jobs.now();
        let released = self.jobs.db().write(move |tx| store::release_others(tx, boot(), now)).await?;
        if released != store::Released::default() {
            tracing::info!(?released, "jobs of a process that is gone are run again");
        }
        Ok(())
    }

    pub(super) async fn run(mut self) {
        let mut look = true;
        loop {
            if look || !self.ended.is_empty() {
                match self.turn().await {
                    Ok(claimed) => look = claimed > 0,
                    Err(error) => {
                        tracing::error!(%error, "the queue of jobs cannot be written; tried again in a second");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                        continue;
                    }
                }
                if look {
                    continue;
                }
            }
            let tick = self.next_tick().await;
            tokio::select! {
                () = self.jobs.woken() => look = true,
                () = sleep_until(tick) => look = true,
                Some(ended) = self.running.join_next() => {
                    self.note(ended.expect("a run catches its panics"));
                    look = true;
                }
                () = async { let _dropped = self.phase.wait_for(|phase| *phase == Phase::Stopping).await; } => break,
            }
            while let Some(ended) = self.running.try_join_next() {
                self.note(ended.expect("a run catches its panics"));
            }
        }
        let _nobody_runs = self.tell.send(Told::Stop);
        while let Some(ended) = self.running.join_next().await {
            self.note(ended.expect("a run catches its panics"));
        }
        let (ended, now) = (std::mem::take(&mut self.ended), self.jobs.now());
        let written = self.jobs.db().write(move |tx| store::settle(tx, &ended, now)).await;
        if let Err(error) = written {
            tracing::error!(%error, "how the last jobs ended could not be written; they are run again");
        }
    }

    fn note(&mut self, (claim, ending): (Claim, Option<Ending>)) {
        if let Some(queue) = self.whose.remove(&claim.id)
            && let Some(taken) = self.taken.get_mut(&queue)
        {
            *taken -= 1;
        }
        self.ended.extend(ending.map(|ending| (claim, ending)));
    }

    async fn next_tick(&self) -> Instant {
        let mut wait = self.jobs.options().interval;
        let now = self.jobs.now();
        for queue in &self.queues {
            if let Ok(Some(due)) = store::next_due(self.jobs.db(), &queue.name).await
                && due > now
            {
                wait = wait.min(Duration::from_millis(due.abs_diff(now)));
            }
        }
        Instant::now() + wait
    }

    /// Writes how runs ended and claims what is next; how many were claimed.
    async fn turn(&mut self) -> Result<usize> {
        let (ended, now, id) = (self.ended.clone(), self.jobs.now(), Arc::clone(&self.id));
        let free: Vec<(String, usize)> = self
            .queues
            .iter()
            .map(|queue| {
                let taken = self.taken.get(&queue.name).copied().unwrap_or_default();
                (queue.name.clone(), queue.limit.saturating_sub(taken))
            })
            .filter(|(_, free)| *free > 0)
            .collect();
        let work = move |tx: &mut ketch_db::Tx<'_>| {
            store::settle(tx, &ended, now)?;
            let mut claimed: Vec<Claimed> = Vec::new();
            for (queue, free) in &free {
                claimed.extend(store::claim(tx, &id, queue, *free, now)?);
            }
            Ok(claimed)
        };
        let claimed = self.jobs.db().write_read_committed(work).await?;
        self.ended.clear();
        let count = claimed.len();
        for one in claimed {
            *self.taken.entry(one.queue.clone()).or_default() += 1;
            self.whose.insert(one.claim.id, one.queue.clone());
            let told = self.tell.subscribe();
            self.running.spawn(attempt(self.jobs.clone(), Arc::clone(&self.registry), one, told));
        }
        Ok(count)
    }
}
