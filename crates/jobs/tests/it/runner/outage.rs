//! A database that is away, or refuses, for a while.

use std::time::Duration;

use ketch_jobs::Status;
use ketch_testkit::postgres::{Postgres as Server, Stop};

use super::on_both;
use super::work::{How, add, add_with, ended, stage, start};
use crate::place::Place;

on_both!(work_goes_on_when_claims_were_refused_for_a_while);

async fn work_goes_on_when_claims_were_refused_for_a_while(place: Place) {
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    let before = add_with(&place, How::Work(500), 1).await;
    ear.hears("begun").await;
    place.execute("alter table job_queue rename column priority to urgency").await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(place.jobs.stats().database_errors > 0);
    // Nothing but the claim needs that column: how the run ended is written all the same.
    place.until("select count(*) from job_queue where status = 'done'", 1).await;
    place.execute("alter table job_queue rename column urgency to priority").await;
    let after = add_with(&place, How::Well, 1).await;
    for id in [before, after] {
        let row = ended(&place, id).await;
        assert_eq!((row.status, row.attempts), (Status::Done, 1));
    }
    running.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_ended_while_the_server_was_away_is_written_when_it_is_back() {
    let server = Server::start(&[("fsync", "off")]);
    let place = Place::on(&server).await;
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(add(&place, How::Work(300)).await);
    }
    for _ in &ids {
        ear.hears("begun").await;
    }
    server.stop(Stop::Crash);
    for _ in &ids {
        ear.hears("done").await;
    }
    server.start_again();
    for id in &ids {
        let row = ended(&place, *id).await;
        assert_eq!((row.status, row.attempts), (Status::Done, 1), "it is not run again");
    }
    let after = add(&place, How::Well).await;
    assert_eq!(ended(&place, after).await.status, Status::Done);
    // A start right after a restart, on connections that are dead.
    server.stop(Stop::Politely);
    server.start_again();
    let second = start(&place, &stage).await;
    running.stop(Duration::from_secs(10)).await;
    let last = add(&place, How::Well).await;
    assert_eq!(ended(&place, last).await.status, Status::Done);
    second.stop(Duration::from_secs(10)).await;
}
