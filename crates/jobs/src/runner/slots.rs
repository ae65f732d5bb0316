//! What runs: each run with what it is told, its time, and how far its end has come.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{AbortHandle, Id};
use tokio::time::Instant;

use super::after;
use super::ending::Attempt;
use crate::context::{Progress, Says, Told};
use crate::store::Claim;

/// How long a run that was dropped may take to be gone. One that is not blocks its thread.
const TO_BE_GONE: Duration = Duration::from_millis(200);

/// A run.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) claim: Claim,
    pub(super) attempt: Attempt,
    /// The place of its queue among those of the runner.
    pub(super) queue: usize,
    /// How long it may take.
    pub(super) deadline: Duration,
    pub(super) says: Arc<Says>,
    pub(super) begun: Instant,
    /// Why it is to end.
    pub(super) why: Option<Why>,
    told: watch::Sender<Told>,
    abort: AbortHandle,
    stage: Stage,
    timer: Option<(Instant, u64)>,
}

/// Why a run is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Deadline,
    Cancelled,
    /// The job is another runner's by now.
    Lost,
}

/// How far the end of a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nobody wants it to end.
    Runs,
    /// It was told to.
    Told,
    /// It was dropped, and is gone when it waits for something next.
    Dropped,
    /// It does not go: it blocks its thread. What became of the job is written; its slot is not free.
    Stuck,
}

impl Slot {
    pub(super) fn told(&self) -> Told {
        *self.told.borrow()
    }
}

/// What is needed to begin a run.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) claim: Claim,
    pub(super) attempt: Attempt,
    pub(super) queue: usize,
    pub(super) deadline: Duration,
    pub(super) says: Arc<Says>,
    pub(super) told: watch::Sender<Told>,
    pub(super) abort: AbortHandle,
}

/// The runs by the task of each.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: HashMap<Id, Slot>,
    timers: BTreeMap<(Instant, u64), Id>,
    next: u64,
    /// How many of each queue there are.
    taken: Vec<usize>,
}

impl Slots {
    pub(super) fn of_queues(queues: usize) -> Self {
        Self { taken: vec![0; queues], ..Self::default() }
    }

    pub(super) fn begin(&mut self, begun: Begun) {
        let Begun { claim, attempt, queue, deadline, says, told, abort } = begun;
        let (id, begun) = (abort.id(), Instant::now());
        let (why, stage, timer) = (None, Stage::Runs, None);
        let slot = Slot { claim, attempt, queue, deadline, says, begun, why, told, abort, stage, timer };
        self.taken[queue] += 1;
        self.slots.insert(id, slot);
        self.set_timer(id, deadline);
    }

    /// A task is gone: its run, unless what became of it is written already.
    pub(super) fn end(&mut self, id: Id) -> Option<Slot> {
        let slot = self.slots.remove(&id)?;
        if let Some(timer) = slot.timer {
            self.timers.remove(&timer);
        }
        self.taken[slot.queue] -= 1;
        (slot.stage != Stage::Stuck).then_some(slot)
    }

    /// How many of a queue run.
    pub(super) fn taken(&self, queue: usize) -> usize {
        self.taken[queue]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Whether nothing runs but what does not let itself be dropped.
    pub(super) fn are_stuck(&self) -> bool {
        self.slots.values().all(|slot| slot.stage == Stage::Stuck)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.values()
    }

    /// What is to be written of how far they have come.
    pub(super) fn progress(&self) -> Vec<(Claim, Arc<Says>, Progress)> {
        let said = self.slots.values().filter(|slot| slot.stage != Stage::Stuck && !slot.says.is_finished());
        let said = said.filter_map(|slot| {
            let progress = slot.says.take_progress()?;
            Some((slot.claim.clone(), Arc::clone(&slot.says), progress))
        });
        said.collect()
    }

    /// When the next run is to be told something.
    pub(super) fn next_timer(&self) -> Option<Instant> {
        self.timers.first_key_value().map(|((at, _), _)| *at)
    }

    /// Tells the run of a job to end, and drops it after that time.
    pub(super) fn end_job(&mut self, job: i64, why: Why, grace: Duration) {
        // One that has finished has no claim any more, and may go on.
        let ends = |slot: &Slot| slot.stage != Stage::Stuck && !slot.says.is_finished();
        let found = self.slots.iter().find(|(_, slot)| slot.claim.id == job && ends(slot));
        if let Some((id, _)) = found {
            self.tell_to_end(*id, why, grace);
        }
    }

    /// The same for all.
    pub(super) fn end_all(&mut self, why: Why, grace: Duration) {
        for id in self.ids() {
            self.tell_to_end(id, why, grace);
        }
    }

    /// Tells those that are told nothing else that the server stops.
    pub(super) fn stop_all(&self) {
        for slot in self.slots.values() {
            slot.told.send_if_modified(|told| {
                let tell = *told == Told::Nothing;
                if tell {
                    *told = Told::Stop;
                }
                tell
            });
        }
    }

    /// Drops all.
    pub(super) fn drop_all(&mut self) {
        for id in self.ids() {
            self.drop_run(id);
        }
    }

    /// Does what is due by now. Runs that do not go when they are dropped are handed out once, to be written as dropped.
    pub(super) fn due(&mut self, grace: Duration) -> Vec<&Slot> {
        let now = Instant::now();
        let mut stuck = Vec::new();
        while let Some((&key, &id)) = self.timers.first_key_value().filter(|((at, _), _)| *at <= now) {
            self.timers.remove(&key);
            let Some(slot) = self.slots.get_mut(&id) else { continue };
            slot.timer = None;
            match slot.stage {
                Stage::Runs => self.tell_to_end(id, Why::Deadline, grace),
                Stage::Told => self.drop_run(id),
                Stage::Dropped => {
                    slot.stage = Stage::Stuck;
                    stuck.push(id);
                }
                Stage::Stuck => {}
            }
        }
        stuck.into_iter().filter_map(|id| self.slots.get(&id)).collect()
    }

    fn tell_to_end(&mut self, id: Id, why: Why, grace: Duration) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        // A job that is cancelled stays so; one that is another's counts for nothing.
        let stays = matches!((slot.why, why), (Some(Why::Lost), _) | (Some(Why::Cancelled), Why::Deadline));
        if !stays {
            slot.why = Some(why);
        }
        slot.told.send_replace(Told::End);
        if slot.stage == Stage::Runs {
            slot.stage = Stage::Told;
            self.set_timer(id, grace);
        }
    }

    fn drop_run(&mut self, id: Id) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        if matches!(slot.stage, Stage::Runs | Stage::Told) {
            slot.stage = Stage::Dropped;
            slot.abort.abort();
            self.set_timer(id, TO_BE_GONE);
        }
    }

    fn set_timer(&mut self, id: Id, time: Duration) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        self.next += 1;
        let timer = (after(time), self.next);
        if let Some(old) = slot.timer.replace(timer) {
            self.timers.remove(&old);
        }
        self.timers.insert(timer, id);
    }

    fn ids(&self) -> Vec<Id> {
        self.slots.keys().copied().collect()
    }
}
