//! PostgreSQL: what other processes tell: that there is work, that a job was cancelled.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use ketch_db::{Error, Heard};
use tokio::time::{Instant, sleep_until};

use super::after;
use super::outage::Outage;
use crate::bell::Inbox;
use crate::jobs::{CHANNEL, Jobs};

/// Hears what is told as long as it is polled. The tick of the runner is the net under it.
pub(super) async fn listen(jobs: Jobs, inbox: Arc<Inbox>) {
    let mut outage = Outage::of("listening for jobs that other processes enqueue");
    loop {
        match jobs.db().listen(CHANNEL).await {
            Ok(mut notices) => {
                outage.over();
                inbox.gap();
                while let Some(heard) = notices.next().await {
                    hear(&jobs, &inbox, heard);
                }
                outage.hit(&Error::Unavailable("the notices ended".to_owned()));
            }
            Err(error) => outage.hit(&error),
        }
        let soon: Instant = after(Duration::from_secs(1));
        sleep_until(outage.until().unwrap_or(soon)).await;
    }
}

fn hear(jobs: &Jobs, inbox: &Inbox, heard: Heard) {
    match heard {
        Heard::Gap => inbox.gap(),
        Heard::Notice(said) => match said.strip_prefix("cancel ").map(str::parse) {
            Some(Ok(id)) => jobs.cancelled_here(id),
            _ => inbox.look(),
        },
    }
}
