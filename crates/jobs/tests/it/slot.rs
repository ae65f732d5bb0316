//! What a run knows of itself: a recurrent one its slot, and that a job without fields needs no payload.

use std::time::{Duration, SystemTime};

use ketch_db::params;
use ketch_jobs::{Job, JobCtx, JobResult, Runner, Schedule};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::place::Place;

const SOON: Duration = Duration::from_secs(10);

/// A job without fields, as most nightly ones are.
#[derive(Serialize, Deserialize)]
struct Round;

impl Job for Round {
    const TYPE: &'static str = "round";
    type State = mpsc::UnboundedSender<Option<SystemTime>>;

    async fn run(self, ctx: JobCtx<Self::State>) -> JobResult {
        ctx.state().send(ctx.slot())?;
        Ok(())
    }
}

#[tokio::test]
async fn a_recurrent_run_knows_the_time_that_it_is_for() {
    let place = Place::sqlite().await;
    let (sent, mut slots) = mpsc::unbounded_channel();
    let every = Schedule::every("pulse", Duration::from_secs(1), &Round);
    let running = Runner::new(place.jobs.clone()).job::<Round>(sent).schedule(every).start().await.unwrap();
    let slot = timeout(SOON, slots.recv()).await.expect("it is run").expect("the runner works");
    let since = slot.expect("it has a slot").duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(since.subsec_nanos(), 0, "slots are multiples of the interval: {since:?}");
    running.stop(SOON).await;
}

#[tokio::test]
async fn a_row_without_a_payload_is_a_job_without_fields_and_has_no_slot() {
    let place = Place::sqlite().await;
    let (sent, mut slots) = mpsc::unbounded_channel();
    let running = Runner::new(place.jobs.clone()).job::<Round>(sent).start().await.unwrap();
    place.db.execute("insert into job_queue (job_type) values ('round')", params! {}).await.unwrap();
    let slot = timeout(SOON, slots.recv()).await.expect("it is run").expect("the runner works");
    assert_eq!(slot, None);
    running.stop(SOON).await;
}
