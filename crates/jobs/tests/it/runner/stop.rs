//! The end of a runner.

use std::time::Duration;

use ketch_jobs::Status;

use super::on_both;
use super::work::{How, add, add_with, row, stage, start};
use crate::place::Place;

on_both!(
    what_runs_is_told_and_what_does_not_end_is_given_back,
    a_runner_that_is_dropped_gives_back_too,
    a_job_that_ends_badly_because_of_the_stop_has_lost_no_attempt,
    what_somebody_gave_all_its_attempts_as_it_ran_is_given_back,
);

async fn what_somebody_gave_all_its_attempts_as_it_ran_is_given_back(place: Place) {
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    for how in [How::Hang, How::HeedAndFail] {
        add(&place, how).await;
        ear.hears("begun").await;
    }
    place.execute("update job_queue set attempts = 0").await;
    running.stop(Duration::from_millis(100)).await;
    place.until("select count(*) from job_queue where status = 'pending' and attempts = 0", 2).await;
}

async fn what_runs_is_told_and_what_does_not_end_is_given_back(place: Place) {
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    let heeds = add(&place, How::Heed).await;
    let hangs = add(&place, How::Hang).await;
    let works = add(&place, How::Work(300)).await;
    for _ in 0..3 {
        ear.hears("begun").await;
    }
    let waits = place
        .jobs
        .add(ketch_jobs::Enqueue::new(&super::work::Do { how: How::Well }).delay(Duration::from_hours(1)))
        .await
        .expect("it is stored")
        .id();
    running.stop(Duration::from_secs(1)).await;
    let after = add(&place, How::Well).await;
    for id in [heeds, works] {
        assert_eq!(
            row(&place, id).await.status,
            Status::Done,
            "everything is written before the stop answers"
        );
    }
    let back = row(&place, hangs).await;
    assert_eq!((back.status, back.attempts, back.claimed_by.as_deref()), (Status::Pending, 0, None));
    let due: i64 =
        place.one("select count(*) from job_queue where status = 'pending' and run_at <= started_at").await;
    assert_eq!(due, 1, "it is due at once");
    for id in [waits, after] {
        assert_eq!((row(&place, id).await.status, row(&place, id).await.attempts), (Status::Pending, 0));
    }
    assert_eq!(place.one::<i64>("select count(*) from job_runners").await, 0);
    assert_eq!(place.jobs.stats().of("do").expect("it is counted").given_back, 1);
}

async fn a_runner_that_is_dropped_gives_back_too(place: Place) {
    let place = place.with(|options| options.grace = Duration::from_millis(50));
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    let hangs = add(&place, How::Hang).await;
    ear.hears("begun").await;
    // Neither does it matter that somebody waited for the stop and gave up.
    let stopped = tokio::time::timeout(Duration::from_millis(1), running.stop(Duration::from_millis(200)));
    assert!(stopped.await.is_err(), "the job does not end");
    place.until("select count(*) from job_queue where status = 'pending' and attempts = 0", 1).await;
    place.until("select count(*) from job_runners", 0).await;
    drop(start(&place, &stage).await);
    place.until("select count(*) from job_runners", 0).await;
    assert_eq!(row(&place, hangs).await.claimed_by, None);
}

async fn a_job_that_ends_badly_because_of_the_stop_has_lost_no_attempt(place: Place) {
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    let fails = add_with(&place, How::HeedAndFail, 1).await;
    ear.hears("begun").await;
    running.stop(Duration::from_secs(10)).await;
    assert_eq!((row(&place, fails).await.status, row(&place, fails).await.attempts), (Status::Pending, 0));
}
