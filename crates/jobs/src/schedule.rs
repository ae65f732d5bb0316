//! Recurrent jobs: when each is due.

use std::time::Duration;

use crate::job::Job;

/// A recurrent job: what is enqueued, and when.
///
/// The times at which it is due are its slots. Each slot is enqueued once at most, whatever the clock does, however often
/// the program is started, and however many processes share the database. While a runner works, none is left out: a slot
/// that is late by up to a minute is still enqueued. Of slots that were missed for longer, because nothing ran or the
/// clock jumped, the newest is enqueued once; [`skip_missed`](Self::skip_missed) leaves it out too. What was due before
/// the schedule was first seen is not enqueued.
///
/// ```
/// # use ketch_jobs::{Job, JobCtx, JobResult};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Report { kind: String }
/// # impl Job for Report {
/// #     const TYPE: &'static str = "report";
/// #     type State = ();
/// #     async fn run(self, _ctx: JobCtx) -> JobResult { Ok(()) }
/// # }
/// use std::time::Duration;
/// use ketch_jobs::Schedule;
///
/// let daily = Report { kind: "daily".to_owned() };
/// Schedule::cron("nightly report", "30 2 * * *", &daily).zone("Europe/Paris").priority(2);
/// Schedule::every("pulse", Duration::from_secs(15), &daily).skip_while_running();
/// ```
///
/// # Patterns
///
/// Five fields: minute, hour, day of the month, month, day of the week; or six, with seconds first. Each is `*`, a
/// number, a range `1-5`, a step `*/10` or `8-18/2`, or a list of these with commas. Months and days of the week have
/// names, `JAN` and `MON`; the days of the week are 0 to 7, and both 0 and 7 are Sunday. `L` is the last day of the
/// month, `LW` its last day from Monday to Friday, `15W` the one nearest to the 15th, `FRI#2` the second Friday and `FRIL`
/// the last. When both the day of the month and the day of the week are given, either is enough; `+MON` asks for both.
/// `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly` stand for patterns.
///
/// # When clocks change
///
/// A pattern with one time of day (`30 2 * * *`) has one slot on each day: if that time is left out by a clock that goes
/// forward, the slot is the first moment after; if it comes twice, the slot is the first of both. Every other pattern
/// (`*/30 * * * *`, `0,30 2 * * *`) follows the clock on the wall: it has no slots in an hour that is left out, and twice
/// as many in one that comes twice. Intervals know no time zone.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub(crate) name: String,
    pub(crate) every: Every,
    /// Of a cron pattern; an interval has none.
    pub(crate) zone: Option<String>,
    pub(crate) job_type: &'static str,
    pub(crate) payload: Result<String, String>,
    pub(crate) queue: String,
    pub(crate) priority: u8,
    pub(crate) max_attempts: u32,
    pub(crate) missed: Missed,
    pub(crate) overlap: Overlap,
}

/// When.
#[derive(Clone, Debug)]
pub(crate) enum Every {
    /// At the times of a cron pattern.
    Cron(String),
    /// At every multiple of this time since 1970.
    Interval(Duration),
}

/// What is done about slots that were missed for more than a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    /// The newest is enqueued.
    Newest,
    /// Nothing.
    Skip,
}

/// What is done when a slot comes before the last run has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overlap {
    /// It is enqueued.
    Enqueue,
    /// It is left out.
    Skip,
}

impl Schedule {
    /// A job at the times of a cron pattern, in UTC: `"0 3 * * *"` is three in the morning, every day.
    ///
    /// The name is its identity in the database: with another pattern it is still the same schedule.
    pub fn cron<J: Job>(name: impl Into<String>, pattern: impl Into<String>, job: &J) -> Self {
        Self::new(name.into(), Every::Cron(pattern.into()), job)
    }

    /// A job at every multiple of a time since 1970 began in UTC: every 5 minutes is at 12:00, 12:05, 12:10. From 1 s to
    /// 366 days, in whole milliseconds.
    pub fn every<J: Job>(name: impl Into<String>, time: Duration, job: &J) -> Self {
        Self::new(name.into(), Every::Interval(time), job)
    }

    fn new<J: Job>(name: String, every: Every, job: &J) -> Self {
        Self {
            name,
            every,
            zone: None,
            job_type: J::TYPE,
            payload: serde_json::to_string(job).map_err(|error| error.to_string()),
            queue: J::QUEUE.to_owned(),
            priority: J::PRIORITY,
            max_attempts: J::MAX_ATTEMPTS,
            missed: Missed::Newest,
            overlap: Overlap::Enqueue,
        }
    }

    /// The time zone of a cron pattern, by its IANA name: `"Europe/Paris"`. UTC if nobody says.
    #[must_use]
    pub fn zone(self, name: impl Into<String>) -> Self {
        Self { zone: Some(name.into()), ..self }
    }

    /// In another queue than [`Job::QUEUE`].
    #[must_use]
    pub fn queue(self, name: impl Into<String>) -> Self {
        Self { queue: name.into(), ..self }
    }

    /// With another priority than [`Job::PRIORITY`]: 0 to 9.
    #[must_use]
    pub fn priority(self, priority: u8) -> Self {
        Self { priority, ..self }
    }

    /// With more or fewer attempts than [`Job::MAX_ATTEMPTS`]: at least 1.
    #[must_use]
    pub fn max_attempts(self, attempts: u32) -> Self {
        Self { max_attempts: attempts, ..self }
    }

    /// Leaves out slots that were missed for more than a minute: nothing is made up for.
    #[must_use]
    pub fn skip_missed(self) -> Self {
        Self { missed: Missed::Skip, ..self }
    }

    /// Leaves out slots that come before the last run of this schedule has ended. It has ended when it is done, dead or
    /// cancelled; one that waits for another attempt has not.
    #[must_use]
    pub fn skip_while_running(self) -> Self {
        Self { overlap: Overlap::Skip, ..self }
    }
}
