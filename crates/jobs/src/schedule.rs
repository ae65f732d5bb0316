//! Recurrent jobs: when each is due.

use std::time::Duration;

use crate::job::Job;

/// A recurrent job: what is enqueued, and when. Each slot is enqueued once at most, by one process.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub(crate) name: String,
    pub(crate) every: Every,
    pub(crate) job_type: &'static str,
    pub(crate) payload: Result<String, String>,
}

/// When.
#[derive(Clone, Debug)]
pub(crate) enum Every {
    /// At the times of a cron pattern, in this time zone.
    Cron { pattern: String, zone: String },
    /// At every multiple of this time since 1970.
    Interval(Duration),
}

impl Schedule {
    /// A job at the times of a cron pattern, in UTC: `"0 3 * * *"` is three in the morning, every day.
    pub fn cron<J: Job>(name: impl Into<String>, pattern: impl Into<String>, job: &J) -> Self {
        Self::new(name, Every::Cron { pattern: pattern.into(), zone: "UTC".to_owned() }, job)
    }

    /// A job at every multiple of a time.
    pub fn every<J: Job>(name: impl Into<String>, time: Duration, job: &J) -> Self {
        Self::new(name, Every::Interval(time), job)
    }

    fn new<J: Job>(name: impl Into<String>, every: Every, job: &J) -> Self {
        let payload = serde_json::to_string(job).map_err(|error| error.to_string());
        Self { name: name.into(), every, job_type: J::TYPE, payload }
    }

    /// The time zone of a cron pattern, by its IANA name: `"Europe/Paris"`.
    #[must_use]
    pub fn zone(mut self, name: impl Into<String>) -> Self {
        if let Every::Cron { zone, .. } = &mut self.every {
            *zone = name.into();
        }
        self
    }
}
