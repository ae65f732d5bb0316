//! A job exists if and only if the write that enqueued it was committed.

use std::time::Duration;

use ketch_jobs::{Runner, Status};
use tokio::sync::mpsc;

use crate::place::Place;
use crate::say::Say;

#[tokio::test]
async fn what_was_rolled_back_is_not_run_and_what_was_committed_is() {
    let place = Place::sqlite().await;
    let (said, mut heard) = mpsc::unbounded_channel();
    let running = Runner::new(place.jobs.clone()).job::<Say>(said).start().await.unwrap();
    let jobs = place.jobs.clone();
    let refused = place.db.write(move |tx| -> ketch_db::Result<()> {
        jobs.enqueue(tx, &Say { word: "never".to_owned() })?;
        Err(ketch_db::Error::NoRow)
    });
    assert_eq!(refused.await, Err(ketch_db::Error::NoRow));
    let jobs = place.jobs.clone();
    let id =
        place.db.write(move |tx| jobs.enqueue(tx, &Say { word: "hello".to_owned() })).await.unwrap().id();
    let word = tokio::time::timeout(Duration::from_secs(10), heard.recv()).await.expect("it is run");
    assert_eq!(word.as_deref(), Some("hello"));
    running.stop(Duration::from_secs(10)).await;
    let row = place.jobs.get(id).await.unwrap().expect("its row is kept");
    assert_eq!((row.status, row.attempts), (Status::Done, 1));
}
