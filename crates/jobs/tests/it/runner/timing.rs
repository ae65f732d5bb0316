//! When jobs begin, how many at a time, and which.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ketch_jobs::{Enqueue, Queue, Status};

use super::on_both;
use super::work::{Do, How, add, ended, measured, row, runner, stage, start};
use crate::place::Place;

on_both!(
    a_job_begins_when_it_is_enqueued_and_not_at_the_next_tick,
    a_delayed_job_begins_in_time,
    a_row_of_another_program_begins_with_the_tick,
    a_queue_has_its_limit_and_no_other_starves,
    an_idle_runner_writes_nothing,
    what_ended_long_ago_is_deleted,
);

async fn a_job_begins_when_it_is_enqueued_and_not_at_the_next_tick(place: Place) {
    let place = place.with(|options| options.interval = Duration::from_hours(1));
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        // The runner has nothing to do but to wait.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let began = Instant::now();
        let id = add(&place, How::Well).await;
        ear.hears("begun").await;
        slowest = slowest.max(began.elapsed());
        ended(&place, id).await;
    }
    measured(&format!("from the call to the first line of the job, at most {slowest:?}"));
    running.stop(Duration::from_secs(10)).await;
}

async fn a_delayed_job_begins_in_time(place: Place) {
    let place = place.with(|options| options.interval = Duration::from_hours(1));
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    let began = Instant::now();
    let job = Do { how: How::Well };
    place.jobs.add(Enqueue::new(&job).delay(Duration::from_millis(300))).await.expect("it is stored");
    ear.hears("begun").await;
    let took = began.elapsed();
    measured(&format!("delayed 300 ms, begun after {took:?}"));
    assert!(took >= Duration::from_millis(299) && took < Duration::from_secs(3), "{took:?}");
    running.stop(Duration::from_secs(10)).await;
}

async fn a_row_of_another_program_begins_with_the_tick(place: Place) {
    let place = place.with(|options| options.interval = Duration::from_millis(200));
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    place.execute("insert into job_queue (job_type, payload) values ('do', '{\"how\":\"Well\"}')").await;
    ear.hears("done").await;
    running.stop(Duration::from_secs(10)).await;
}

async fn a_queue_has_its_limit_and_no_other_starves(place: Place) {
    let ((narrow, _others), (wide, mut ear)) = (stage(), stage());
    let job = |millis| Do { how: How::Work(millis) };
    for _ in 0..60 {
        place.jobs.add(Enqueue::new(&job(50)).queue("narrow")).await.expect("it is stored");
    }
    let alien =
        place.jobs.add(Enqueue::new(&job(0)).queue("alien").priority(9)).await.expect("it is stored").id();
    let one = runner(&place.jobs, &narrow).queue(Queue::new("narrow").limit(3));
    let one = one.start().await.expect("it starts");
    // A second runner of the process, on a queue of its own.
    let two = runner(&place.jobs, &wide).queue(Queue::new("wide").limit(2)).start().await.expect("it starts");
    for _ in 0..10 {
        place.jobs.add(Enqueue::new(&job(1)).queue("wide")).await.expect("it is stored");
    }
    for _ in 0..10 {
        ear.hears("done").await;
    }
    let waiting: i64 =
        place.one("select count(*) from job_queue where queue = 'narrow' and status <> 'done'").await;
    assert!(waiting > 0, "the others did not wait for the full queue");
    place
        .until(
            "select count(*) from job_queue where queue = 'narrow' and status = 'done' and attempts = 1",
            60,
        )
        .await;
    assert_eq!(narrow.most.load(Ordering::SeqCst), 3, "as many at a time as may be, and no more");
    assert!(wide.most.load(Ordering::SeqCst) <= 2);
    one.stop(Duration::from_secs(10)).await;
    two.stop(Duration::from_secs(10)).await;
    let row = row(&place, alien).await;
    assert_eq!(
        (row.status, row.attempts),
        (Status::Pending, 0),
        "a queue that nobody here works on is left alone"
    );
}

async fn an_idle_runner_writes_nothing(place: Place) {
    let place = place.with(|options| {
        options.interval = Duration::from_millis(10);
        options.beat = Duration::from_hours(1);
    });
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    add(&place, How::Well).await;
    ear.hears("done").await;
    place.until("select count(*) from job_queue where status = 'done'", 1).await;
    let job = Do { how: How::Well };
    place.jobs.add(Enqueue::new(&job).delay(Duration::from_hours(1))).await.expect("it is stored");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let before = (place.jobs.stats().cycles, place.db.stats());
    tokio::time::sleep(Duration::from_millis(500)).await;
    let after = (place.jobs.stats().cycles, place.db.stats());
    assert_eq!(before.0, after.0, "no transaction in some fifty ticks");
    let reads = |stats: &ketch_db::Stats| stats.reads_inline + stats.reads_pooled;
    let looks = reads(&after.1) - reads(&before.1);
    assert!((5..200).contains(&looks), "{looks} looks");
    running.stop(Duration::from_secs(10)).await;
}

async fn what_ended_long_ago_is_deleted(place: Place) {
    let (stage, _ear) = stage();
    let old = "insert into job_queue (job_type, status, finished_at) values ('do', 'done', 1600000000000), \
               ('do', 'dead', 1600000000000), ('do', 'cancelled', 1600000000000)";
    place.execute(old).await;
    let dead = "insert into job_queue (job_type, status, finished_at, run_at) select 'do', 'dead', run_at - 172800000, run_at \
                from job_queue limit 1";
    place.execute(dead).await;
    let running = start(&place, &stage).await;
    place.until("select count(*) from job_queue", 1).await;
    running.stop(Duration::from_secs(10)).await;
    assert_eq!(
        place.one::<String>("select status from job_queue").await,
        "dead",
        "a dead one is kept for a month"
    );
}
