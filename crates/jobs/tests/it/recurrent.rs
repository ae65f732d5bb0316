//! J5: a recurrent job is enqueued once for each of its slots, whoever runs and whatever the clock says.

mod clock;
mod processes;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use ketch_db::migrate::{Backup, Wanted};
use ketch_db::{Db, Error, Options as DbOptions, params};
use ketch_jobs::{Job, JobCtx, JobResult, Jobs, Options, Queue, Runner, Running, Schedule};
use ketch_model::Clock;
use ketch_testkit::postgres::{Postgres as Server, Stop};
use ketch_testkit::{Scratch, overheard};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// Half a second past 20 November 2026, 12:00 UTC.
const BEGIN: u64 = 1_795_176_000_500;

const TOO_LONG: Duration = Duration::from_secs(20);

#[derive(Serialize, Deserialize)]
struct Tick;

impl Job for Tick {
    const TYPE: &'static str = "tick";
    type State = ();

    async fn run(self, _ctx: JobCtx) -> JobResult {
        Ok(())
    }
}

fn pulse() -> Schedule {
    Schedule::every("pulse", Duration::from_secs(1), &Tick)
}

/// A clock that is set.
#[derive(Debug)]
struct Wall(AtomicU64);

impl Wall {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(BEGIN)))
    }

    fn forward(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_millis()).expect("not that long"), Ordering::SeqCst);
    }

    fn set(&self, to: u64) {
        self.0.store(to, Ordering::SeqCst);
    }
}

impl Clock for Wall {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A handle on the database at a URL, with the tables of the queue.
async fn open(url: &str) -> Db {
    let options = DbOptions::default();
    let driver = ketch_db::connect(&url.parse().expect("a URL"), &options).await.expect("it opens");
    let db = Db::unconnected();
    db.connect(driver, &options).expect("a new handle");
    let wanted = Wanted { backup: Backup::Without, ..Wanted::default() };
    ketch_db::migrate::up(&db, &[ketch_jobs::migrations()], &wanted).await.expect("the tables are made");
    db
}

/// The queue in a database, which looks at this clock often.
fn queue(db: &Db, clock: &Arc<Wall>) -> Jobs {
    let mut options = Options::default();
    options.clock = Arc::clone(clock) as _;
    options.interval = Duration::from_millis(5);
    // No row is gone before it has been counted.
    options.keep_done = Duration::from_hours(24 * 3_650);
    let jobs = Jobs::new(db.clone());
    assert!(jobs.configure(options));
    jobs
}

async fn start(jobs: &Jobs, schedules: impl IntoIterator<Item = Schedule>) -> Running {
    let runner = Runner::new(jobs.clone()).job::<Tick>(()).queue(Queue::new("slow"));
    schedules.into_iter().fold(runner, Runner::schedule).start().await.expect("it starts")
}

/// The slots that were enqueued, in seconds after the test began.
async fn slots(db: &Db, schedule: &'static str) -> Vec<i64> {
    let sql = "select slot from job_queue where schedule = :schedule order by slot, id";
    let slots: Vec<i64> = db.query(sql, params! { schedule }).await.expect("a table of the queue");
    let begin = i64::try_from(BEGIN).expect("a time");
    slots.into_iter().map(|slot| (slot - begin + 500) / 1_000).collect()
}

/// Waits until these slots were enqueued, and no other.
async fn until(db: &Db, schedule: &'static str, wanted: &[i64]) {
    let mut found = Vec::new();
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < TOO_LONG {
        found = slots(db, schedule).await;
        if found == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("the slots of {schedule} are {found:?}, not {wanted:?}");
}

/// Waits until schedules were seen for the first time.
async fn seen(db: &Db, count: i64) {
    let begun = tokio::time::Instant::now();
    while db.query_one::<i64>("select count(*) from job_schedules", params! {}).await.expect("a table")
        < count
    {
        assert!(begun.elapsed() < TOO_LONG, "the schedules are not seen");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_restart_and_a_second_runner_run_no_slot_again_and_leave_none_out() {
    let folder = Scratch::new();
    let db = open(&folder.url()).await;
    let clock = Wall::new();
    let jobs = queue(&db, &clock);
    let mut running = start(&jobs, [pulse()]).await;
    seen(&db, 1).await;
    let mut wanted = Vec::new();
    for second in 1..=12 {
        clock.forward(SECOND);
        wanted.push(second);
        until(&db, "pulse", &wanted).await;
        if second % 3 == 0 {
            // For a moment both work, as with a reload.
            let next = start(&jobs, [pulse()]).await;
            std::mem::replace(&mut running, next).stop(TOO_LONG).await;
        }
    }
    running.stop(TOO_LONG).await;
    // Nobody works for two seconds, and then somebody does.
    clock.forward(SECOND * 2);
    let running = start(&jobs, [pulse()]).await;
    wanted.extend([13, 14]);
    until(&db, "pulse", &wanted).await;
    running.stop(TOO_LONG).await;
}

#[tokio::test]
async fn a_clock_that_jumps_runs_no_slot_again() {
    let folder = Scratch::new();
    let db = open(&folder.url()).await;
    let clock = Wall::new();
    let jobs = queue(&db, &clock);
    let running = start(&jobs, [pulse()]).await;
    seen(&db, 1).await;
    clock.set(BEGIN + 1_000);
    until(&db, "pulse", &[1]).await;
    const YEAR: u64 = 365 * 86_400;
    clock.set(BEGIN + YEAR * 1_000);
    let year = i64::try_from(YEAR).expect("a number");
    until(&db, "pulse", &[1, year]).await;
    // An hour back nothing was ever due, and then five seconds ahead.
    clock.set(BEGIN - 3_600_000);
    clock.set(BEGIN + 6_000);
    until(&db, "pulse", &[1, 2, 3, 4, 5, 6, year]).await;
    clock.set(BEGIN + 1_000);
    clock.set(BEGIN + 7_000);
    until(&db, "pulse", &[1, 2, 3, 4, 5, 6, 7, year]).await;
    clock.set(BEGIN + YEAR * 1_000 + 1_000);
    until(&db, "pulse", &[1, 2, 3, 4, 5, 6, 7, year, year + 1]).await;
    running.stop(TOO_LONG).await;
}

#[tokio::test]
async fn of_several_processes_on_postgresql_one_enqueues_each_slot_and_none_complains() {
    let url = Server::shared().fresh();
    let first = open(&url).await;
    let clock = Wall::new();
    let ((), said) = overheard(async {
        let mut running = Vec::new();
        for _ in 0..4 {
            // A connection each, as processes have.
            let jobs = queue(&open(&url).await, &clock);
            let second = Schedule::cron("second", "* * * * * *", &Tick).zone("Europe/Berlin");
            running.push(start(&jobs, [pulse(), second]).await);
        }
        seen(&first, 2).await;
        let mut wanted = Vec::new();
        for second in 1..=25 {
            clock.forward(SECOND);
            wanted.push(second);
            until(&first, "pulse", &wanted).await;
            until(&first, "second", &wanted).await;
        }
        for one in running {
            one.stop(TOO_LONG).await;
        }
        until(&first, "pulse", &wanted).await;
        until(&first, "second", &wanted).await;
    })
    .await;
    // On a busy machine the database says that a write took long.
    assert!(
        !said.contains("ERROR") && !said.contains("ketch_jobs::recur"),
        "who comes second says nothing: {said}"
    );
}

#[tokio::test]
async fn a_database_that_is_away_for_a_moment_costs_no_slot_and_is_told_once() {
    let server = Server::start(&[("fsync", "off")]);
    let db = open(&server.fresh()).await;
    let clock = Wall::new();
    let jobs = queue(&db, &clock);
    let ((), said) = overheard(async {
        let running = start(&jobs, [pulse()]).await;
        seen(&db, 1).await;
        clock.forward(SECOND);
        until(&db, "pulse", &[1]).await;
        server.stop(Stop::Politely);
        for _ in 0..20 {
            clock.forward(SECOND);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        server.start_again();
        while slots_or_none(&db).await.is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let wanted: Vec<i64> = (1..=21).collect();
        until(&db, "pulse", &wanted).await;
        running.stop(TOO_LONG).await;
    })
    .await;
    assert_eq!(said.matches("recurrent jobs cannot be enqueued").count(), 1, "{said}");
}

async fn slots_or_none(db: &Db) -> Option<Vec<i64>> {
    db.query("select slot from job_queue", params! {}).await.ok()
}

/// Says which moment it is run for.
#[derive(Serialize, Deserialize)]
struct Report;

impl Job for Report {
    const TYPE: &'static str = "report";
    type State = mpsc::UnboundedSender<Option<SystemTime>>;

    async fn run(self, ctx: JobCtx<Self::State>) -> JobResult {
        ctx.state().send(ctx.slot())?;
        Ok(())
    }
}

#[tokio::test]
async fn a_job_is_told_the_moment_that_it_is_run_for() {
    let folder = Scratch::new();
    let db = open(&folder.url()).await;
    let clock = Wall::new();
    let jobs = queue(&db, &clock);
    let (says, mut hears) = mpsc::unbounded_channel();
    let hourly = Schedule::cron("report", "@hourly", &Report);
    let running = Runner::new(jobs.clone()).job::<Report>(says).schedule(hourly).start().await.unwrap();
    seen(&db, 1).await;
    // It is late by five minutes.
    clock.forward(SECOND * 65 * 60);
    let slot = tokio::time::timeout(TOO_LONG, hears.recv()).await.expect("it is run").flatten();
    assert_eq!(slot, Some(SystemTime::UNIX_EPOCH + Duration::from_millis(BEGIN + 3_600_000 - 500)));
    jobs.add(&Report).await.unwrap();
    let none = tokio::time::timeout(TOO_LONG, hears.recv()).await.expect("it is run").flatten();
    assert_eq!(none, None, "nobody scheduled it");
    running.stop(TOO_LONG).await;
}

#[tokio::test]
async fn schedules_are_listed_with_what_was_and_what_comes() {
    let folder = Scratch::new();
    let db = open(&folder.url()).await;
    let clock = Wall::new();
    let jobs = queue(&db, &clock);
    let report = Schedule::cron("report", "30 2 * * *", &Tick).zone("Europe/Berlin").queue("slow");
    let running = start(&jobs, [pulse(), report]).await;
    seen(&db, 2).await;
    clock.forward(SECOND);
    until(&db, "pulse", &[1]).await;
    running.stop(TOO_LONG).await;
    let rows = serde_json::to_value(jobs.schedules().await.unwrap()).unwrap();
    let wanted = serde_json::json!([
        {
            "name": "pulse", "type": "tick", "queue": "default", "pattern": null, "zone": null, "interval": 1.0,
            "next": "2026-11-20T12:00:02.000Z", "last": "2026-11-20T12:00:01.000Z",
        },
        {
            "name": "report", "type": "tick", "queue": "slow", "pattern": "30 2 * * *", "zone": "Europe/Berlin",
            "interval": null, "next": "2026-11-21T01:30:00.000Z", "last": null,
        },
    ]);
    assert_eq!(rows, wanted);
}

#[tokio::test]
async fn a_runner_says_all_that_is_wrong_and_does_not_start() {
    let jobs = Jobs::new(Db::unconnected());
    let runner = Runner::new(jobs)
        .schedule(pulse())
        .schedule(pulse())
        .schedule(Schedule::cron("report", "0 25 * * *", &Tick).zone("Europe/Pari"));
    let problems: Vec<String> = runner.problems().into_iter().map(|problem| problem.message).collect();
    let wanted = [
        "the schedule `report`: the pattern `0 25 * * *`: the hour `25`: number out of bounds",
        "the schedule `report`: `Europe/Pari` is no time zone; did you mean `Europe/Paris`?",
        "the schedule `pulse`: no job `tick` is registered here to run it",
        "the schedule `pulse` is declared twice",
        "the schedule `pulse`: no job `tick` is registered here to run it",
    ];
    assert_eq!(problems, wanted);
    let Err(Error::Check(said)) = runner.start().await else { panic!("it started") };
    assert!(wanted.iter().all(|problem| said.contains(problem)), "{said}");
}
