//! What a runner had claimed that is gone is run by another, and nothing that a living one has.

use std::time::{Duration, Instant};

use ketch_jobs::{Options, Queue, Status};

use super::on_both;
use super::work::{How, add, add_with, ended, measured, row, runner, stage, start, with_effects};
use crate::place::Place;

on_both!(
    claims_of_nobody_are_given_back_at_the_start,
    two_runners_of_a_process_leave_each_other_what_they_have,
    a_runner_whose_runtime_is_gone_is_gone,
    a_claim_that_its_runner_never_heard_of_is_given_back,
    what_was_due_before_the_clock_was_set_back_stays_due,
    what_was_due_stays_due_however_much_it_is,
);

async fn claims_of_nobody_are_given_back_at_the_start(place: Place) {
    let (stage, mut ear) = stage();
    let nobody = add_with(&place, How::Well, 3).await;
    let unknown = add_with(&place, How::Well, 3).await;
    let deadly = add_with(&place, How::Well, 1).await;
    let unwanted = add_with(&place, How::Well, 3).await;
    place
        .execute("update job_queue set status = 'running', attempts = 1, claim = 1, claimed_by = 'gone-0'")
        .await;
    place.execute("update job_queue set claimed_by = null where id = (select min(id) from job_queue)").await;
    place
        .execute("update job_queue set cancel_requested = 1 where id = (select max(id) from job_queue)")
        .await;
    let running = start(&place, &stage).await;
    for id in [nobody, unknown] {
        let row = ended(&place, id).await;
        assert_eq!((row.status, row.attempts), (Status::Done, 2), "the attempt that died counts");
    }
    let dead = ended(&place, deadly).await;
    assert_eq!((dead.status, dead.attempts), (Status::Dead, 1));
    assert!(dead.last_error.is_some_and(|error| error.contains("its process ended")));
    assert_eq!(ended(&place, unwanted).await.status, Status::Cancelled);
    running.stop(Duration::from_secs(10)).await;
    assert_eq!((ear.count("begun"), place.jobs.stats().released), (2, 4));
}

async fn two_runners_of_a_process_leave_each_other_what_they_have(place: Place) {
    let (stage, mut ear) = stage();
    let one = start(&place, &stage).await;
    let long = add(&place, How::Work(500)).await;
    ear.hears("begun").await;
    let two = start(&place, &stage).await;
    for _ in 0..100 {
        add(&place, How::Well).await;
    }
    place.until("select count(*) from job_queue where status = 'done' and attempts = 1", 101).await;
    assert_eq!(row(&place, long).await.attempts, 1);
    one.stop(Duration::from_secs(10)).await;
    two.stop(Duration::from_secs(10)).await;
    assert_eq!(ear.count("begun"), 100, "each was begun once");
}

/// As a commit leaves it that lands when nobody waits for its answer any more.
async fn a_claim_that_its_runner_never_heard_of_is_given_back(place: Place) {
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    let first = add(&place, How::Heed).await;
    ear.hears("begun").await;
    place.execute("create table who (name text)").await;
    place.execute("insert into who select claimed_by from job_queue").await;
    let unheard = "insert into job_queue (job_type, payload, status, claimed_by, claim, attempts, max_attempts) \
                   select 'do', '{\"how\":\"Well\"}', 'running', name, 1, 1, 1 from who";
    // While something runs, and while nothing does.
    for done in 1..=2 {
        place.execute(unheard).await;
        place.until("select count(*) from job_queue where status = 'done' and attempts = 1", done).await;
        place.jobs.cancel(first).await.ok();
        place.until("select count(*) from job_queue where status = 'running'", 0).await;
        place.execute("delete from job_queue where max_attempts > 1").await;
    }
    running.stop(Duration::from_secs(10)).await;
}

async fn a_runner_whose_runtime_is_gone_is_gone(place: Place) {
    let place = place.with(|options| {
        options.beat = Duration::from_millis(50);
        options.dead_after = Duration::from_millis(300);
    });
    let (stage, mut ear) = stage();
    let hangs = add(&place, How::Hang).await;
    let runs = runner(&place.jobs, &stage);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let running = runtime.spawn(runs.start()).await.expect("it does not panic").expect("it starts");
    ear.hears("begun").await;
    let gone = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(30)));
    gone.await.expect("it ends");
    place.execute("update job_queue set payload = '{\"how\":\"Well\"}'").await;
    let second = start(&place, &stage).await;
    let row = ended(&place, hangs).await;
    assert_eq!((row.status, row.attempts), (Status::Done, 2));
    drop(running);
    second.stop(Duration::from_secs(10)).await;
}

async fn what_was_due_before_the_clock_was_set_back_stays_due(place: Place) {
    let (stage, mut ear) = stage();
    let ahead = add(&place, How::Well).await;
    let retried = add(&place, How::Well).await;
    let delayed = add(&place, How::Well).await;
    let hour = "update job_queue set run_at = run_at + 3600000, created_at = created_at + 3600000";
    place.execute(hour).await;
    place
        .execute("update job_queue set run_at = run_at + 60000 where id > (select min(id) from job_queue)")
        .await;
    let two = "update job_queue set attempts = 1, started_at = run_at - 1000 where id = (select min(id) + 1 from job_queue)";
    place.execute(two).await;
    let long = add(&place, How::Well).await;
    let wait = "update job_queue set attempts = 1, started_at = run_at + 3600000, run_at = run_at + 7200000 \
                where id = (select max(id) from job_queue)";
    place.execute(wait).await;
    let running = start(&place, &stage).await;
    ear.hears("done").await;
    ear.hears("done").await;
    assert_eq!(ended(&place, ahead).await.attempts, 1);
    assert_eq!(ended(&place, retried).await.attempts, 2);
    running.stop(Duration::from_secs(10)).await;
    assert_eq!(row(&place, delayed).await.status, Status::Pending, "a moment that somebody chose is kept");
    let waits =
        "select (run_at - created_at) / 60000 from job_queue where id = (select max(id) from job_queue)";
    assert_eq!(
        place.one::<i64>(waits).await,
        60,
        "it was to wait for an hour before its next attempt, and does"
    );
    assert_eq!(row(&place, long).await.status, Status::Pending);
}

async fn what_was_due_stays_due_however_much_it_is(place: Place) {
    place
        .execute(
            "insert into job_queue (job_type, payload, attempts, run_at, created_at, started_at) \
             with recursive n (i) as (select 0 union all select i + 1 from n where i < 19999) \
             select 'do', '{\"how\":\"Well\"}', i % 2, 4102444800000, 4102444800000, 4102444800000 from n",
        )
        .await;
    let (stage, _ear) = stage();
    let queue = Queue::new("default").limit(1);
    let running = runner(&place.jobs, &stage).queue(queue).start().await.expect("it starts");
    place.until("select count(*) from job_queue where run_at >= 4102444800000", 0).await;
    running.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_runner_that_shows_no_life_is_buried_and_its_jobs_are_run() {
    let place = Place::postgres().await;
    let (stage, _ear) = stage();
    let id = add(&place, How::Well).await;
    let killer = add_with(&place, How::Well, 1).await;
    place.execute("insert into job_runners (id, started_at, beat) values ('frozen-0', 0, 7)").await;
    place
        .execute("update job_queue set status = 'running', attempts = 1, claim = 1, claimed_by = 'frozen-0'")
        .await;
    let began = Instant::now();
    let running = start(&place, &stage).await;
    let back = ended(&place, id).await;
    let took = began.elapsed();
    measured(&format!("given back and run {took:?} after another runner began to watch"));
    assert_eq!((back.status, back.attempts), (Status::Done, 2));
    assert!(took >= Duration::from_millis(2_900), "{took:?}: it was given the time that it has");
    assert!(took < Duration::from_secs(50), "{took:?}: 5 s are promised");
    assert_eq!(row(&place, killer).await.status, Status::Dead);
    assert_eq!(place.one::<i64>("select count(*) from job_runners").await, 1, "the frozen one is gone");
    running.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_runner_that_was_taken_for_dead_drops_what_it_runs_and_goes_on() {
    let place = Place::postgres().await.with(|options| {
        options.grace = Duration::from_millis(50);
        options.beat = Duration::from_millis(50);
    });
    with_effects(&place).await;
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    let id = add(&place, How::Heed).await;
    ear.hears("begun").await;
    let first: String = place.one("select id from job_runners").await;
    place.execute("delete from job_runners").await;
    ear.hears("told").await;
    ear.hears("begun").await;
    let again = row(&place, id).await;
    assert_eq!((again.status, again.attempts), (Status::Running, 2), "it is run again");
    assert_ne!(again.claimed_by.as_deref(), Some(&*first), "by a runner of another name");
    place.jobs.cancel(id).await.expect("it is there");
    assert_eq!(ended(&place, id).await.status, Status::Done);
    running.stop(Duration::from_secs(10)).await;
    assert_eq!(place.one::<i64>("select count(*) from job_runners").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_process_wakes_a_runner_and_cancels_what_it_runs() {
    let place = Place::postgres().await.with(|options| options.interval = Duration::from_hours(1));
    let other = place.other_process().await;
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    let mut slowest = Duration::ZERO;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let began = Instant::now();
        other.add(&super::work::Do { how: How::Well }).await.expect("it is stored");
        ear.hears("begun").await;
        slowest = slowest.max(began.elapsed());
    }
    measured(&format!("enqueued by another process, begun after {slowest:?} at most"));
    let id = other.add(&super::work::Do { how: How::HeedAndFail }).await.expect("it is stored").id();
    ear.hears("begun").await;
    other.cancel(id).await.expect("it is there");
    assert_eq!(ended(&place, id).await.status, Status::Cancelled);
    running.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_runner_whose_process_is_short_of_connections_is_not_taken_for_dead() {
    let bounds = |options: &mut Options| {
        options.beat = Duration::from_millis(100);
        options.dead_after = Duration::from_millis(600);
    };
    let place = Place::postgres().await.with(bounds);
    let other = place.other_process().await;
    let mut options = Options::default();
    bounds(&mut options);
    assert!(other.configure(options), "a new handle has no bounds yet");
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    let id = add(&place, How::Heed).await;
    ear.hears("begun").await;
    let second = runner(&other, &stage).start().await.expect("it starts");
    // Every connection is held, for five times as long as a runner may be silent.
    let held = (0..ketch_db::Options::default().connections).map(|_| {
        let db = place.db.clone();
        tokio::spawn(async move {
            db.query_one::<i64>("select 1::bigint from pg_sleep(3)", ketch_db::Params::new()).await
        })
    });
    for one in held.collect::<Vec<_>>() {
        one.await.expect("it does not panic").expect("it is answered");
    }
    let row = row(&place, id).await;
    assert_eq!((row.status, row.attempts), (Status::Running, 1), "it is run once");
    assert_eq!(ear.count("told"), 0, "nobody told it to end");
    running.stop(Duration::from_secs(10)).await;
    second.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_runner_whose_threads_are_all_blocked_for_a_while_is_not_taken_for_dead() {
    let bounds = |options: &mut Options| {
        options.beat = Duration::from_millis(50);
        options.dead_after = Duration::from_millis(300);
    };
    let place = Place::postgres().await.with(bounds);
    let other = place.other_process().await;
    let mut options = Options::default();
    bounds(&mut options);
    assert!(other.configure(options), "a new handle has no bounds yet");
    let (stage, mut ear) = stage();
    let one_thread = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let running = runner(&place.jobs, &stage).start();
    let running = one_thread.spawn(running).await.expect("it does not panic").expect("it starts");
    let id = add(&place, How::Block(3_000)).await;
    ear.hears("begun").await;
    let second = runner(&other, &stage).start().await.expect("it starts");
    let row = ended(&place, id).await;
    assert_eq!((row.status, row.attempts), (Status::Done, 1));
    assert_eq!(ear.count("begun"), 0, "it is run once");
    running.stop(Duration::from_secs(10)).await;
    second.stop(Duration::from_secs(10)).await;
    assert_eq!(place.one::<i64>("select count(*) from job_runners").await, 0);
    one_thread.shutdown_background();
}
