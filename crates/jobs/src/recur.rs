//! Recurrent jobs: what was declared, read once; and the task that enqueues what is due.
//!
//! `written.rs` and `pattern.rs` are cron patterns, `zone.rs` their zones, `times.rs` says what is due, `drive.rs` enqueues
//! it, `list.rs` shows it. The SQL is in `store/slots.rs`.

mod drive;
mod list;
mod pattern;
mod times;
mod written;
mod zone;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::schedule::{Every, Missed, Overlap, Schedule};
use crate::store::{EARLIEST, New};
pub(crate) use drive::{drive, enqueue_due};
pub use list::ScheduleRow;
pub(crate) use times::Times;

/// The longest name of a schedule, in bytes.
const LONGEST_NAME: usize = 200;

/// A schedule that can be used.
#[derive(Clone, Debug)]
pub(crate) struct Recurrent {
    pub(crate) name: String,
    pub(crate) times: Times,
    pub(crate) missed: Missed,
    /// As it was written.
    pattern: Option<String>,
    zone: Option<String>,
    interval: Option<Duration>,
    job: New,
}

impl Recurrent {
    /// Reads a schedule.
    ///
    /// # Errors
    /// All that is wrong with it, for whoever wrote it.
    pub(crate) fn read(schedule: Schedule) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut note =
            |why: String| problems.push(format!("the schedule `{}`: {why}", schedule.name.escape_debug()));
        if schedule.name.trim().is_empty() || schedule.name.len() > LONGEST_NAME {
            note(format!("its name has {} bytes; write 1 to {LONGEST_NAME}", schedule.name.len()));
        }
        if schedule.name.chars().any(char::is_control) {
            note("its name has control characters".to_owned());
        }
        let payload = schedule.payload.clone();
        let payload = payload.map_err(|error| {
            note(format!("the job `{}` cannot be stored as JSON: {error}", schedule.job_type));
        });
        let times = times(&schedule).map_err(|why| why.into_iter().for_each(&mut note));
        let job = job(&schedule, payload.unwrap_or_default());
        // Whoever writes the program knows how large its one payload is.
        job.problem(usize::MAX).into_iter().for_each(&mut note);
        match times {
            Ok(times) if problems.is_empty() => Ok(Self::of(schedule, times, job)),
            _ => Err(problems),
        }
    }

    fn of(schedule: Schedule, times: Times, job: New) -> Self {
        let (pattern, interval) = match schedule.every {
            Every::Cron(pattern) => (Some(pattern), None),
            Every::Interval(time) => (None, Some(time)),
        };
        let zone = pattern.is_some().then(|| schedule.zone.unwrap_or_else(|| "UTC".to_owned()));
        Self { name: schedule.name, times, missed: schedule.missed, pattern, zone, interval, job }
    }

    /// What it enqueues.
    pub(crate) fn job_type(&self) -> &str {
        &self.job.job_type
    }

    /// Where that waits.
    pub(crate) fn queue(&self) -> &str {
        &self.job.queue
    }

    /// The row of one slot, enqueued now.
    pub(crate) fn job(&self, slot: i64, now: i64) -> New {
        New { slot: Some(slot), run_at: now, created_at: now, ..self.job.clone() }
    }
}

/// The row of every slot, but for its times.
fn job(schedule: &Schedule, payload: String) -> New {
    let unique_key = match schedule.overlap {
        Overlap::Enqueue => None,
        Overlap::Skip => Some(format!("schedule {}", schedule.name)),
    };
    New {
        job_type: schedule.job_type.to_owned(),
        payload,
        queue: schedule.queue.clone(),
        priority: schedule.priority,
        run_at: EARLIEST,
        created_at: EARLIEST,
        max_attempts: schedule.max_attempts,
        unique_key,
        schedule: Some(schedule.name.clone()),
        slot: None,
    }
}

fn times(schedule: &Schedule) -> Result<Times, Vec<String>> {
    match &schedule.every {
        Every::Interval(time) => {
            let zone = schedule.zone.is_some().then(|| {
                "an interval has no time zone: leave out `zone`, or write a cron pattern".to_owned()
            });
            match (Times::interval(*time), zone) {
                (Ok(times), None) => Ok(times),
                (times, zone) => Err(times.err().into_iter().chain(zone).collect()),
            }
        }
        Every::Cron(text) => {
            let zone = schedule.zone.as_deref().map_or(Ok(TimeZone::UTC), zone::zone);
            // A pattern can be wrong in itself, whatever the zone.
            let pattern = pattern::Pattern::read(text, zone.clone().unwrap_or(TimeZone::UTC));
            match (pattern, zone) {
                (Ok(pattern), Ok(_)) => Ok(Times::Cron(Box::new(pattern))),
                (pattern, zone) => {
                    let pattern =
                        pattern.err().map(|why| format!("the pattern `{}`: {why}", text.escape_debug()));
                    Err(pattern.into_iter().chain(zone.err()).collect())
                }
            }
        }
    }
}

/// The schedules that a handle of the queue knows.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<Vec<Arc<Recurrent>>>);

impl Known {
    /// Adds one; another runner's of the same name gives way.
    pub(crate) fn add(&self, schedule: Arc<Recurrent>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|other| other.name != schedule.name);
        known.push(schedule);
    }

    pub(crate) fn all(&self) -> Vec<Arc<Recurrent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What the fuzz target calls: reads a pattern in a zone; its next times after one, as far as there are any.
#[doc(hidden)]
pub fn fuzz(pattern: &str, zone: &str, after: i64, most: usize) -> Result<Vec<i64>, String> {
    let times = Times::Cron(Box::new(pattern::Pattern::read(pattern, zone::zone(zone)?)?));
    Ok(std::iter::successors(times.next(after), |slot| times.next(*slot)).take(most).collect())
}

#[cfg(test)]
mod tests;
