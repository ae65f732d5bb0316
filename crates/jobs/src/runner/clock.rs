//! The clock that is set back: what was due at once stays due.

use std::sync::Arc;
use std::time::Duration;

use ketch_db::Result;
use tokio::time::{Instant, sleep};

use super::outage::Outage;
use crate::bell::Inbox;
use crate::jobs::Jobs;
use crate::store;

/// How often the clock is compared with the monotonic one.
const EVERY: Duration = Duration::from_secs(1);
/// How far it may be set back before something is done about it, in milliseconds.
const STEP: i64 = 1_000;
const PAUSE: Duration = Duration::from_millis(20);

/// Watches the clock as long as it is polled.
///
/// A job that was enqueued by a clock that was ahead would wait until that time comes again. One that was to be run at
/// once is made due; one that waits for a moment which somebody chose keeps it. `set_back`: it was found so at the start.
pub(super) async fn watch(jobs: Jobs, inbox: Arc<Inbox>, mut set_back: bool) {
    let mut outage = Outage::of("making jobs due after the clock was set back");
    let (mut wall, mut at) = (jobs.now(), Instant::now());
    loop {
        sleep(EVERY).await;
        let passed = i64::try_from(at.elapsed().as_millis()).unwrap_or(i64::MAX);
        let now = jobs.now();
        let behind = wall.saturating_add(passed).saturating_sub(now);
        (wall, at) = (now, Instant::now());
        if behind > STEP {
            tracing::warn!(millis = behind, "the clock was set back");
            set_back = true;
        }
        if set_back {
            match mend(&jobs, &inbox).await {
                Ok(()) => {
                    set_back = false;
                    outage.over();
                }
                Err(error) => outage.hit(&error),
            }
        }
    }
}

/// Makes due what is to be, in small writes: others have their turn between two.
async fn mend(jobs: &Jobs, inbox: &Inbox) -> Result<()> {
    loop {
        let now = jobs.now();
        let mended = jobs.db().write_read_committed(move |tx| store::mend_times(tx, now)).await?;
        inbox.look();
        if mended < store::MENDED {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
}
