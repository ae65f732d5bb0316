//! What a process does in most trials: it enqueues jobs and runs them, both at once, and says what happens.
//!
//! It is told `stop`, which gives jobs their time, or `leave`, which does not.
//!
//! Lines: `ready` · `acked n…` numbers whose write was answered · `enqueued` · `start job attempt` · `refused job attempt why`
//! a write that came to nothing · `idle` · `starts n` at the end.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ketch_db::{Db, Error, Result, Tx, params};
use ketch_jobs::{Job, JobCtx, JobError, JobResult, Jobs, Queue, Runner, Running};
use serde::{Deserialize, Serialize};

use super::child::{Ear, say};
use super::ground::Ground;

/// Follow-ups have the number of what they follow, and this.
pub(super) const FOLLOWS: i64 = 1_000_000_000;

/// How long a slow job takes.
const SLOW: Duration = Duration::from_millis(50);

/// What one process does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Work {
    pub(super) ground: Ground,
    /// Runners in this process.
    pub(super) runners: usize,
    /// Jobs that each runs at a time.
    pub(super) limit: usize,
    /// What is enqueued meanwhile.
    pub(super) enqueues: Option<Enqueues>,
    /// Whether every start is said.
    pub(super) starts: Starts,
    /// Whether somebody cancels jobs meanwhile.
    pub(super) cancels: Cancels,
}

/// What happens to some jobs meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Cancels {
    None,
    /// Jobs that were enqueued lately, at random.
    Some,
}

/// How starts of jobs are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Starts {
    /// Their number at the end.
    Counted,
    /// Each, before the job does anything.
    Said,
}

/// Jobs that are enqueued in many writes, small ones and large ones, some of which are rolled back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Enqueues {
    /// The first number.
    pub(super) from: i64,
    /// How many numbers.
    pub(super) count: i64,
    /// How many write at the same time.
    pub(super) tasks: i64,
    /// Decides about sizes and what is rolled back.
    pub(super) seed: u64,
    pub(super) mix: Mix,
    /// Milliseconds that each rests after a write.
    pub(super) rest: u64,
}

impl Enqueues {
    /// As quickly as it goes.
    pub(super) fn new(from: i64, count: i64, mix: Mix) -> Self {
        Self { from, count, tasks: 4, seed: from.unsigned_abs(), mix, rest: 0 }
    }
}

/// Which jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Mix {
    /// All alike, and quick.
    Quick,
    /// Some take their time, some are followed by others, some end without `finish`.
    All,
}

impl Mix {
    fn kind(self, number: i64) -> Kind {
        match (self, number % 10) {
            (Self::Quick, _) | (Self::All, 0..=4) => Kind::Quick,
            (Self::All, 5..=6) => Kind::Slow,
            (Self::All, 7) => Kind::Heeds,
            (Self::All, 8) => Kind::Followed,
            (Self::All, _) => Kind::Plain,
        }
    }
}

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    /// Leaves its number in `ran` with `finish`.
    Quick,
    /// The same, a little later.
    Slow,
    /// The same, unless it is told to end.
    Heeds,
    /// The same, much later.
    Long,
    /// The same, and enqueues another with it.
    Followed,
    /// Leaves its number in `touched`, and ends without `finish`.
    Plain,
}

/// A job that leaves its number behind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) number: i64,
    pub(super) kind: Kind,
}

/// What a process knows of the jobs it starts.
#[derive(Debug)]
pub(super) struct Seen {
    how: Starts,
    starts: AtomicU64,
}

impl Seen {
    pub(super) fn new(how: Starts) -> Arc<Self> {
        Arc::new(Self { how, starts: AtomicU64::new(0) })
    }

    pub(super) fn start(&self, job: i64, attempt: u32) {
        self.starts.fetch_add(1, Ordering::Relaxed);
        if self.how == Starts::Said {
            say(&format!("start {job} {attempt}"));
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.starts.load(Ordering::Relaxed)
    }
}

impl Job for Mark {
    const TYPE: &'static str = "mark";
    type State = Arc<Seen>;

    async fn run(self, ctx: JobCtx<Self::State>) -> JobResult {
        ctx.state().start(ctx.id(), ctx.attempt());
        match self.kind {
            Kind::Quick | Kind::Followed => {}
            Kind::Slow => tokio::time::sleep(SLOW).await,
            Kind::Heeds => tokio::select! {
                () = tokio::time::sleep(SLOW) => {}
                () = ctx.ended() => return Err(JobError::new("it is told to end")),
            },
            Kind::Long => tokio::time::sleep(SLOW * 20).await,
            Kind::Plain => {
                let sql = "insert into touched (number, job, attempt) values (:number, :job, :attempt)";
                let (job, attempt) = (ctx.id(), ctx.attempt());
                let done = ctx.db().execute(sql, params! { number: self.number, job, attempt }).await;
                done.inspect_err(|error| say(&format!("refused {job} {attempt} {error:?}")))?;
                return Ok(());
            }
        }
        let (job, attempt, jobs) = (ctx.id(), ctx.attempt(), ctx.jobs().clone());
        let done = ctx.finish(move |tx| {
            let sql = "insert into ran (number, job, attempt) values (:number, :job, :attempt)";
            tx.execute(sql, params! { number: self.number, job, attempt })?;
            if self.kind == Kind::Followed {
                want(tx, &jobs, &Mark { number: self.number + FOLLOWS, kind: Kind::Quick })?;
            }
            Ok(())
        });
        done.await.inspect_err(|error: &JobError| say(&format!("refused {job} {attempt} {error:?}")))
    }
}

/// Enqueues a job, and the row that says so, in one write.
pub(super) fn want(tx: &mut Tx<'_>, jobs: &Jobs, mark: &Mark) -> Result<i64> {
    let job = jobs.enqueue(tx, mark)?.id();
    let follows = i64::from(mark.kind == Kind::Followed);
    let sql = "insert into wanted (number, job, follows) values (:number, :job, :follows)";
    tx.execute(sql, params! { number: mark.number, job, follows })?;
    Ok(job)
}

/// Starts a process's runners.
pub(super) async fn start(jobs: &Jobs, work: &Work, seen: &Arc<Seen>) -> Vec<Running> {
    let mut running = Vec::new();
    for _ in 0..work.runners {
        let queue = Queue::new("default").limit(work.limit);
        let runner = Runner::new(jobs.clone()).queue(queue).job::<Mark>(Arc::clone(seen));
        running.push(runner.start().await.expect("a runner starts"));
    }
    running
}

/// The whole process: until it is told to end, or with a file until nothing is left.
pub(super) async fn run(work: Work, mut told: Ear) {
    let db = work.ground.open().await;
    let jobs = Jobs::new(db.clone());
    let seen = Seen::new(work.starts);
    let running = start(&jobs, &work, &seen).await;
    say("ready");
    let mut others = tokio::task::JoinSet::new();
    let enqueuing = others.spawn(enqueue_all(db.clone(), jobs.clone(), work.enqueues.clone()));
    if work.cancels == Cancels::Some {
        others.spawn(cancel_some(db.clone(), jobs.clone()));
    }
    let nothing_is_left = async {
        while !work.ground.is_file() || !enqueuing.is_finished() || left(&db).await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let time = tokio::select! {
        () = nothing_is_left => Duration::from_secs(10),
        line = told.recv() => if line.as_deref() == Some("leave") { SLOW / 2 } else { Duration::from_secs(10) },
    };
    // One after the other would give the last ones more time than the first.
    let stopped: tokio::task::JoinSet<()> = running.into_iter().map(|runner| runner.stop(time)).collect();
    stopped.join_all().await;
    others.abort_all();
    while let Some(ended) = others.join_next().await {
        assert!(!ended.is_err_and(|error| error.is_panic()), "jobs can be enqueued and cancelled");
    }
    say(&format!("starts {}", seen.count()));
    db.close().await;
}

async fn enqueue_all(db: Db, jobs: Jobs, enqueues: Option<Enqueues>) {
    if let Some(enqueues) = enqueues {
        enqueue(&db, &jobs, &enqueues).await;
        say("enqueued");
    }
}

/// Cancels jobs at random, for as long as it is let.
async fn cancel_some(db: Db, jobs: Jobs) {
    loop {
        tokio::time::sleep(Duration::from_millis(2)).await;
        let sql = "select coalesce(max(id), 0) as n from job_queue where status = 'running'";
        let Ok(newest) = db.query_one::<i64>(sql, params! {}).await else { continue };
        // It may have ended meanwhile.
        let _ended = jobs.cancel(newest + fastrand::i64(-8..24)).await;
    }
}

/// How many jobs are not over, or more than none when the database does not say.
pub(super) async fn left(db: &Db) -> i64 {
    let sql = "select (select count(*) from job_queue where status = 'pending') \
               + (select count(*) from job_queue where status = 'running') as n";
    db.query_one(sql, params! {}).await.unwrap_or(1)
}

/// Enqueues what is asked for, and says what was answered; it is answered too.
pub(super) async fn enqueue(db: &Db, jobs: &Jobs, enqueues: &Enqueues) -> HashSet<i64> {
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..enqueues.tasks {
        let share = |task: i64| enqueues.from + enqueues.count * task / enqueues.tasks;
        let (db, jobs, enqueues) = (db.clone(), jobs.clone(), enqueues.clone());
        let numbers = share(task)..share(task + 1);
        tasks.spawn(async move { enqueue_some(&db, &jobs, numbers, &enqueues).await });
    }
    let done = tasks.join_all().await.into_iter();
    done.flat_map(|acked| acked.expect("jobs can be enqueued")).collect()
}

async fn enqueue_some(
    db: &Db,
    jobs: &Jobs,
    numbers: std::ops::Range<i64>,
    enqueues: &Enqueues,
) -> Result<Vec<i64>> {
    let mut chance = fastrand::Rng::with_seed(enqueues.seed.wrapping_add(numbers.start.unsigned_abs()));
    let (mut from, mut acked) = (numbers.start, Vec::new());
    while from < numbers.end {
        let size = if chance.u8(..20) == 0 { 100 } else { chance.i64(1..=3) };
        let some: Vec<i64> = (from..numbers.end.min(from + size)).collect();
        if chance.u8(..6) == 0 {
            // Numbers that nobody may ever see.
            let never = some.iter().map(|number| -number).collect();
            write(db, jobs, never, enqueues.mix, Then::RollBack).await?;
        }
        if write(db, jobs, some.clone(), enqueues.mix, Then::Commit).await? == Answer::Committed {
            let words: Vec<String> = some.iter().map(i64::to_string).collect();
            say(&format!("acked {}", words.join(" ")));
            acked.extend(some);
        }
        from += size;
        if enqueues.rest > 0 {
            tokio::time::sleep(Duration::from_millis(enqueues.rest)).await;
        }
    }
    Ok(acked)
}

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Commit,
    RollBack,
}

/// What is known of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Committed,
    RolledBack,
    /// The connection was lost: it may be there or not, but as a whole.
    Unknown,
}

/// One write; what is refused for now is tried again.
async fn write(db: &Db, jobs: &Jobs, numbers: Vec<i64>, mix: Mix, then: Then) -> Result<Answer> {
    loop {
        let (jobs, numbers) = (jobs.clone(), numbers.clone());
        let written = db.write(move |tx| {
            for number in &numbers {
                want(tx, &jobs, &Mark { number: *number, kind: mix.kind(number.abs()) })?;
            }
            // An error that nothing else here ends with.
            if then == Then::RollBack { Err(Error::NoRow) } else { Ok(()) }
        });
        match written.await {
            Ok(()) => return Ok(Answer::Committed),
            Err(Error::NoRow) => return Ok(Answer::RolledBack),
            Err(Error::Unavailable(_)) => {
                tokio::time::sleep(Duration::from_millis(500)).await;
                return Ok(Answer::Unknown);
            }
            Err(error) if error.is_passing() => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => return Err(error),
        }
    }
}
