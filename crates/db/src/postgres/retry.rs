//! What failed and is run again: how often, and after which wait.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::{is_conflict, is_stale};
use super::pool::Shared;
use super::run::Fault;
use crate::error::Error;

/// The wait before the second run of a write that met another; each further one is twice as long, up to a bound.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(64));

/// Why a transaction did not come to its end.
pub(super) struct Failed {
    pub(super) fault: Fault,
    pub(super) sql: Arc<str>,
    /// It may have been committed: the connection was lost when the commit was under way.
    pub(super) unknown: bool,
}

/// How often a write was run, and whether it is to be run again.
#[derive(Debug, Default)]
pub(super) struct Runs {
    pub(super) begun: u32,
    until: Option<Instant>,
    lost: bool,
    stale: bool,
}

impl Runs {
    /// Those of which all are to have ended then.
    pub(super) fn ending(until: Instant) -> Self {
        Self { until: Some(until), ..Self::default() }
    }

    /// One more run begins; when all of them are to have ended.
    pub(super) fn until(&mut self, time: Duration) -> Instant {
        self.begun += 1;
        *self.until.get_or_insert_with(|| Instant::now() + time)
    }

    /// What is to be said of a run that failed; nothing when it is to be run again, after a wait.
    pub(super) async fn after(&mut self, shared: &Shared, failed: Failed) -> Option<Error> {
        let Failed { fault, sql, unknown } = failed;
        if unknown {
            return Some(Error::Unavailable(
                "the connection was lost while it was being committed: whether it was is not known"
                    .to_owned(),
            ));
        }
        if fault.is(is_conflict) {
            return self.after_conflict(shared).await;
        }
        let again = match () {
            () if fault.is(is_stale) => !std::mem::replace(&mut self.stale, true),
            () if fault.lost() => !std::mem::replace(&mut self.lost, true),
            () => false,
        };
        shared.forget_if_stale(&fault);
        (!again).then(|| fault.into_error(&sql))
    }

    /// The same after a conflict: others are given a little time.
    pub(super) async fn after_conflict(&self, shared: &Shared) -> Option<Error> {
        if self.begun > shared.options.retries {
            return Some(Error::Conflict);
        }
        let (first, most) = BACKOFF;
        let wait = first.saturating_mul(1 << self.begun.min(16)).min(most);
        sleep(wait.mul_f64(jitter())).await;
        match self.until {
            Some(until) if until <= Instant::now() => Some(Error::Deadline),
            _ => None,
        }
    }
}

/// Between a half and one: what met once does not meet again.
fn jitter() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    let random = u32::try_from(RandomState::new().hash_one(0) >> 32).unwrap_or_default();
    0.5 + f64::from(random) / f64::from(u32::MAX) / 2.0
}

impl Shared {
    pub(super) fn forget_if_stale(&self, fault: &Fault) {
        if fault.is(is_stale) {
            self.forget_prepared();
        }
    }
}
