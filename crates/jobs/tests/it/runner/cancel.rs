//! Jobs that nobody wants any more.

use std::time::Duration;

use ketch_db::params;
use ketch_jobs::Status;

use super::on_both;
use super::work::{How, add, add_with, ended, row, stage, start, with_effects};
use crate::place::Place;

on_both!(
    a_job_that_runs_is_told_and_then_dropped,
    what_ends_well_or_has_finished_is_done,
    a_job_that_fails_when_it_is_cancelled_is_not_tried_again,
    cancelled_or_done_but_never_both,
    a_cancellation_that_nobody_told_of_is_seen,
);

async fn a_job_that_runs_is_told_and_then_dropped(place: Place) {
    let place = place.with(|options| {
        options.grace = Duration::from_millis(100);
        options.interval = Duration::from_hours(1);
    });
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    let hangs = add(&place, How::Hang).await;
    let beside = add(&place, How::Work(500)).await;
    ear.hears("begun").await;
    ear.hears("begun").await;
    assert!(place.jobs.cancel(hangs).await.expect("it is there").cancel_requested);
    let cancelled = ended(&place, hangs).await;
    assert_eq!(cancelled.status, Status::Cancelled);
    assert_eq!(cancelled.last_error.as_deref(), Some("cancelled while it ran"));
    assert_eq!(ended(&place, beside).await.status, Status::Done);
    running.stop(Duration::from_secs(10)).await;
    assert_eq!(place.jobs.stats().of("do").expect("it is counted").cancelled, 1);
}

async fn what_ends_well_or_has_finished_is_done(place: Place) {
    let place = place.with(|options| options.grace = Duration::from_millis(100));
    with_effects(&place).await;
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    let heeds = add(&place, How::Heed).await;
    ear.hears("begun").await;
    place.jobs.cancel(heeds).await.expect("it is there");
    assert_eq!(ended(&place, heeds).await.status, Status::Done);
    let finished = add(&place, How::Finish(Box::new(How::Hang))).await;
    ear.hears("finished").await;
    assert!(place.jobs.cancel(finished).await.is_err(), "it has ended");
    running.stop(Duration::from_millis(100)).await;
    assert_eq!(row(&place, finished).await.status, Status::Done);
    assert_eq!(place.one::<i64>("select count(*) from effects").await, 1);
}

async fn a_job_that_fails_when_it_is_cancelled_is_not_tried_again(place: Place) {
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    let id = add(&place, How::HeedAndFail).await;
    ear.hears("begun").await;
    place.jobs.cancel(id).await.expect("it is there");
    let cancelled = ended(&place, id).await;
    assert_eq!((cancelled.status, cancelled.attempts), (Status::Cancelled, 1));
    assert_eq!(cancelled.last_error.as_deref(), Some("cancelled while it ran"));
    // Not even when it failed before its runner heard of it.
    let last = add_with(&place, How::Block(300), 1).await;
    ear.hears("begun").await;
    place.jobs.cancel(last).await.expect("it is there");
    assert_eq!(ended(&place, last).await.status, Status::Done, "it ended well all the same");
    running.stop(Duration::from_secs(10)).await;
}

async fn cancelled_or_done_but_never_both(place: Place) {
    let place = place.with(|options| options.grace = Duration::ZERO);
    with_effects(&place).await;
    let (stage, _ear) = stage();
    let running = start(&place, &stage).await;
    let (mut done, mut cancelled) = (0, 0);
    for n in 0..60 {
        let id = add(&place, How::Finish(Box::new(How::Well))).await;
        tokio::time::sleep(Duration::from_micros(200 * (n % 20))).await;
        let _ended_already = place.jobs.cancel(id).await;
        let row = ended(&place, id).await;
        let effects: i64 = place
            .db
            .query_one("select count(*) from effects where job = :id", params! { id })
            .await
            .expect("they are counted");
        match row.status {
            Status::Done => done += effects,
            Status::Cancelled => cancelled += 1 - effects,
            other => panic!("it is {other}"),
        }
    }
    assert_eq!(done + cancelled, 60, "an effect for each that is done, and none for the others");
    running.stop(Duration::from_secs(10)).await;
}

async fn a_cancellation_that_nobody_told_of_is_seen(place: Place) {
    let place = place.with(|options| options.interval = Duration::from_millis(50));
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    let id = add(&place, How::HeedAndFail).await;
    ear.hears("begun").await;
    assert_eq!(place.execute("update job_queue set cancel_requested = 1").await, 1);
    assert_eq!(ended(&place, id).await.status, Status::Cancelled);
    running.stop(Duration::from_secs(10)).await;
}
