//! What ended long ago goes.

use std::time::Duration;

use ketch_db::Result;
use tokio::time::{Instant, sleep};

use super::outage::Outage;
use crate::jobs::Jobs;
use crate::row::Status;
use crate::store;

/// How often it is looked.
const EVERY: Duration = Duration::from_mins(1);
/// Rows of one write. Others have their turn between two.
const ROWS: usize = 1_000;
const PAUSE: Duration = Duration::from_millis(50);
/// A clock that jumps further ahead than this is not believed at once, in milliseconds: 10 minutes.
const JUMP: i64 = 10 * 60 * 1_000;
/// How long it is not.
const HOLD: Duration = Duration::from_hours(1);

/// Deletes rows of jobs that ended longer ago than [`Options::keep_done`](crate::Options::keep_done) and
/// [`Options::keep_dead`](crate::Options::keep_dead), as long as it is polled.
pub(super) async fn tidy(jobs: Jobs) {
    let mut outage = Outage::of("deleting jobs that ended long ago");
    let mut trust = Trust::default();
    loop {
        let now = jobs.now();
        if trust.has(now, Instant::now()) {
            match purge(&jobs, now).await {
                Ok(()) => outage.over(),
                Err(error) => outage.hit(&error),
            }
        }
        sleep(EVERY).await;
    }
}

/// Deletes what is too old at this time, which is that of the last look at the clock, however long it takes.
async fn purge(jobs: &Jobs, now: i64) -> Result<()> {
    let options = jobs.options();
    let kept = [
        (Status::Done, options.keep_done),
        (Status::Dead, options.keep_dead),
        (Status::Cancelled, options.keep_dead),
    ];
    for (status, keep) in kept {
        loop {
            let gone = store::purge_old(jobs.db(), status, keep, now, ROWS).await?;
            if gone < ROWS as u64 {
                break;
            }
            sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// Whether the clock is believed. One that jumps a year ahead makes everything old, and what is deleted for that does not
/// come back when it is set right.
#[derive(Debug, Default)]
struct Trust {
    last: Option<(i64, Instant)>,
    /// It jumped ahead, and is believed again after this.
    until: Option<Instant>,
}

impl Trust {
    fn has(&mut self, now: i64, at: Instant) -> bool {
        if let Some((wall, before)) = self.last.replace((now, at)) {
            let passed = i64::try_from((at - before).as_millis()).unwrap_or(i64::MAX);
            let ahead = now.saturating_sub(wall).saturating_sub(passed);
            if ahead > JUMP {
                tracing::warn!(millis = ahead, "the clock jumped ahead: no old jobs are deleted for an hour");
                self.until = Some(at + HOLD);
            } else if ahead < -JUMP {
                self.until = None;
            }
        }
        self.until.is_none_or(|until| until <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_ahead_is_believed_when_it_stays_so() {
        const MINUTE: i64 = 60_000;
        const YEAR: i64 = 365 * 24 * 60 * MINUTE;
        let (mut trust, mut wall, mut at) = (Trust::default(), 1_800_000_000_000, Instant::now());
        let mut look = |jump: i64| {
            (wall, at) = (wall + MINUTE + jump, at + EVERY);
            trust.has(wall, at)
        };
        assert!(look(0) && look(0), "nothing happens");
        assert!(look(5 * MINUTE), "a laptop wakes up");
        assert!(!look(YEAR) && !look(0), "it is a year ahead");
        assert!(look(-YEAR) && look(0), "it is set right");
        assert!(!look(YEAR), "it is a year ahead again");
        let held = (0..120).take_while(|_| !look(0)).count();
        assert_eq!(held, 59, "it stays so for an hour");
    }
}
