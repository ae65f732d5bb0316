//! The loop of a runner.
//!
//! It waits for whatever comes first: a run that ended, work, a cancelled job, the next time that something is due, a
//! timer of a run, the stop. One question to the database is under way at a time, and nothing waits for it: what comes
//! meanwhile goes into the next one. What could not be written is kept and written later; there is never more of it than
//! there are slots, because nothing is claimed before it is written.

mod ask;
mod runs;

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{Notify, broadcast, watch};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, sleep_until};

use super::attempt::{Came, said};
use super::ending;
use super::membership::Membership;
use super::outage::Outage;
use super::scope::Scope;
use super::slots::{Slot, Slots, Why};
use super::turn::{Ended, Looked, Sifted, Turned};
use super::{Phase, after};
use crate::bell::{Inbox, Post};
use crate::context::{Progress, Says};
use crate::jobs::Jobs;
use crate::options::Queue;
use crate::registry::Registry;

/// Progress is written so often at most.
const PROGRESS: Duration = Duration::from_millis(500);
/// After a turn that left slots free it is asked when the next job is due; not at once, because there may be another turn
/// right away. Doubled each time that something seemed due and others had it.
const SETTLE: Duration = Duration::from_millis(5);
/// How often in a row other tasks have their turn and no run ends, before it is written which did.
const GATHER: u32 = 3;
/// How long the last endings may take to be written when a runner stops.
const LAST_WRITE: Duration = Duration::from_secs(5);
/// The shortest and the longest time between two looks at the table.
const INTERVAL: (Duration, Duration) = (Duration::from_millis(5), Duration::from_hours(24));

pub(super) struct Cycle {
    jobs: Jobs,
    registry: Arc<Registry>,
    queues: Vec<Queue>,
    membership: Membership,
    id: Arc<str>,
    phase: watch::Receiver<Phase>,
    inbox: Arc<Inbox>,
    /// The numbers of jobs that somebody cancels, whoever runs them.
    cancels: broadcast::Receiver<i64>,
    runs: JoinSet<Came>,
    slots: Slots,
    /// What is to be written.
    ended: Vec<Ended>,
    /// What is being written.
    writing: Writing,
    question: Option<BoxFuture<'static, Answer>>,
    wants: Wants,
    next_look: Instant,
    /// When it is looked next which runs were cancelled, whether somebody told of it or not.
    cancels_at: Instant,
    /// The last look failed, and nothing was written since.
    look_failed: bool,
    /// The last look saw work.
    seen: bool,
    /// How often in a row work was seen and others had it.
    fruitless: u32,
    outage: Outage,
    /// The table may have claims of this runner that it does not know of.
    doubt: bool,
    /// Claims whose ends the database refused: they stay, so that what cannot end is not run again and again. Each is a
    /// rule of the table that somebody made.
    refused: HashSet<(i64, i64)>,
    /// Some run says how far it has come.
    news: Arc<Notify>,
    progress_at: Instant,
    stopping: Option<Stopping>,
    scope: Scope,
}

/// What a question to the database came to.
enum Answer {
    Turned(ketch_db::Result<Turned>),
    Sifted(Sifted),
    Looked(ketch_db::Result<Looked>),
}

/// What a turn that is under way writes.
#[derive(Default)]
struct Writing {
    ended: Vec<Ended>,
    progress: Vec<(Arc<Says>, Progress)>,
}

/// What is to be asked of the database as soon as it can be.
#[derive(Debug, Default)]
struct Wants {
    /// To claim.
    turn: bool,
    /// To see whether there is something to claim.
    look: bool,
    /// To see which runs were cancelled.
    cancels: bool,
    /// To write how far runs have come.
    progress: bool,
    /// To write endings one by one, because they were refused together.
    sift: bool,
}

/// The end of the runner.
#[derive(Clone, Copy, Debug)]
struct Stopping {
    /// Then what runs is dropped.
    until: Instant,
    dropped: bool,
}

impl Cycle {
    pub(super) fn new(
        jobs: Jobs,
        registry: Registry,
        queues: Vec<Queue>,
        membership: Membership,
        phase: watch::Receiver<Phase>,
        scope: Scope,
    ) -> Self {
        let (id, inbox, cancels) = (membership.id(), membership.inbox(), jobs.cancels());
        let slots = Slots::of_queues(queues.len());
        let now = Instant::now();
        Self {
            jobs,
            registry: Arc::new(registry),
            queues,
            membership,
            id,
            phase,
            inbox,
            cancels,
            runs: JoinSet::new(),
            slots,
            ended: Vec::new(),
            writing: Writing::default(),
            question: None,
            wants: Wants { turn: true, ..Wants::default() },
            next_look: now,
            cancels_at: now,
            look_failed: false,
            seen: false,
            fruitless: 0,
            outage: Outage::of("writing to the queue of jobs, or reading it,"),
            doubt: false,
            refused: HashSet::new(),
            news: Arc::default(),
            progress_at: now,
            stopping: None,
            scope,
        }
    }

    /// Works until it is told to stop. A panic of its own is a mistake that costs no job and does not end it.
    pub(super) async fn run(mut self) {
        while let Err(panic) = AssertUnwindSafe(self.work()).catch_unwind().await {
            let said = said(panic);
            tracing::error!(said, "the runner of jobs panicked; it goes on");
            self.question = None;
            self.doubt = true;
            self.rewrite();
            sleep(Duration::from_secs(1)).await;
        }
        self.membership.leave().await;
    }

    async fn work(&mut self) {
        loop {
            self.ask();
            self.end();
            if self.is_over() {
                return;
            }
            let wake = self.next_wake();
            tokio::select! {
                answer = answered(&mut self.question) => {
                    self.question = None;
                    self.answer(answer);
                }
                Some(joined) = self.runs.join_next_with_id(), if !self.runs.is_empty() => self.note(joined),
                () = self.inbox.came() => {}
                id = self.cancels.recv() => self.cancelled(id.ok()),
                () = self.news.notified() => self.wants.progress = true,
                () = sleep_until(wake) => {}
                until = told_to_stop(&mut self.phase), if self.stopping.is_none() => self.stop(until),
                id = self.membership.changed() => self.lose(id),
            }
            self.gather().await;
            let post = self.inbox.take();
            self.read(&post);
            self.timers();
        }
    }

    /// Notes what has ended, and what ends while other tasks have their turn: a commit for the first that ends and another
    /// for those that end right after it would be one too many.
    async fn gather(&mut self) {
        let mut turns = 0;
        loop {
            while let Some(joined) = self.runs.try_join_next_with_id() {
                self.note(joined);
                turns = 0;
            }
            let is_next = self.question.is_none() && !self.ended.is_empty();
            if !is_next || self.runs.is_empty() || turns == GATHER {
                return;
            }
            turns += 1;
            yield_now().await;
        }
    }

    fn next_wake(&self) -> Instant {
        let stop = self.stopping.map(|it| if it.dropped { it.until + LAST_WRITE } else { it.until });
        let ask = match (&self.question, self.outage.until()) {
            (Some(_), _) => None,
            // Once it is over, whatever is wanted is asked at once.
            (None, Some(until)) if until > Instant::now() => Some(until),
            (None, _) if self.wants.progress => Some(self.next_look.min(self.progress_at)),
            (None, _) => Some(self.next_look),
        };
        let next = [stop, ask, self.slots.next_timer()].into_iter().flatten().min();
        next.unwrap_or_else(|| after(INTERVAL.1))
    }

    fn interval(&self) -> Duration {
        self.jobs.options().interval.clamp(INTERVAL.0, INTERVAL.1)
    }

    fn read(&mut self, post: &Post) {
        self.wants.turn |= post.work;
        self.wants.look |= post.look;
        self.wants.cancels |= post.cancels;
    }

    /// Somebody cancelled this job, or jobs that nobody knows any more. What the table says of it counts.
    fn cancelled(&mut self, id: Option<i64>) {
        // One that knows it already may be told again as often as somebody likes.
        let new = |slot: &Slot| slot.why != Some(Why::Cancelled);
        let wants = |id| self.slots.iter().any(|slot| slot.claim.id == id && new(slot));
        self.wants.cancels |= id.is_none_or(wants);
    }

    /// Does what is due by the clock.
    fn timers(&mut self) {
        let grace = self.jobs.options().grace;
        let mut stuck = Vec::new();
        for slot in self.slots.due(grace) {
            let (id, job) = (slot.claim.id, &slot.attempt.job_type);
            tracing::error!(
                id,
                job,
                "a job blocks its thread and cannot be dropped: it keeps its slot. What blocks belongs in `spawn_blocking`"
            );
            let ending = ending::ending(&self.jobs, slot, Came::Dropped);
            let progress = slot.says.take_progress();
            stuck.push((slot.attempt.clone(), slot.claim.clone(), progress, ending, slot.begun.elapsed()));
        }
        for (attempt, claim, progress, ending, ran) in stuck {
            self.write(&attempt, claim, progress, ending, ran);
        }
        self.drop_at_the_stop();
    }

    /// Drops what runs when its time is over. When nothing runs, there is nothing to wait for but the last write.
    fn drop_at_the_stop(&mut self) {
        let idle = self.slots.are_stuck();
        if let Some(stopping) = &mut self.stopping
            && !stopping.dropped
            && (idle || stopping.until <= Instant::now())
        {
            *stopping = Stopping { until: Instant::now(), dropped: true };
            self.slots.drop_all();
        }
    }

    /// Stops by itself when there is nothing more to claim, and nothing runs.
    fn end(&mut self) {
        let written = self.question.is_none() && self.ended.is_empty();
        if self.scope == Scope::Nothing && self.stopping.is_none() && written && self.slots.are_stuck() {
            self.stop(Some(Instant::now()));
        }
    }

    /// Begins nothing more.
    fn stop(&mut self, until: Option<Instant>) {
        let until = until.unwrap_or_else(|| after(self.jobs.options().grace));
        self.stopping = Some(Stopping { until, dropped: false });
        self.slots.stop_all();
    }

    /// Everything that it runs is another's by now.
    fn lose(&mut self, id: Arc<str>) {
        self.slots.end_all(Why::Lost, self.jobs.options().grace);
        let lost = self.ended.len() as u64;
        self.jobs.counters().lost_claims(lost);
        self.ended.clear();
        self.id = id;
        self.wants.turn = true;
    }

    /// Whether a runner that stops has nothing more to do.
    fn is_over(&self) -> bool {
        let Some(stopping) = self.stopping else { return false };
        let written = self.question.is_none() && self.ended.is_empty();
        if written && self.slots.are_stuck() {
            return true;
        }
        let gives_up = stopping.dropped && stopping.until + LAST_WRITE <= Instant::now();
        if gives_up {
            let count = self.ended.len() + self.writing.ended.len();
            tracing::error!(count, "how the last jobs ended could not be written: they are run again");
        }
        gives_up
    }
}

/// The answer of the database, if it is asked something.
async fn answered(question: &mut Option<BoxFuture<'static, Answer>>) -> Answer {
    match question {
        Some(question) => question.await,
        None => std::future::pending().await,
    }
}

/// Resolves when the runner is told to stop, with the time that runs have; or when nobody can tell it any more.
async fn told_to_stop(phase: &mut watch::Receiver<Phase>) -> Option<Instant> {
    let told = phase.wait_for(|phase| *phase != Phase::Working).await;
    match told.as_deref() {
        Ok(Phase::Stopping(until)) => Some(*until),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
