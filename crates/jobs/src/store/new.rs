//! What is stored of a job that is new, once it has been looked at.

use std::time::SystemTime;

use ketch_db::{Error, Result};

use crate::enqueue::{Enqueue, When};
use crate::job::Job;
use crate::jobs::{Jobs, millis};
use crate::raw::RawJob;

/// What is stored of a job that is new.
#[derive(Clone, Debug)]
pub(crate) struct New {
    pub(crate) job_type: String,
    pub(crate) payload: String,
    pub(crate) queue: String,
    pub(crate) priority: u8,
    pub(crate) run_at: i64,
    pub(crate) created_at: i64,
    pub(crate) max_attempts: u32,
    pub(crate) unique_key: Option<String>,
    pub(crate) schedule: Option<String>,
    pub(crate) slot: Option<i64>,
}

/// The longest name of a type or a queue, in bytes.
const LONGEST_NAME: usize = 200;
/// The longest unique key, in bytes: an index of PostgreSQL takes no more than 2,704 in a row.
const LONGEST_KEY: usize = 1_024;
/// The highest priority.
const HIGHEST: u8 = 9;
/// As many attempts as an integer column takes.
const MOST_ATTEMPTS: u32 = i32::MAX.unsigned_abs();
/// 2001-09-09: less is a time in seconds that was taken for milliseconds.
pub(crate) const EARLIEST: i64 = 1_000_000_000_000;
/// 9998-12-31: the last year that all of RFC 3339 can say.
pub(crate) const LATEST: i64 = 253_370_764_799_999;

impl New {
    /// A job of a type that is known.
    pub(crate) fn of<J: Job>(job: &Enqueue<'_, J>, jobs: &Jobs) -> Result<Self> {
        let payload = serde_json::to_string(job.job).map_err(|error| {
            Error::Check(format!("the job `{}` cannot be stored as JSON: {error}", J::TYPE))
        })?;
        let now = jobs.now();
        let new = Self {
            job_type: J::TYPE.to_owned(),
            payload,
            queue: job.queue.clone().unwrap_or_else(|| J::QUEUE.to_owned()),
            priority: job.priority.unwrap_or(J::PRIORITY),
            run_at: moment(job.when, now),
            created_at: now,
            max_attempts: job.max_attempts.unwrap_or(J::MAX_ATTEMPTS),
            unique_key: job.unique.clone(),
            schedule: None,
            slot: None,
        };
        new.checked(jobs)
    }

    /// A job by the name of its type.
    pub(crate) fn of_raw(job: RawJob, jobs: &Jobs) -> Result<Self> {
        let (priority, attempts) = (job.priority.unwrap_or(5), job.max_attempts.unwrap_or(20));
        let now = jobs.now();
        let new = Self {
            payload: job.payload.to_string(),
            queue: job.queue.unwrap_or_else(|| "default".to_owned()),
            priority: u8::try_from(priority).map_err(|_| wrong(&job.job_type, &priority_is(priority)))?,
            run_at: moment(job.when, now),
            created_at: now,
            max_attempts: u32::try_from(attempts)
                .map_err(|_| wrong(&job.job_type, &attempts_are(attempts)))?,
            unique_key: job.unique,
            schedule: None,
            slot: None,
            job_type: job.job_type,
        };
        new.checked(jobs)
    }

    /// Itself, if it is what the table takes.
    pub(crate) fn checked(self, jobs: &Jobs) -> Result<Self> {
        match self.problem(jobs.options().payload) {
            None => Ok(self),
            Some(why) => Err(wrong(&self.job_type, &why)),
        }
    }

    /// What the table would not take.
    pub(crate) fn problem(&self, largest: usize) -> Option<String> {
        name_problem("type", &self.job_type)
            .or_else(|| name_problem("queue", &self.queue))
            .or_else(|| self.unique_key.as_deref().and_then(key_problem))
            .or_else(|| priority_problem(self.priority))
            .or_else(|| attempts_problem(self.max_attempts))
            .or_else(|| {
                let so = (EARLIEST..=LATEST).contains(&self.run_at);
                (!so).then(|| "the time that it is due at is not between 2001-09-09 and 9998-12-31".to_owned())
            })
            .or_else(|| {
                let so = self.payload.len() <= largest;
                (!so).then(|| {
                    format!(
                        "its payload has {} bytes and may have {largest} (`Options::payload`): store what is large \
                         elsewhere, and enqueue where it is",
                        self.payload.len()
                    )
                })
            })
    }
}

fn wrong(job_type: &str, why: &str) -> Error {
    let shown: String = job_type.chars().take(LONGEST_NAME).collect();
    Error::Check(format!("the job `{}` cannot be enqueued: {why}", shown.escape_debug()))
}

/// What is wrong with a priority.
pub(crate) fn priority_problem(priority: u8) -> Option<String> {
    (priority > HIGHEST).then(|| priority_is(priority.into()))
}

fn priority_is(priority: i64) -> String {
    format!("its priority is {priority}: it is 0 to {HIGHEST}")
}

/// What is wrong with how often a job is begun, at most.
pub(crate) fn attempts_problem(attempts: u32) -> Option<String> {
    (!(1..=MOST_ATTEMPTS).contains(&attempts)).then(|| attempts_are(attempts.into()))
}

fn attempts_are(attempts: i64) -> String {
    format!("its attempts are {attempts}: they are 1 to {MOST_ATTEMPTS}")
}

/// What is wrong with the name of a type or a queue.
pub(crate) fn name_problem(what: &str, name: &str) -> Option<String> {
    if name.is_empty() {
        return Some(format!("its {what} is empty"));
    }
    if name.len() > LONGEST_NAME {
        return Some(format!("its {what} has {} bytes and may have {LONGEST_NAME}", name.len()));
    }
    name.chars().any(char::is_control).then(|| format!("its {what} has a control character"))
}

fn key_problem(key: &str) -> Option<String> {
    if key.is_empty() {
        return Some("its unique key is empty".to_owned());
    }
    if key.len() > LONGEST_KEY {
        return Some(format!(
            "its unique key has {} bytes and may have {LONGEST_KEY}: a hash of it is as unique",
            key.len()
        ));
    }
    key.contains('\0')
        .then(|| "its unique key has a NUL character, which PostgreSQL does not store".to_owned())
}

/// The moment that a job is due at; what no number can say is beyond its bounds.
fn moment(when: When, now: i64) -> i64 {
    match when {
        When::Now => now,
        When::In(time) => now.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)),
        When::At(time) if time < SystemTime::UNIX_EPOCH => i64::MIN,
        When::At(time) => millis(time),
    }
}
