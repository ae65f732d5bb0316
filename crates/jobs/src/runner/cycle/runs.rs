//! Runs as they begin and end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{Id, JoinError};

use super::Cycle;
use crate::context::{Progress, Run, Says, Told};
use crate::error::JobError;
use crate::runner::after;
use crate::runner::attempt::{Came, attempt, unjoined};
use crate::runner::ending::{self, Attempt};
use crate::runner::slots::{Begun, Slot};
use crate::runner::threads::threads;
use crate::runner::turn::Ended;
use crate::stats::Outcome;
use crate::store::{Claim, Claimed, Ending};

impl Cycle {
    /// Begins the run of a job that was claimed.
    pub(super) fn begin(&mut self, queue: usize, claimed: Claimed) {
        let late = Duration::from_millis(u64::try_from(self.jobs.now() - claimed.run_at).unwrap_or_default());
        self.jobs.counters().claimed(&claimed.job_type, late);
        let known = self.registry.get(&claimed.job_type);
        let (deadline, backoff) = known
            .map_or((Duration::ZERO, crate::job::backoff as fn(u32) -> _), |it| (it.deadline, it.backoff));
        let attempt_of = Attempt {
            id: claimed.claim.id,
            job_type: claimed.job_type.clone(),
            number: claimed.attempt,
            most: claimed.max_attempts,
            backoff,
        };
        let claim = claimed.claim.clone();
        if self.stopping.is_some() || claim.runner != self.id {
            return self.write(&attempt_of, claim, None, ending::back(), Duration::ZERO);
        }
        if known.is_none() {
            let why = format!("no job `{}` is registered in this program", claimed.job_type);
            let failed = ending::failed(&self.jobs, &attempt_of, JobError::new(why));
            return self.write(&attempt_of, claim, None, failed, Duration::ZERO);
        }
        let (told, hears) = watch::channel(Told::Nothing);
        let says = Arc::new(Says::new(Arc::clone(&self.news)));
        let run = Run {
            jobs: self.jobs.clone(),
            claim: claim.clone(),
            attempt: claimed.attempt,
            max_attempts: claimed.max_attempts,
            slot: claimed.slot,
            deadline: after(deadline),
            told: hears,
            says: Arc::clone(&says),
        };
        let work = attempt(Arc::clone(&self.registry), claimed, run);
        let abort = self.runs.spawn_on(work, &threads());
        self.slots.begin(Begun { claim, attempt: attempt_of, queue, deadline, says, told, abort });
    }

    /// A task is gone.
    pub(super) fn note(&mut self, joined: Result<(Id, Came), JoinError>) {
        let (id, came) = match joined {
            Ok((id, came)) => (id, came),
            Err(error) => (error.id(), unjoined(error)),
        };
        if let Some(slot) = self.slots.end(id) {
            let ending = ending::ending(&self.jobs, &slot, came);
            self.write_slot(&slot, ending);
        }
    }

    fn write_slot(&mut self, slot: &Slot, ending: (Option<Ending>, Option<Outcome>)) {
        let progress = slot.says.take_progress();
        self.write(&slot.attempt, slot.claim.clone(), progress, ending, slot.begun.elapsed());
    }

    /// Keeps how a run ended until it is written.
    pub(super) fn write(
        &mut self,
        attempt: &Attempt,
        claim: Claim,
        progress: Option<Progress>,
        (ending, outcome): (Option<Ending>, Option<Outcome>),
        ran: Duration,
    ) {
        if let Some(outcome) = outcome {
            self.jobs.counters().ended(&attempt.job_type, outcome, ran);
        }
        match ending {
            Some(ending) => self.ended.push(Ended { claim, ending, progress }),
            // Its slot is free, and nothing else would claim the next.
            None => self.wants.turn = true,
        }
    }
}
