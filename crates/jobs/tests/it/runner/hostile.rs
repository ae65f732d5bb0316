//! Rows that no program of ours writes: each harms itself at most.

use std::time::Duration;

use ketch_db::params;
use ketch_jobs::{Filter, Purge, Status};

use super::on_both;
use super::work::{How, add, ended, stage, start};
use crate::place::Place;

on_both!(a_strange_row_keeps_no_other_from_being_run);

/// What any program may insert, or try to: the tables refuse some of it.
const STRANGE: &[&str] = &[
    "insert into job_queue (job_type, priority, attempts) values ('do', 9, 2147483647)",
    "insert into job_queue (job_type, priority, attempts) values ('do', 9, 9223372036854775807)",
    "insert into job_queue (job_type, priority, attempts, max_attempts) values ('do', 9, 2147483647, 2147483647)",
    "insert into job_queue (job_type, priority, max_attempts) values ('do', 9, 9223372036854775807)",
    "insert into job_queue (job_type, priority, claim) values ('do', 9, 9223372036854775807)",
    "insert into job_queue (job_type, priority, claim) values ('do', 9, -9223372036854775808)",
    "insert into job_queue (id, job_type, priority) values (9223372036854775807, 'do', 9)",
    "insert into job_queue (id, job_type, priority) values (-7, 'do', 9)",
    "insert into job_queue (job_type, priority, slot, schedule) values ('do', 9, -9223372036854775808, '')",
    "insert into job_queue (job_type, priority, created_at) values ('do', 9, -9223372036854775808)",
    "insert into job_queue (job_type, priority, created_at) values ('do', 9, 9223372036854775807)",
    "insert into job_queue (job_type, status, finished_at) values ('do', 'done', 9223372036854775807)",
    "insert into job_queue (job_type, status, finished_at) values ('do', 'dead', -9223372036854775808)",
    "insert into job_queue (job_type, status) values ('do', 'running')",
    "insert into job_queue (job_type, priority, claimed_by, cancel_requested) values ('do', 9, 'nobody', 1)",
    // Text in another encoding, as SQLite stores it unseen.
    "insert into job_queue (job_type, priority) values (cast(x'e96f' as text), 9)",
    "insert into job_queue (job_type, priority, payload) values ('do', 9, cast(x'22e922' as text))",
    "insert into job_queue (job_type, priority, unique_key) values ('do', 9, cast(x'e9' as text))",
    "insert into job_queue (job_type, status, last_error) values ('do', 'dead', cast(x'e9' as text))",
    "insert into job_queue (job_type, queue) values ('do', cast(x'e9' as text))",
];

async fn a_strange_row_keeps_no_other_from_being_run(place: Place) {
    let (stage, _ear) = stage();
    for strange in STRANGE {
        let refused = place.db.execute(*strange, params! {}).await.err();
        let good = add(&place, How::Well).await;
        let running = start(&place, &stage).await;
        let row = ended(&place, good).await;
        assert_eq!(row.status, Status::Done, "after `{strange}`");
        running.stop(Duration::from_secs(10)).await;
        let page = place.jobs.list(&Filter::default()).await;
        assert!(page.is_ok(), "after `{strange}` ({refused:?}): {page:?}");
        place.jobs.counts().await.expect("they are counted");
        place.jobs.purge(&Purge::default()).await.expect("what ended is purged");
        place.execute("delete from job_queue").await;
    }
}
