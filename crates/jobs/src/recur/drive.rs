//! The task that enqueues the slots of schedules when they are due.
//!
//! It sleeps to the next slot, but never longer than [`Options::interval`](crate::Options::interval), so that it sees
//! when the clock jumps. While nothing is due it does not ask the database.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use ketch_db::{Error, Result, Tx};
use tokio::time::{Instant, sleep};

use super::Recurrent;
use super::list::time;
use super::times::LATE;
use crate::enqueue::Enqueued;
use crate::jobs::Jobs;
use crate::runner::said;
use crate::store;
use crate::store::slots::{self, Standing};

/// How far ahead of the clock a floor may be, in milliseconds, before somebody is told. 1 day.
const AHEAD: i64 = 24 * 60 * 60 * 1_000;
/// How often it is looked whether somebody has done something about that, and how often it is told again.
const LOOK_AGAIN: Duration = Duration::from_mins(1);
const TELL_AGAIN: Duration = Duration::from_hours(1);
/// How long after a failure the database is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// Enqueues what is due, until `stop` resolves.
pub(crate) async fn drive(jobs: Jobs, schedules: Vec<Arc<Recurrent>>, stop: impl Future<Output = ()>) {
    let mut watched: Vec<Watched> = schedules.into_iter().map(Watched::new).collect();
    let (mut stop, mut failing) = (pin!(stop), false);
    while !watched.is_empty() {
        let turn = async {
            let wait = match caught(look(&jobs, &mut watched)).await {
                Ok(wait) => {
                    if std::mem::take(&mut failing) {
                        tracing::info!("recurrent jobs are enqueued again");
                    }
                    wait
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::error!(%error, "recurrent jobs cannot be enqueued; it is tried every second, and this is told once");
                    }
                    RETRY
                }
            };
            sleep(wait).await;
        };
        tokio::select! {
            () = turn => {}
            () = stop.as_mut() => return,
        }
    }
}

/// Enqueues what is due by now, once.
///
/// # Errors
/// The last that the database said; what could be enqueued is.
pub(crate) async fn enqueue_due(jobs: &Jobs, schedules: &[Arc<Recurrent>]) -> Result<()> {
    let mut watched: Vec<Watched> = schedules.iter().cloned().map(Watched::new).collect();
    look(jobs, &mut watched).await.map(drop)
}

/// Looks at every schedule; how long nothing will be due.
async fn look(jobs: &Jobs, watched: &mut [Watched]) -> Result<Duration> {
    let mut failed = None;
    for schedule in watched.iter_mut() {
        // One that fails does not keep the others from their slots.
        failed = caught(schedule.look(jobs)).await.err().or(failed);
    }
    match failed {
        Some(error) => Err(error),
        None => {
            let now = jobs.now();
            let next = watched.iter().filter_map(|schedule| schedule.seen.as_ref()?.next).min();
            let next = next.map_or(Duration::MAX, |next| {
                Duration::from_millis(u64::try_from(next.saturating_sub(now)).unwrap_or_default())
            });
            Ok(next.clamp(Duration::from_millis(1), jobs.options().interval.max(Duration::from_millis(1))))
        }
    }
}

/// What comes of it; a panic is an error like any other, so that nothing stops for it.
async fn caught<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let done = AssertUnwindSafe(work).catch_unwind().await;
    done.unwrap_or_else(|panic| Err(Error::Panicked(said(panic))))
}

/// A schedule, and how it stood when it was looked at last.
struct Watched {
    what: Arc<Recurrent>,
    seen: Option<Seen>,
    told: Option<Instant>,
}

struct Seen {
    /// By the clock, which may go back.
    at: i64,
    /// Nothing is due before.
    next: Option<i64>,
    /// When the database is asked whatever the clock says.
    again: Option<Instant>,
}

impl Watched {
    fn new(what: Arc<Recurrent>) -> Self {
        Self { what, seen: None, told: None }
    }

    /// Enqueues what is due.
    async fn look(&mut self, jobs: &Jobs) -> Result<()> {
        let now = jobs.now();
        if let Some(seen) = &mut self.seen
            && seen.at <= now
            && seen.next.is_none_or(|next| next > now)
            && seen.again.is_none_or(|again| again > Instant::now())
        {
            seen.at = now;
            return Ok(());
        }
        let db = jobs.db();
        let standing = match slots::standing(db, &self.what.name, now).await? {
            Some(standing) => standing,
            None => slots::begin(db, &self.what.name, now).await?,
        };
        let mut due = self.what.times.due(self.settled(standing, now), now, self.what.missed);
        if let Some(since) = due.missed_since {
            let (since, run) =
                (time(since), due.slots.first().copied().map_or_else(|| "none".to_owned(), time));
            tracing::info!(schedule = %self.what.name, since, run, "slots were missed; of these the newest is run, if any");
        }
        if let (Some(first), Some(last)) = (due.slots.first().copied(), standing.last)
            && first <= last
        {
            let taken = slots::taken(db, &self.what.name, first, now).await?;
            due.slots.retain(|slot| !taken.contains(slot));
        }
        if !due.slots.is_empty() {
            self.enqueue(jobs, due.slots, now).await?;
        }
        let again = self.tell_if_ahead(standing.floor, now);
        let next = self.what.times.next(now.max(standing.floor));
        if next.is_none() && self.seen.is_none() {
            tracing::warn!(schedule = %self.what.name, "it has no time any more");
        }
        self.seen = Some(Seen { at: now, next, again });
        Ok(())
    }

    /// Up to when nothing is due any more. While this looks again and again, that is its last look: of the slots since
    /// then some may be taken, because the clock was ahead once, and others not.
    fn settled(&self, standing: Standing, now: i64) -> i64 {
        let last = standing.last.unwrap_or(standing.floor);
        let looked = self.seen.as_ref().map(|seen| seen.at);
        let looked = looked.filter(|at| *at <= now && now.saturating_sub(*at) <= LATE);
        looked.map_or(last, |at| last.min(at)).max(standing.floor)
    }

    /// A slot and its job are written together or not at all; whoever writes the slot first enqueues the job.
    async fn enqueue(&self, jobs: &Jobs, due: Vec<i64>, now: i64) -> Result<()> {
        let (what, handle) = (Arc::clone(&self.what), jobs.clone());
        let write = move |tx: &mut Tx<'_>| {
            let mut enqueued = Vec::new();
            for slot in &due {
                if slots::take(tx, &what.name, *slot)?
                    && let Enqueued::New(id) = store::insert(tx, &what.job(*slot, now))?
                {
                    enqueued.push((*slot, id));
                }
            }
            slots::prune(tx, &what.name)?;
            if !enqueued.is_empty() {
                handle.tell(tx)?;
            }
            Ok(enqueued)
        };
        for (slot, id) in jobs.db().write_read_committed(write).await? {
            tracing::debug!(schedule = %self.what.name, slot = time(slot), id, "a recurrent job is enqueued");
        }
        Ok(())
    }

    /// Says that nothing will run for long, because the clock was far ahead once; when to look again.
    fn tell_if_ahead(&mut self, floor: i64, now: i64) -> Option<Instant> {
        if floor.saturating_sub(now) <= AHEAD {
            return None;
        }
        if self.told.is_none_or(|told| told.elapsed() >= TELL_AGAIN) {
            self.told = Some(Instant::now());
            tracing::warn!(
                schedule = %self.what.name, floor = time(floor), now = time(now),
                "it is not run before its floor: the clock was that far ahead once, or is wrong now. If it is right \
                 now, delete the schedule's row from the table `job_schedules`: it begins anew within a minute"
            );
        }
        Some(Instant::now() + LOOK_AGAIN)
    }
}

#[cfg(test)]
mod tests;
