//! Runners that end by themselves: one job, or whatever is due.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ketch_jobs::{Enqueue, Job, JobCtx, JobError, JobResult, Queue, Runner, Schedule, Status};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::place::Place;

/// Nothing is asserted about time; it turns a hang into a failure.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Serialize, Deserialize)]
struct Step {
    ends: End,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum End {
    Well,
    Badly,
    /// In more work, so many times.
    InMore(u32),
}

impl Job for Step {
    const TYPE: &'static str = "step";
    type State = Arc<AtomicU32>;

    async fn run(self, ctx: JobCtx<Self::State>) -> JobResult {
        ctx.state().fetch_add(1, Ordering::Relaxed);
        match self.ends {
            End::Well | End::InMore(0) => Ok(()),
            End::Badly => Err(JobError::new("badly")),
            End::InMore(more) => {
                ctx.jobs().add(&Self { ends: End::InMore(more - 1) }).await?;
                Ok(())
            }
        }
    }
}

/// A runner, and how many runs it began.
fn runner(place: &Place) -> (Runner, Arc<AtomicU32>) {
    let runs = Arc::<AtomicU32>::default();
    (Runner::new(place.jobs.clone()).job::<Step>(Arc::clone(&runs)), runs)
}

/// Runs it until it has ended by itself.
async fn to_its_end(runner: Runner) {
    let mut running = runner.start().await.expect("it begins");
    timeout(PATIENCE, running.ended()).await.expect("it ends by itself");
}

async fn add(place: &Place, ends: End, more: impl Fn(Enqueue<'_, Step>) -> Enqueue<'_, Step>) -> i64 {
    let step = Step { ends };
    place.jobs.add(more(Enqueue::new(&step))).await.expect("it is enqueued").id()
}

async fn status(place: &Place, id: i64) -> (Status, u32) {
    let row = place.jobs.get(id).await.expect("it is looked up").expect("it is there");
    (row.status, row.attempts)
}

#[tokio::test]
async fn one_job_is_run_whenever_it_is_due_and_no_other() {
    let place = Place::sqlite().await;
    let due = add(&place, End::Well, |job| job).await;
    let wanted = add(&place, End::Well, |job| job.delay(Duration::from_hours(9)).queue("far away")).await;
    let (runner, runs) = runner(&place);
    to_its_end(runner.only(wanted)).await;
    assert_eq!(status(&place, wanted).await, (Status::Done, 1));
    assert_eq!(status(&place, due).await, (Status::Pending, 0));
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn one_job_that_fails_is_run_once() {
    let place = Place::sqlite().await;
    let id = add(&place, End::Badly, |job| job).await;
    let (runner, runs) = runner(&place);
    to_its_end(runner.only(id)).await;
    assert_eq!((status(&place, id).await, runs.load(Ordering::Relaxed)), ((Status::Pending, 1), 1));
}

#[tokio::test]
async fn one_job_that_does_not_wait_is_not_run() {
    let place = Place::sqlite().await;
    let id = add(&place, End::Well, |job| job).await;
    place.jobs.cancel(id).await.unwrap();
    for id in [id, 4711] {
        let (runner, runs) = runner(&place);
        to_its_end(runner.only(id)).await;
        assert_eq!(runs.load(Ordering::Relaxed), 0);
    }
    assert_eq!(status(&place, id).await, (Status::Cancelled, 0));
}

#[tokio::test]
async fn what_is_due_is_worked_off_with_what_follows_from_it() {
    let place = Place::sqlite().await;
    let later = add(&place, End::Well, |job| job.delay(Duration::from_hours(9))).await;
    let bad = add(&place, End::Badly, |job| job.max_attempts(1)).await;
    for _ in 0..40 {
        add(&place, End::InMore(2), |job| job).await;
    }
    let (runner, runs) = runner(&place);
    let every = Schedule::every("often", Duration::from_secs(1), &Step { ends: End::Well });
    to_its_end(runner.schedule(every).until_idle()).await;
    assert_eq!(runs.load(Ordering::Relaxed), 121, "one, and three for each of forty");
    assert_eq!(status(&place, later).await, (Status::Pending, 0));
    assert_eq!(status(&place, bad).await, (Status::Dead, 1));
}

#[tokio::test]
async fn one_queue_is_worked_off_and_an_unknown_one_is_refused() {
    let place = Place::sqlite().await;
    let here = add(&place, End::Well, |job| job.queue("mail")).await;
    let there = add(&place, End::Well, |job| job).await;
    let (runner, _) = runner(&place);
    let runner = runner.queue(Queue::new("mail"));
    to_its_end(runner.only_queue("mail").unwrap().until_idle()).await;
    assert_eq!(status(&place, here).await.0, Status::Done);
    assert_eq!(status(&place, there).await.0, Status::Pending);
    let (other, _) = self::runner(&place);
    assert_eq!(other.only_queue("none").unwrap_err(), ["default"]);
}
