//! Trouble with the database: when it is asked again, and what the log hears of it.

use std::time::Duration;

use ketch_db::Error;
use tokio::time::Instant;

/// The wait before the second attempt, doubled each time up to a bound.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Whether there is trouble. The log is told when it begins and when it is over, not each time.
#[derive(Debug)]
pub(super) struct Outage {
    /// What is asked of the database.
    what: &'static str,
    trouble: Option<Trouble>,
}

#[derive(Debug)]
struct Trouble {
    since: Instant,
    tries: u32,
    until: Instant,
}

impl Outage {
    pub(super) fn of(what: &'static str) -> Self {
        Self { what, trouble: None }
    }

    /// It failed.
    pub(super) fn hit(&mut self, error: &Error) {
        let now = Instant::now();
        let what = self.what;
        if self.trouble.is_none() {
            tracing::error!(%error, "{what} failed; it is tried again until it goes well");
        }
        let (since, tries) = self.trouble.as_ref().map_or((now, 0), |it| (it.since, it.tries + 1));
        let (first, most) = BACKOFF;
        let wait = first.saturating_mul(1 << tries.min(16)).min(most);
        let until = now + wait.mul_f64(0.75 + fastrand::f64() / 2.0);
        self.trouble = Some(Trouble { since, tries, until });
    }

    /// It went well.
    pub(super) fn over(&mut self) {
        if let Some(trouble) = self.trouble.take() {
            let what = self.what;
            tracing::info!(after = ?trouble.since.elapsed(), "{what} goes well again");
        }
    }

    /// When it may be tried again, if there is trouble.
    pub(super) fn until(&self) -> Option<Instant> {
        self.trouble.as_ref().map(|trouble| trouble.until)
    }
}
