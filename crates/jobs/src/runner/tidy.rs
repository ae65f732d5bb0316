//! What ended long ago goes.

use std::time::Duration;

use ketch_db::Result;
use tokio::time::sleep;

use super::outage::Outage;
use crate::jobs::Jobs;
use crate::row::Status;
use crate::store;

/// How often it is looked.
const EVERY: Duration = Duration::from_mins(1);
/// Rows of one write. Others have their turn between two.
const ROWS: usize = 1_000;
const PAUSE: Duration = Duration::from_millis(50);

/// Deletes rows of jobs that ended longer ago than [`Options::keep_done`](crate::Options::keep_done) and
/// [`Options::keep_dead`](crate::Options::keep_dead), as long as it is polled.
pub(super) async fn tidy(jobs: Jobs) {
    let mut outage = Outage::of("deleting jobs that ended long ago");
    loop {
        match purge(&jobs).await {
            Ok(()) => outage.over(),
            Err(error) => outage.hit(&error),
        }
        sleep(EVERY).await;
    }
}

async fn purge(jobs: &Jobs) -> Result<()> {
    let options = jobs.options();
    let kept = [
        (Status::Done, options.keep_done),
        (Status::Dead, options.keep_dead),
        (Status::Cancelled, options.keep_dead),
    ];
    for (status, keep) in kept {
        loop {
            let gone = store::purge_old(jobs.db(), status, keep, jobs.now(), ROWS).await?;
            if gone < ROWS as u64 {
                break;
            }
            sleep(PAUSE).await;
        }
    }
    Ok(())
}
