//! The clock that is set back: what was due at once stays due.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::outage::Outage;
use crate::bell::Inbox;
use crate::jobs::Jobs;
use crate::store;

/// How often the clock is compared with the monotonic one.
const EVERY: Duration = Duration::from_secs(1);
/// How far it may be set back before something is done about it, in milliseconds.
const STEP: i64 = 1_000;

/// Watches the clock as long as it is polled.
///
/// A job that was enqueued by a clock that was ahead would wait until that time comes again. One that was to be run at
/// once is made due; one that waits for a moment which somebody chose keeps it.
pub(super) async fn watch(jobs: Jobs, inbox: Arc<Inbox>) {
    let mut outage = Outage::of("making jobs due after the clock was set back");
    let (mut wall, mut at) = (jobs.now(), Instant::now());
    let mut set_back = false;
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
            match jobs.db().write_read_committed(move |tx| store::mend_times(tx, now)).await {
                Ok(_) => {
                    set_back = false;
                    outage.over();
                    inbox.look();
                }
                Err(error) => outage.hit(&error),
            }
        }
    }
}
