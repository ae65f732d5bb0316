//! What this process has seen of its jobs since it began: counters and histograms, as plain values.
//!
//! They are kept by job type. Only types that a runner knows have their own, so that rows which others insert cannot make
//! them grow; all the rest count as one. What stands in the table is [`Jobs::counts`](crate::Jobs::counts).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The upper ends of a histogram's buckets, in seconds. One more holds what is beyond.
pub const BUCKETS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 300.0, 1800.0, 3600.0];

/// The name under which types count that no runner of this process knows.
pub const OTHER: &str = "other";

/// How a run ended, for whoever counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// It failed, and is tried again.
    Retried,
    /// It failed, and is not.
    Dead,
    Cancelled,
    /// It was given back at the stop of the server.
    GivenBack,
}

/// What a process counts. Every method is a few atomic additions.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    types: RwLock<BTreeMap<&'static str, Arc<OfType>>>,
    other: OfType,
    lost_claims: AtomicU64,
    released: AtomicU64,
    cycles: AtomicU64,
    database_errors: AtomicU64,
}

impl Counters {
    /// Gives a type counters of its own.
    pub(crate) fn know(&self, job_type: &'static str) {
        // What is called `other` counts among the others: no name is there twice.
        if job_type != OTHER {
            self.types.write().unwrap_or_else(PoisonError::into_inner).entry(job_type).or_default();
        }
    }

    /// A job was claimed so long after it was due.
    pub(crate) fn claimed(&self, job_type: &str, late: Duration) {
        self.with(job_type, |of| {
            add(&of.claimed, 1);
            of.lateness.record(late);
        });
    }

    /// A run ended after so long.
    pub(crate) fn ended(&self, job_type: &str, outcome: Outcome, ran: Duration) {
        self.with(job_type, |of| {
            add(of.outcome(outcome), 1);
            of.run_time.record(ran);
        });
    }

    /// A run panicked. How it ended is counted as well.
    pub(crate) fn panicked(&self, job_type: &str) {
        self.with(job_type, |of| add(&of.panicked, 1));
    }

    /// A run was past its deadline. How it ended is counted as well.
    pub(crate) fn timed_out(&self, job_type: &str) {
        self.with(job_type, |of| add(&of.timed_out, 1));
    }

    /// So many runs ended whose claims did not stand any more.
    pub(crate) fn lost_claims(&self, count: u64) {
        add(&self.lost_claims, count);
    }

    /// So many claims of runners that are gone were given back.
    pub(crate) fn released(&self, count: u64) {
        add(&self.released, count);
    }

    /// A runner wrote and claimed once.
    pub(crate) fn cycle(&self) {
        add(&self.cycles, 1);
    }

    /// The database refused what a runner asked of it.
    pub(crate) fn database_error(&self) {
        add(&self.database_errors, 1);
    }

    fn with(&self, job_type: &str, count: impl FnOnce(&OfType)) {
        match self.types.read().unwrap_or_else(PoisonError::into_inner).get(job_type) {
            Some(of) => count(of),
            None => count(&self.other),
        }
    }

    /// What has been counted by now.
    pub(crate) fn stats(&self) -> Stats {
        let types = self.types.read().unwrap_or_else(PoisonError::into_inner);
        let mut types: Vec<TypeStats> = types.iter().map(|(name, of)| of.stats(name)).collect();
        if read(&self.other.claimed) > 0 {
            types.push(self.other.stats(OTHER));
        }
        Stats {
            lost_claims: read(&self.lost_claims),
            released: read(&self.released),
            cycles: read(&self.cycles),
            database_errors: read(&self.database_errors),
            types,
        }
    }
}

#[derive(Debug, Default)]
struct OfType {
    claimed: AtomicU64,
    done: AtomicU64,
    retried: AtomicU64,
    dead: AtomicU64,
    cancelled: AtomicU64,
    given_back: AtomicU64,
    panicked: AtomicU64,
    timed_out: AtomicU64,
    lateness: Histogram,
    run_time: Histogram,
}

impl OfType {
    fn outcome(&self, outcome: Outcome) -> &AtomicU64 {
        match outcome {
            Outcome::Done => &self.done,
            Outcome::Retried => &self.retried,
            Outcome::Dead => &self.dead,
            Outcome::Cancelled => &self.cancelled,
            Outcome::GivenBack => &self.given_back,
        }
    }

    fn stats(&self, job_type: &str) -> TypeStats {
        let (retried, dead) = (read(&self.retried), read(&self.dead));
        TypeStats {
            job_type: job_type.to_owned(),
            claimed: read(&self.claimed),
            done: read(&self.done),
            failed: retried + dead,
            retried,
            dead,
            cancelled: read(&self.cancelled),
            given_back: read(&self.given_back),
            panicked: read(&self.panicked),
            timed_out: read(&self.timed_out),
            lateness: self.lateness.stats(),
            run_time: self.run_time.stats(),
        }
    }
}

/// How often something took how long.
#[derive(Debug, Default)]
struct Histogram {
    /// Not cumulative; the last holds what is beyond.
    buckets: [AtomicU64; BUCKETS.len() + 1],
    micros: AtomicU64,
}

impl Histogram {
    fn record(&self, time: Duration) {
        let seconds = time.as_secs_f64();
        add(&self.buckets[BUCKETS.partition_point(|end| *end < seconds)], 1);
        add(&self.micros, u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    fn stats(&self) -> HistogramStats {
        let mut count = 0;
        let mut upto = |bucket: &AtomicU64| {
            count += read(bucket);
            count
        };
        let buckets: Vec<Bucket> = BUCKETS
            .iter()
            .zip(&self.buckets)
            .map(|(end, held)| Bucket { upto: *end, count: upto(held) })
            .collect();
        let count = upto(&self.buckets[BUCKETS.len()]);
        HistogramStats { count, sum: Duration::from_micros(read(&self.micros)).as_secs_f64(), buckets }
    }
}

/// What this process has seen of its jobs since it began. Nothing here is stored; it starts at zero with the process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "JobStats")]
#[non_exhaustive]
pub struct Stats {
    /// Runs that ended when their job was not theirs any more: what they came to was not written.
    pub lost_claims: u64,
    /// Jobs that were given back because their runner was gone.
    pub released: u64,
    /// How often a runner wrote how runs ended and claimed the next ones.
    pub cycles: u64,
    /// How often the database refused that; it is tried again each time.
    pub database_errors: u64,
    /// By job type: those that a runner of this process knows, and the rest together as `other` when there was any.
    pub types: Vec<TypeStats>,
}

impl Stats {
    /// The counters of a type.
    pub fn of(&self, job_type: &str) -> Option<&TypeStats> {
        self.types.iter().find(|one| one.job_type == job_type)
    }
}

/// What this process has seen of one type of jobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "JobTypeStats")]
#[non_exhaustive]
pub struct TypeStats {
    /// The type's name, or `other`.
    #[serde(rename = "type")]
    pub job_type: String,
    /// Runs that were begun.
    pub claimed: u64,
    /// Runs that ended well.
    pub done: u64,
    /// Runs that failed: `retried` and `dead`.
    pub failed: u64,
    /// Runs that failed and are tried again.
    pub retried: u64,
    /// Runs that failed and are not tried again.
    pub dead: u64,
    /// Runs that ended because somebody cancelled the job.
    pub cancelled: u64,
    /// Runs that were given back when the server stopped.
    pub given_back: u64,
    /// Of those that failed, the ones that panicked.
    pub panicked: u64,
    /// Of those that failed, the ones that took longer than their deadline.
    pub timed_out: u64,
    /// From the time a run was due to the time it began.
    pub lateness: HistogramStats,
    /// From its begin to its end.
    pub run_time: HistogramStats,
}

/// How often something took how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "JobTimes")]
#[non_exhaustive]
pub struct HistogramStats {
    /// How often.
    pub count: u64,
    /// How long together, in seconds.
    pub sum: f64,
    /// How often it took at most so long; what is in none of them took longer.
    pub buckets: Vec<Bucket>,
}

/// How often something took at most so long.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "JobTimesUpTo")]
#[non_exhaustive]
pub struct Bucket {
    /// Seconds.
    pub upto: f64,
    /// How often, the shorter buckets included.
    pub count: u64,
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_first_bucket_that_holds_it_and_in_all_longer_ones() {
        let histogram = Histogram::default();
        for millis in [0, 1, 2, 100, 3_600_000, 3_600_001] {
            histogram.record(Duration::from_millis(millis));
        }
        let stats = histogram.stats();
        let upto =
            |end: f64| stats.buckets.iter().find(|bucket| bucket.upto >= end).map(|bucket| bucket.count);
        assert_eq!(upto(0.001), Some(2));
        assert_eq!(upto(0.0025), Some(3));
        assert_eq!(upto(0.05), Some(3));
        assert_eq!(upto(0.1), Some(4));
        assert_eq!(upto(3600.0), Some(5));
        assert_eq!(stats.count, 6);
        assert!((stats.sum - 7200.104).abs() < 1e-6, "{}", stats.sum);
    }

    #[test]
    fn types_that_nobody_registered_count_as_one() {
        let counters = Counters::default();
        counters.know("known");
        assert_eq!(counters.stats().types.len(), 1, "nothing else was seen yet");
        for job_type in ["known", "a", "b", "c"] {
            counters.claimed(job_type, Duration::ZERO);
            counters.ended(job_type, Outcome::Dead, Duration::ZERO);
        }
        counters.ended("known", Outcome::Retried, Duration::ZERO);
        let stats = counters.stats();
        assert_eq!(stats.types.len(), 2);
        let (known, other) = (stats.of("known").unwrap(), stats.of(OTHER).unwrap());
        assert_eq!((known.claimed, known.dead, known.retried, known.failed), (1, 1, 1, 2));
        assert_eq!((other.claimed, other.dead, other.failed), (3, 3, 3));
        assert_eq!(other.run_time.count, 3);
    }
}
