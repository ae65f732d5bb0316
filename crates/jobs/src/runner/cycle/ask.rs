//! What the loop asks of the database, and what it does with the answer.

use std::collections::HashSet;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use ketch_db::Error;
use tokio::time::Instant;

use super::{Answer, Cycle, PROGRESS, SETTLE, Writing};
use crate::runner::after;
use crate::runner::scope::Scope;
use crate::runner::slots::Why;
use crate::runner::turn::{Look, Looked, Turn, Turned, is_refusal, sift};
use crate::store::Claim;

impl Cycle {
    /// Asks the database what is to be asked, unless it is asked something already.
    pub(super) fn ask(&mut self) {
        let now = Instant::now();
        if self.question.is_some() || self.outage.until().is_some_and(|until| until > now) && !self.wants.sift
        {
            return;
        }
        let free = self.free();
        let progress = self.wants.progress && self.progress_at <= now;
        // Before the rest, which may have no end.
        let cancels = self.wants.cancels || self.cancels_at <= now;
        if cancels && !self.slots.is_empty() && !self.look_failed {
            self.look(&free);
        } else if self.wants.sift && !self.ended.is_empty() {
            self.sift();
        } else if !self.ended.is_empty() || progress || (self.wants.turn && (self.doubt || !free.is_empty()))
        {
            self.turn(free, progress);
        } else if cancels && !self.slots.is_empty()
            || self.wants.look && !free.is_empty()
            || self.next_look <= now
        {
            self.look(&free);
        }
    }

    /// Of which queues how many jobs may be begun.
    fn free(&self) -> Vec<(usize, String, usize)> {
        if self.stopping.is_some() || self.scope == Scope::Nothing {
            return Vec::new();
        }
        let free =
            self.queues.iter().enumerate().map(|(at, queue)| {
                (at, queue.name.clone(), queue.limit.saturating_sub(self.slots.taken(at)))
            });
        free.filter(|(_, _, free)| *free > 0).collect()
    }

    fn turn(&mut self, free: Vec<(usize, String, usize)>, with_progress: bool) {
        let progress = if with_progress { self.slots.progress() } else { Vec::new() };
        if with_progress {
            self.wants.progress = false;
            self.progress_at = Instant::now() + PROGRESS;
        }
        // What is due is claimed now, whoever told of it.
        (self.wants.turn, self.wants.look) = (false, false);
        self.look_failed = false;
        self.writing.ended = mem::take(&mut self.ended);
        // Two writers that lock the same rows in the same order do not wait for each other in a ring.
        self.writing.ended.sort_by_key(|it| it.claim.id);
        self.writing.progress =
            progress.iter().map(|(_, says, progress)| (Arc::clone(says), progress.clone())).collect();
        let doubt = self.doubt.then(|| self.known());
        let turn = Turn {
            runner: Arc::clone(&self.id),
            now: self.jobs.now(),
            ended: self.writing.ended.clone(),
            progress: progress.into_iter().map(|(claim, _, progress)| (claim, progress)).collect(),
            free,
            only: self.scope.only(),
            doubt,
        };
        self.jobs.counters().cycle();
        self.question = Some(turn.run(self.jobs.db().clone()).map(Answer::Turned).boxed());
    }

    /// The claims that it knows of.
    fn known(&self) -> HashSet<(i64, i64)> {
        let known = |claim: &Claim| (claim.id, claim.token);
        let ended = self.ended.iter().chain(&self.writing.ended).map(|it| known(&it.claim));
        let refused = self.refused.iter().copied();
        self.slots.iter().map(|slot| known(&slot.claim)).chain(ended).chain(refused).collect()
    }

    fn sift(&mut self) {
        self.wants.sift = false;
        self.writing.ended = mem::take(&mut self.ended);
        let sift = sift(self.jobs.db().clone(), self.writing.ended.clone(), self.jobs.now());
        self.question = Some(sift.map(Answer::Sifted).boxed());
    }

    fn look(&mut self, free: &[(usize, String, usize)]) {
        (self.wants.look, self.wants.cancels) = (false, false);
        self.look_failed = false;
        self.cancels_at = after(self.interval());
        let look = Look {
            runner: Arc::clone(&self.id),
            queues: free.iter().map(|(_, name, _)| name.clone()).collect(),
        };
        self.question = Some(look.run(self.jobs.db().clone()).map(Answer::Looked).boxed());
    }

    pub(super) fn answer(&mut self, answer: Answer) {
        match answer {
            Answer::Turned(Ok(turned)) => self.turned(turned),
            Answer::Turned(Err(error)) => {
                self.wants.sift = !self.writing.ended.is_empty() && is_refusal(&error);
                self.wants.turn = true;
                self.rewrite();
                self.trouble(&error);
            }
            Answer::Sifted(sifted) => {
                self.jobs.counters().lost_claims(sifted.lost as u64);
                self.writing = Writing::default();
                self.refused.extend(sifted.refused);
                if let Some((left, error)) = sifted.left {
                    self.ended.extend(left);
                    self.trouble(&error);
                }
            }
            Answer::Looked(Ok(looked)) => self.looked(&looked),
            Answer::Looked(Err(error)) => {
                (self.wants.look, self.wants.cancels) = (true, true);
                // What is to be written does not wait for a look that fails again and again.
                self.look_failed = true;
                self.trouble(&error);
            }
        }
    }

    fn turned(&mut self, turned: Turned) {
        self.outage.over();
        if !mem::take(&mut self.doubt) && turned.lost > 0 {
            self.jobs.counters().lost_claims(turned.lost as u64);
            tracing::warn!(
                count = turned.lost,
                "jobs ended that were not this runner's any more: nothing was written"
            );
        }
        self.writing = Writing::default();
        let grace = self.jobs.options().grace;
        for claim in &turned.strayed {
            self.slots.end_job(claim.id, Why::Lost, grace);
        }
        self.scope.claimed();
        let none = turned.claimed.is_empty();
        for (queue, claimed) in turned.claimed {
            self.begin(queue, claimed);
        }
        self.fruitless = if none && mem::take(&mut self.seen) { (self.fruitless + 1).min(16) } else { 0 };
        let wait = if turned.is_full { self.interval() } else { SETTLE.saturating_mul(1 << self.fruitless) };
        self.next_look = after(wait.min(self.interval()));
    }

    fn looked(&mut self, looked: &Looked) {
        if self.ended.is_empty() && !self.wants.turn {
            self.outage.over();
        }
        for held in looked.held.iter().filter(|held| held.cancel_requested == 1) {
            self.slots.end_job(held.id, Why::Cancelled, self.jobs.options().grace);
        }
        let known = self.known();
        if looked.held.iter().any(|held| !known.contains(&(held.id, held.claim))) {
            // A commit may land long after nobody knew of it any more.
            (self.doubt, self.wants.turn) = (true, true);
        }
        let now = self.jobs.now();
        let mut wait = self.interval();
        match looked.next {
            Some(due) if due <= now => (self.wants.turn, self.seen) = (true, true),
            Some(due) => wait = wait.min(Duration::from_millis(due.abs_diff(now))),
            None => {}
        }
        if !self.wants.turn && self.slots.is_empty() {
            self.scope.idle();
        }
        self.next_look = after(wait);
    }

    /// What was being written is still to be.
    pub(super) fn rewrite(&mut self) {
        let Writing { ended, progress } = mem::take(&mut self.writing);
        self.ended.extend(ended);
        for (says, progress) in progress {
            says.keep_progress(progress);
        }
    }

    pub(super) fn trouble(&mut self, error: &Error) {
        self.doubt = true;
        self.outage.hit(error);
        self.jobs.counters().database_error();
    }
}
