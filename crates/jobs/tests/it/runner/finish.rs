//! What a job writes together with its end is written once.

use std::time::Duration;

use ketch_jobs::{Enqueue, Status};

use super::on_both;
use super::work::{Do, How, add, add_with, ended, row, stage, start, with_effects};
use crate::place::Place;

on_both!(
    what_comes_after_finish_changes_nothing,
    finish_is_called_once,
    rows_that_are_not_kept_are_finished_too,
    a_job_enqueues_itself_again_under_its_own_key,
    a_job_that_has_finished_may_go_on_and_say_how_far_it_is,
    a_run_whose_job_was_taken_away_writes_nothing,
);

async fn what_comes_after_finish_changes_nothing(place: Place) {
    let place = place.with(|options| options.grace = Duration::from_millis(50));
    with_effects(&place).await;
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    let mut ids = Vec::new();
    for then in [How::Well, How::Fail("after".to_owned()), How::GiveUp, How::Panic, How::Hang] {
        ids.push(add(&place, How::Finish(Box::new(then))).await);
    }
    for id in &ids {
        let row = ended(&place, *id).await;
        assert_eq!((row.status, row.attempts, row.last_error), (Status::Done, 1, None));
    }
    for _ in &ids {
        ear.hears("finished").await;
    }
    running.stop(Duration::from_millis(200)).await;
    for id in &ids {
        assert_eq!(row(&place, *id).await.status, Status::Done);
    }
    assert_eq!(place.one::<i64>("select count(*) from effects").await, 5);
    let stats = place.jobs.stats();
    let of = stats.of("do").expect("it is counted");
    assert_eq!((of.done, of.failed, of.given_back, stats.lost_claims), (5, 0, 0, 0));
}

async fn finish_is_called_once(place: Place) {
    with_effects(&place).await;
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    let id = add_with(&place, How::FinishTwice, 1).await;
    assert_eq!(ended(&place, id).await.status, Status::Done);
    ear.hears("done").await;
    running.stop(Duration::from_secs(10)).await;
    assert_eq!(place.one::<i64>("select count(*) from effects").await, 1);
    assert_eq!(
        place.jobs.stats().of("do").expect("it is counted").panicked,
        0,
        "the second call says why it is refused"
    );
}

async fn rows_that_are_not_kept_are_finished_too(place: Place) {
    let place = place.with(|options| options.keep_done = Duration::ZERO);
    with_effects(&place).await;
    let (stage, _ear) = stage();
    let running = start(&place, &stage).await;
    add(&place, How::Finish(Box::new(How::Well))).await;
    add(&place, How::Well).await;
    place.until("select count(*) from job_queue", 0).await;
    running.stop(Duration::from_secs(10)).await;
    assert_eq!(place.one::<i64>("select count(*) from effects").await, 1);
}

async fn a_run_whose_job_was_taken_away_writes_nothing(place: Place) {
    with_effects(&place).await;
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    let id = add(&place, How::Heed).await;
    ear.hears("begun").await;
    // As if it had been given to another one, which has not ended yet.
    place.execute("insert into job_runners (id, started_at) values ('another', 0)").await;
    place.execute("update job_queue set claimed_by = 'another', claim = claim + 1").await;
    running.stop(Duration::from_secs(10)).await;
    let row = row(&place, id).await;
    assert_eq!((row.status, row.claimed_by.as_deref()), (Status::Running, Some("another")));
    assert_eq!(place.jobs.stats().lost_claims, 1);
}

async fn a_job_that_has_finished_may_go_on_and_say_how_far_it_is(place: Place) {
    with_effects(&place).await;
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    let id = add(&place, How::Finish(Box::new(How::SayAndWait))).await;
    ear.hears("said").await;
    // Its progress has nowhere to go, which is no reason to end it.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(ear.count("told"), 0);
    assert_eq!(row(&place, id).await.status, Status::Done);
    running.stop(Duration::from_secs(10)).await;
    assert_eq!(ear.count("told"), 1);
}

async fn a_job_enqueues_itself_again_under_its_own_key(place: Place) {
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    let how = How::Again("mine".to_owned(), 3);
    place.jobs.add(Enqueue::new(&Do { how }).unique("mine")).await.expect("it is enqueued");
    place.until("select count(*) from job_queue where status = 'done' and unique_key = 'mine'", 4).await;
    running.stop(Duration::from_secs(10)).await;
    assert_eq!(ear.count("begun"), 4);
}
