//! Deadlines, grace, panics where nobody expects one, and texts that a database refuses.

use std::time::Duration;

use ketch_jobs::{Job, JobCtx, JobResult, Queue, Runner, Status};
use serde::{Deserialize, Deserializer, Serialize};

use super::on_both;
use super::work::{Do, How, Stage, add_with, ended, runner, stage, start};
use crate::place::Place;

on_both!(
    past_its_deadline_a_job_is_told_and_then_dropped,
    a_panic_anywhere_is_a_failure_of_that_job_only,
    an_error_with_a_text_that_a_database_refuses_is_stored,
    one_ending_that_is_refused_does_not_keep_the_others_from_being_written,
    a_job_that_blocks_its_thread_keeps_its_slot_and_is_written_as_failed,
    progress_is_written_seldom_and_the_last_word_counts,
);

/// As the other, with little time.
#[derive(Serialize, Deserialize)]
struct Hurried(Do);

impl Job for Hurried {
    const TYPE: &'static str = "hurried";
    const DEADLINE: Duration = Duration::from_millis(100);
    const MAX_ATTEMPTS: u32 = 1;
    type State = Stage;

    async fn run(self, ctx: JobCtx<Stage>) -> JobResult {
        match self.0.how {
            How::Heed => {
                ctx.ended().await;
                assert_eq!(ctx.time_left(), Duration::ZERO);
                Ok(())
            }
            How::HeedAndFail => {
                ctx.ended().await;
                Err(ketch_jobs::JobError::new("so be it"))
            }
            How::Block(millis) => {
                std::thread::sleep(Duration::from_millis(millis));
                Ok(())
            }
            _ => std::future::pending().await,
        }
    }
}

async fn hurried(place: &Place, how: How) -> i64 {
    place.jobs.add(&Hurried(Do { how })).await.expect("it is stored").id()
}

async fn past_its_deadline_a_job_is_told_and_then_dropped(place: Place) {
    let place = place.with(|options| options.grace = Duration::from_millis(200));
    let (stage, _ear) = stage();
    let running = Runner::new(place.jobs.clone()).job::<Hurried>(stage).start().await.expect("it starts");
    let heeds = hurried(&place, How::Heed).await;
    let fails = hurried(&place, How::HeedAndFail).await;
    let hangs = hurried(&place, How::Hang).await;
    assert_eq!(
        ended(&place, heeds).await.status,
        Status::Done,
        "what ends well in the time of grace is done"
    );
    let row = ended(&place, fails).await;
    assert_eq!(row.status, Status::Dead);
    assert_eq!(row.last_error.as_deref(), Some("it was not done within 100ms: so be it"));
    let row = ended(&place, hangs).await;
    assert_eq!((row.status, row.attempts), (Status::Dead, 1));
    assert_eq!(row.last_error.as_deref(), Some("it was not done within 100ms"));
    running.stop(Duration::from_secs(10)).await;
    let stats = place.jobs.stats();
    let of = stats.of("hurried").expect("it is counted");
    assert_eq!((of.done, of.dead, of.timed_out), (1, 2, 2));
}

/// Panics when it is read.
#[derive(Serialize)]
struct Unreadable;

impl<'de> Deserialize<'de> for Unreadable {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("it cannot be read")
    }
}

impl Job for Unreadable {
    const TYPE: &'static str = "unreadable";
    const MAX_ATTEMPTS: u32 = 1;
    type State = ();

    async fn run(self, _: JobCtx) -> JobResult {
        Ok(())
    }
}

/// Fails, and panics when it is asked when to come again.
#[derive(Serialize, Deserialize)]
struct Undecided {}

impl Job for Undecided {
    const TYPE: &'static str = "undecided";
    type State = ();

    async fn run(self, _: JobCtx) -> JobResult {
        Err(ketch_jobs::JobError::new("again"))
    }

    fn backoff(_: u32) -> Duration {
        panic!("when?")
    }
}

async fn a_panic_anywhere_is_a_failure_of_that_job_only(place: Place) {
    let place = place.with(|options| options.grace = Duration::from_millis(50));
    let (stage, mut ear) = stage();
    let running = runner(&place.jobs, &stage)
        .job::<Unreadable>(())
        .job::<Undecided>(())
        .start()
        .await
        .expect("it starts");
    let in_run = add_with(&place, How::Panic, 1).await;
    let in_drop = add_with(&place, How::PanicInDrop, 1).await;
    let in_read = place.jobs.add(&Unreadable).await.expect("it is stored").id();
    let in_backoff = place.jobs.add(&Undecided {}).await.expect("it is stored").id();
    ear.hears("begun").await;
    place.until("select count(*) from job_queue where job_type = 'undecided' and attempts = 1 and status = 'pending'", 1).await;
    let error = |row: ketch_jobs::JobRow| row.last_error.unwrap_or_default();
    assert_eq!(error(ended(&place, in_run).await), "it panicked: a job of the test panics");
    assert_eq!(error(ended(&place, in_read).await), "it panicked: it cannot be read");
    assert_eq!(error(super::work::row(&place, in_backoff).await), "again");
    place.jobs.cancel(in_drop).await.expect("it is there");
    assert_eq!(ended(&place, in_drop).await.status, Status::Cancelled);
    let good = add_with(&place, How::Well, 1).await;
    assert_eq!(ended(&place, good).await.status, Status::Done, "the runner goes on");
    running.stop(Duration::from_secs(10)).await;
    assert_eq!(place.jobs.stats().of("do").expect("it is counted").panicked, 2);
}

async fn an_error_with_a_text_that_a_database_refuses_is_stored(place: Place) {
    let (stage, _ear) = stage();
    let odd = add_with(&place, How::Fail("a\0b".to_owned()), 1).await;
    let long = add_with(&place, How::Fail("é".repeat(100_000)), 1).await;
    let good = add_with(&place, How::Well, 1).await;
    let running = start(&place, &stage).await;
    assert_eq!(ended(&place, odd).await.last_error.as_deref(), Some("a\u{fffd}b"));
    let stored = ended(&place, long).await.last_error.unwrap_or_default();
    assert!(stored.ends_with("é…") && (4_000..4_200).contains(&stored.len()), "{} bytes", stored.len());
    assert_eq!(ended(&place, good).await.status, Status::Done);
    running.stop(Duration::from_secs(10)).await;
}

async fn one_ending_that_is_refused_does_not_keep_the_others_from_being_written(place: Place) {
    let (stage, mut ear) = stage();
    let refused = add_with(&place, How::Fail("refused".to_owned()), 1).await;
    // A rule of the table that nobody told the runner of.
    match place.db.dialect().expect("it is connected") {
        ketch_db::Dialect::Sqlite => {
            place
                .execute(
                    "create trigger refuses before update on job_queue when new.last_error = 'refused' \
                     begin select raise(abort, 'no such word'); end",
                )
                .await
        }
        ketch_db::Dialect::Postgres => {
            place.execute("alter table job_queue add check (last_error <> 'refused')").await
        }
    };
    let mut others = Vec::new();
    for _ in 0..20 {
        others.push(add_with(&place, How::Well, 1).await);
    }
    let running = start(&place, &stage).await;
    for id in others {
        assert_eq!(ended(&place, id).await.status, Status::Done);
    }
    let row = ended(&place, refused).await;
    assert_eq!(row.status, Status::Dead);
    let error = row.last_error.unwrap_or_default();
    assert!(error.starts_with("how it ended cannot be stored as it is: "), "{error}");
    running.stop(Duration::from_secs(10)).await;
    assert_eq!(ear.count("begun"), 21, "each was run once");
}

async fn a_job_that_blocks_its_thread_keeps_its_slot_and_is_written_as_failed(place: Place) {
    let place = place.with(|options| options.grace = Duration::from_millis(20));
    let (stage, _ear) = stage();
    let running = Runner::new(place.jobs.clone())
        .job::<Hurried>(stage.clone())
        .job::<Do>(stage)
        .queue(Queue::new("default").limit(2))
        .start()
        .await
        .expect("it starts");
    let blocks = hurried(&place, How::Block(3_000)).await;
    let row = ended(&place, blocks).await;
    assert_eq!(row.status, Status::Dead);
    assert_eq!(row.last_error.as_deref(), Some("it was not done within 100ms"));
    assert_eq!(place.jobs.stats().of("hurried").expect("it is counted").timed_out, 1);
    // The other slot goes on meanwhile.
    for _ in 0..3 {
        let good = add_with(&place, How::Well, 1).await;
        assert_eq!(ended(&place, good).await.status, Status::Done);
    }
    running.stop(Duration::from_secs(10)).await;
    assert_eq!(super::work::row(&place, blocks).await, row, "what it comes to later counts for nothing");
}

async fn progress_is_written_seldom_and_the_last_word_counts(place: Place) {
    let (stage, mut ear) = stage();
    let running = start(&place, &stage).await;
    let id = add_with(&place, How::Progress(100_000), 1).await;
    let row = ended(&place, id).await;
    assert_eq!((row.status, row.progress_note.as_deref()), (Status::Done, Some("99999 of 100000")));
    ear.hears("done").await;
    running.stop(Duration::from_secs(10)).await;
    let turns = place.jobs.stats().cycles;
    assert!(turns < 1_000, "{turns} transactions for 100,000 words");
}
