//! A job that does what it is told, and says what it does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ketch_db::params;
use ketch_jobs::{Enqueue, Job, JobCtx, JobError, JobResult, Jobs, Runner, Running};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::place::Place;

/// What a job does.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) enum How {
    Well,
    Fail(String),
    GiveUp,
    Panic,
    /// Waits for ever.
    Hang,
    /// Waits until it is told to end, and ends well.
    Heed,
    /// The same, and fails.
    HeedAndFail,
    /// Works for that many milliseconds.
    Work(u64),
    /// Does not let go of its thread for that many milliseconds.
    Block(u64),
    /// Panics when it is dropped.
    PanicInDrop,
    /// Writes an effect and ends with it, then does something else.
    Finish(Box<How>),
    /// Says that it has begun, waits for a word of the test, and finishes.
    FinishTwice,
    /// Finishes, and enqueues itself again under this key, so many times.
    Again(String, u32),
    /// Says how far it is, and waits until it is told to end.
    SayAndWait,
    /// Says how far it is, that many times.
    Progress(u32),
}

/// The job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Do {
    pub(crate) how: How,
}

/// What its runs are told and tell.
#[derive(Clone)]
pub(crate) struct Stage {
    said: mpsc::UnboundedSender<(i64, &'static str)>,
    running: Arc<AtomicUsize>,
    pub(crate) most: Arc<AtomicUsize>,
}

/// What is heard of them.
pub(crate) struct Ear(mpsc::UnboundedReceiver<(i64, &'static str)>);

impl Ear {
    /// Waits until this is said, whatever is said before; of which job.
    pub(crate) async fn hears(&mut self, wanted: &str) -> i64 {
        let heard = async {
            loop {
                let (id, said) = self.0.recv().await.expect("somebody speaks");
                if said == wanted {
                    return id;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), heard).await.expect("it is said")
    }

    /// How often that has been said by now.
    pub(crate) fn count(&mut self, wanted: &str) -> usize {
        let mut count = 0;
        while let Ok((_, said)) = self.0.try_recv() {
            count += usize::from(said == wanted);
        }
        count
    }
}

pub(crate) fn stage() -> (Stage, Ear) {
    let (said, ear) = mpsc::unbounded_channel();
    (Stage { said, running: Arc::default(), most: Arc::default() }, Ear(ear))
}

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("dropped");
        }
    }
}

impl Job for Do {
    const TYPE: &'static str = "do";
    const DEADLINE: Duration = Duration::from_secs(60);
    type State = Stage;

    async fn run(self, ctx: JobCtx<Stage>) -> JobResult {
        let stage = ctx.state().clone();
        let running = stage.running.fetch_add(1, Ordering::SeqCst) + 1;
        stage.most.fetch_max(running, Ordering::SeqCst);
        let _counted = Counted(Arc::clone(&stage.running));
        act(self.how, &ctx).await
    }

    fn backoff(_: u32) -> Duration {
        Duration::from_millis(20)
    }
}

async fn act(how: How, ctx: &JobCtx<Stage>) -> JobResult {
    let say = |word: &'static str| ctx.state().said.send((ctx.id(), word)).expect("somebody listens");
    say("begun");
    match how {
        How::Well => {}
        How::Fail(why) => return Err(JobError::new(why)),
        How::GiveUp => return Err(JobError::new("no use").give_up()),
        How::Panic => panic!("a job of the test panics"),
        How::Hang => std::future::pending().await,
        How::Heed => {
            ctx.ended().await;
            say("told");
        }
        How::HeedAndFail => {
            ctx.ended().await;
            say("told");
            return Err(JobError::new("it has to end"));
        }
        How::Work(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
        How::Block(millis) => std::thread::sleep(Duration::from_millis(millis)),
        How::PanicInDrop => {
            let _bomb = Bomb;
            std::future::pending::<()>().await;
        }
        How::Finish(then) => {
            finish(ctx).await?;
            say("finished");
            return Box::pin(act(*then, ctx)).await;
        }
        How::FinishTwice => {
            finish(ctx).await?;
            let second = finish(ctx).await.expect_err("once");
            assert!(format!("{second:?}").contains("finished already"), "{second:?}");
        }
        How::Again(_, 0) => {}
        How::Again(key, times) => {
            let (jobs, next) = (ctx.jobs().clone(), Do { how: How::Again(key.clone(), times - 1) });
            let enqueued =
                ctx.finish(move |tx| jobs.enqueue(tx, Enqueue::new(&next).unique(key.clone()))).await?;
            assert_ne!(enqueued.id(), ctx.id(), "it is another job");
        }
        How::SayAndWait => {
            ctx.progress(0.5, "half").await?;
            say("said");
            ctx.ended().await;
            say("told");
        }
        How::Progress(times) => {
            for n in 0..times {
                ctx.progress(f64::from(n) / f64::from(times), format!("{n} of {times}")).await?;
            }
        }
    }
    say("done");
    Ok(())
}

/// Writes an effect, which is there once if the job was finished once.
async fn finish(ctx: &JobCtx<Stage>) -> JobResult {
    let job = ctx.id();
    ctx.finish(move |tx| tx.execute("insert into effects (job) values (:job)", params! { job })).await?;
    Ok(())
}

/// A place whose jobs can write effects.
pub(crate) async fn with_effects(place: &Place) {
    place.execute("create table effects (job bigint not null)").await;
}

/// A runner for the job.
pub(crate) fn runner(jobs: &Jobs, stage: &Stage) -> Runner {
    Runner::new(jobs.clone()).job::<Do>(stage.clone())
}

/// One that works.
pub(crate) async fn start(place: &Place, stage: &Stage) -> Running {
    runner(&place.jobs, stage).start().await.expect("it starts")
}

/// Enqueues it.
pub(crate) async fn add(place: &Place, how: How) -> i64 {
    place.jobs.add(&Do { how }).await.expect("it is enqueued").id()
}

/// Enqueues it with this many attempts.
pub(crate) async fn add_with(place: &Place, how: How, attempts: u32) -> i64 {
    place.jobs.add(Enqueue::new(&Do { how }).max_attempts(attempts)).await.expect("it is enqueued").id()
}

/// Waits until a job has ended; its row.
pub(crate) async fn ended(place: &Place, id: i64) -> ketch_jobs::JobRow {
    for _ in 0..3_000 {
        let row = place.jobs.get(id).await.expect("the table is there").expect("its row is kept");
        if row.finished_at.is_some() {
            return row;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("job {id} does not end: {:?}", place.jobs.get(id).await);
}

/// The row of a job.
pub(crate) async fn row(place: &Place, id: i64) -> ketch_jobs::JobRow {
    place.jobs.get(id).await.expect("the table is there").expect("its row is kept")
}

/// Shows what was measured.
#[expect(clippy::print_stdout, reason = "a test that measures says what")]
pub(crate) fn measured(what: &str) {
    println!("{what}");
}
