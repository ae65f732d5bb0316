//! What is enqueued while the clock does what it likes.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use ketch_db::migrate::{Backup, Wanted};
use ketch_db::{Db, params};
use ketch_model::Clock;
use ketch_testkit::Scratch;
use proptest::prelude::*;

use super::*;
use crate::context::JobCtx;
use crate::error::JobResult;
use crate::job::Job;
use crate::options::Options;
use crate::schedule::Schedule;

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const YEAR: i64 = 365 * 24 * HOUR;
/// Half a second past 20 November 2026, 12:00 UTC.
const BEGIN: i64 = 1_795_176_000_500;

#[derive(serde::Serialize, serde::Deserialize)]
struct Nothing;

impl Job for Nothing {
    const TYPE: &'static str = "nothing";
    type State = ();

    async fn run(self, _ctx: JobCtx) -> JobResult {
        Ok(())
    }
}

/// A clock that is set.
#[derive(Debug)]
struct Wall(AtomicI64);

impl Clock for Wall {
    fn now(&self) -> SystemTime {
        let millis = u64::try_from(self.0.load(Ordering::SeqCst)).expect("after 1970");
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }
}

/// A database and one schedule, looked at when a test says so.
struct Desk {
    db: Db,
    jobs: Jobs,
    clock: Arc<Wall>,
    watched: Watched,
    /// Whether the last look was the first after a restart.
    after_restart: bool,
    _folder: Scratch,
}

impl Desk {
    async fn new(schedule: Schedule) -> Self {
        let folder = Scratch::new();
        let options = ketch_db::Options::default();
        let url = folder.url().parse().expect("a URL");
        let driver = ketch_db::connect(&url, &options).await.expect("a new database opens");
        let db = Db::unconnected();
        db.connect(driver, &options).expect("a new handle");
        let wanted = Wanted { backup: Backup::Without, ..Wanted::default() };
        ketch_db::migrate::up(&db, &[crate::migrations()], &wanted).await.expect("the tables are made");
        let clock = Arc::new(Wall(AtomicI64::new(BEGIN)));
        let jobs = Jobs::new(db.clone());
        jobs.configure(Options { clock: Arc::clone(&clock) as _, ..Options::default() });
        let watched = Watched::new(Arc::new(Recurrent::read(schedule).expect("a good schedule")));
        let mut desk = Self { db, jobs, clock, watched, after_restart: true, _folder: folder };
        desk.at(BEGIN).await;
        desk
    }

    /// Sets the clock and looks.
    async fn at(&mut self, now: i64) {
        self.clock.0.store(now, Ordering::SeqCst);
        self.after_restart = self.watched.seen.is_none();
        self.watched.look(&self.jobs).await.expect("the database is there");
    }

    async fn forward(&mut self, by: i64) {
        self.at(self.now() + by).await;
    }

    fn now(&self) -> i64 {
        self.clock.0.load(Ordering::SeqCst)
    }

    /// As after a restart of the program.
    fn restart(&mut self) {
        self.watched = Watched::new(Arc::clone(&self.watched.what));
    }

    /// The slots of all jobs, in the order in which they were enqueued.
    async fn run(&self) -> Vec<i64> {
        let rows = self.db.query("select slot from job_queue order by id", params! {}).await;
        rows.expect("a table of the queue")
    }

    async fn number(&self, sql: &'static str) -> i64 {
        self.db.query_one(sql, params! {}).await.expect("a number")
    }
}

fn pulse() -> Schedule {
    Schedule::every("pulse", Duration::from_secs(1), &Nothing)
}

#[tokio::test]
async fn what_was_due_before_it_was_first_seen_is_not_run() {
    let mut desk = Desk::new(pulse()).await;
    desk.forward(400).await;
    assert_eq!(desk.run().await, Vec::<i64>::new());
    desk.forward(100).await;
    assert_eq!(desk.run().await, [BEGIN + 500]);
}

#[tokio::test]
async fn a_clock_that_jumps_runs_no_slot_twice() {
    let mut desk = Desk::new(pulse()).await;
    for jump in [YEAR, -HOUR, 5 * SECOND, -5 * SECOND, -YEAR, HOUR, 0] {
        desk.forward(jump).await;
        for _ in 0..3 {
            desk.forward(SECOND).await;
        }
        desk.restart();
    }
    let mut run = desk.run().await;
    // A year ahead and an hour before that, each jump and three seconds after it; five seconds ahead five more, and
    // back again none; then at the right time again, and an hour ahead.
    let count = run.len();
    run.sort_unstable();
    run.dedup();
    assert_eq!(run.len(), count, "a slot was run twice");
    assert!(count >= 20, "{count}");
    assert!(run.contains(&(desk.now() - 500)), "it goes on");
}

#[tokio::test]
async fn the_earliest_slots_are_dropped_and_still_run_once() {
    let mut desk = Desk::new(pulse()).await;
    for _ in 0..20 {
        desk.forward(60 * SECOND).await;
    }
    assert_eq!(desk.run().await.len(), 1_200, "a minute at a time is no time missed");
    assert_eq!(desk.number("select count(*) from job_slots").await, 1_000);
    let floor = desk.number("select floor from job_schedules").await;
    assert_eq!(floor, desk.now() - 500 - 1_000 * SECOND);
    desk.forward(-1_100 * SECOND).await;
    desk.restart();
    desk.forward(SECOND).await;
    desk.forward(1_099 * SECOND).await;
    assert_eq!(desk.run().await.len(), 1_200, "all of these were run");
}

#[tokio::test]
async fn a_time_with_a_clock_far_ahead_costs_no_slot_after_it() {
    let mut desk = Desk::new(pulse()).await;
    desk.forward(YEAR).await;
    for _ in 0..16 {
        desk.forward(60 * SECOND).await;
    }
    desk.at(BEGIN).await;
    for _ in 0..10 {
        desk.forward(60 * SECOND).await;
    }
    let run = desk.run().await;
    let right: BTreeSet<i64> = run.into_iter().filter(|slot| *slot < BEGIN + HOUR).collect();
    assert_eq!(right.len(), 600);
    let floor = desk.number("select floor from job_schedules").await;
    assert!(floor <= desk.now(), "the floor follows the time that it is");
}

#[tokio::test]
async fn a_slot_that_a_clock_ahead_took_does_not_hide_those_before_it() {
    let mut desk = Desk::new(pulse()).await;
    desk.forward(300 * SECOND).await;
    assert_eq!(desk.run().await.len(), 1, "five minutes are a time missed");
    desk.at(BEGIN + SECOND).await;
    for _ in 0..6 {
        desk.forward(50 * SECOND).await;
    }
    let mut run = desk.run().await;
    run.sort_unstable();
    let all: Vec<i64> = (1..=301).map(|second| BEGIN - 500 + second * SECOND).collect();
    assert_eq!(run, all);
}

#[tokio::test]
async fn a_floor_far_ahead_is_told_and_can_be_lifted() {
    let mut desk = Desk::new(pulse()).await;
    desk.db.execute("update job_schedules set floor = floor + 31536000000", params! {}).await.unwrap();
    desk.restart();
    desk.forward(SECOND).await;
    assert!(desk.watched.told.is_some());
    desk.forward(SECOND).await;
    assert_eq!(desk.run().await, Vec::<i64>::new());
    desk.db.execute("delete from job_schedules", params! {}).await.unwrap();
    // A minute later.
    desk.watched.seen.as_mut().expect("it was looked at").again = Some(Instant::now());
    desk.forward(SECOND).await;
    desk.forward(SECOND).await;
    assert_eq!(desk.run().await, [desk.now() - 500]);
}

#[tokio::test]
async fn after_a_night_the_newest_slot_is_run_once_or_none() {
    let night = 8 * HOUR;
    for (schedule, wanted) in
        [(pulse(), vec![BEGIN + night - 500]), (pulse().skip_missed(), vec![BEGIN + night - 500])]
    {
        let mut desk = Desk::new(schedule).await;
        desk.restart();
        desk.forward(night).await;
        assert_eq!(desk.run().await, wanted, "the newest is on time here, whatever is done about others");
    }
    let hourly = || Schedule::cron("hourly", "@hourly", &Nothing);
    for (schedule, count) in [(hourly(), 1), (hourly().skip_missed(), 0)] {
        let mut desk = Desk::new(schedule).await;
        desk.restart();
        desk.forward(night + 10 * 60 * SECOND).await;
        assert_eq!(desk.run().await.len(), count);
        desk.forward(50 * 60 * SECOND).await;
        assert_eq!(desk.run().await.len(), count + 1, "and then as ever");
    }
}

#[tokio::test]
async fn a_schedule_with_another_pattern_keeps_its_slots() {
    let mut desk = Desk::new(Schedule::cron("report", "* * * * *", &Nothing)).await;
    desk.forward(60 * SECOND).await;
    assert_eq!(desk.run().await.len(), 1);
    let other = Schedule::cron("report", "*/30 * * * * *", &Nothing);
    desk.watched = Watched::new(Arc::new(Recurrent::read(other).expect("a good schedule")));
    desk.forward(0).await;
    desk.forward(SECOND).await;
    assert_eq!(desk.run().await.len(), 1, "the minute is a slot of both");
    desk.forward(30 * SECOND).await;
    assert_eq!(desk.run().await.len(), 2);
}

#[tokio::test]
async fn a_slot_is_left_out_while_the_last_run_goes_on_when_it_says_so() {
    let mut desk = Desk::new(pulse().skip_while_running()).await;
    desk.forward(SECOND).await;
    desk.forward(SECOND).await;
    assert_eq!(desk.run().await.len(), 1);
    assert_eq!(desk.number("select count(*) from job_slots").await, 2, "the slot is over nevertheless");
    desk.db.execute("update job_queue set status = 'done'", params! {}).await.unwrap();
    desk.forward(100).await;
    assert_eq!(desk.run().await.len(), 1);
    desk.forward(SECOND).await;
    assert_eq!(desk.run().await.len(), 2);
}

#[tokio::test]
async fn while_nothing_is_due_the_database_is_not_asked() {
    let mut desk = Desk::new(Schedule::cron("report", "@hourly", &Nothing)).await;
    desk.db.close().await;
    for _ in 0..100 {
        desk.forward(SECOND).await;
    }
    desk.clock.0.fetch_add(HOUR, Ordering::SeqCst);
    assert!(desk.watched.look(&desk.jobs).await.is_err());
}

/// What happens to a program.
#[derive(Clone, Copy, Debug)]
enum Happens {
    /// Time passes.
    Step(i64),
    /// The clock is set.
    Jump(i64),
    Restart,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        6 => (1..=60 * SECOND).prop_map(Happens::Step),
        2 => prop::sample::select(vec![YEAR, -YEAR, -HOUR, HOUR, 5 * SECOND, -5 * SECOND, 300 * SECOND, -270 * SECOND])
            .prop_map(Happens::Jump),
        1 => Just(Happens::Restart),
    ]
}

fn schedules() -> impl Strategy<Value = Schedule> {
    let patterns =
        ["* * * * * *", "*/7 * * * * *", "* * * * *", "*/5 * * * *", "13 17 * * * *", "0 0 12,13 * * *"];
    prop_oneof![
        (1_000..100_000_u64).prop_map(|time| Schedule::every("it", Duration::from_millis(time), &Nothing)),
        prop::sample::select(patterns.to_vec())
            .prop_map(|pattern| Schedule::cron("it", pattern, &Nothing).zone("Europe/Berlin")),
    ]
}

#[tokio::test]
async fn a_panic_does_not_end_it() {
    let desk = Desk::new(Schedule::every("it", Duration::from_secs(1), &Nothing)).await;
    // The clock of these tests panics before 1970.
    desk.clock.0.store(-1, Ordering::SeqCst);
    let schedules = vec![Arc::clone(&desk.watched.what)];
    let driving = tokio::spawn(drive(desk.jobs.clone(), schedules, std::future::pending()));
    tokio::task::yield_now().await;
    desk.clock.0.store(BEGIN + 5 * SECOND, Ordering::SeqCst);
    for _ in 0..3_000 {
        if desk.number("select count(*) from job_queue").await > 0 {
            return driving.abort();
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing is enqueued; it has ended: {}", driving.is_finished());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// No slot twice, whatever happens; and while time runs as it should, none is left out.
    #[test]
    fn each_slot_is_run_once(schedule in schedules(), happens in prop::collection::vec(happens(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut desk = Desk::new(schedule).await;
            let times = desk.watched.what.times.clone();
            for what in happens {
                let before = desk.now();
                match what {
                    Happens::Step(by) => desk.forward(by).await,
                    Happens::Jump(by) => desk.at((before + by).max(BEGIN - HOUR)).await,
                    Happens::Restart => desk.restart(),
                }
                let run = desk.run().await;
                let once: BTreeSet<i64> = run.iter().copied().collect();
                prop_assert_eq!(once.len(), run.len(), "a slot was run twice, after {:?}", what);
                prop_assert!(once.iter().all(|slot| *slot > BEGIN && times.next(slot - 1) == Some(*slot)));
                let Happens::Step(_) = what else { continue };
                if desk.watched.seen.is_none() {
                    continue;
                }
                let floor = desk.number("select floor from job_schedules").await;
                let slots = std::iter::successors(times.next(before), |slot| times.next(*slot));
                for slot in slots.take_while(|slot| *slot <= desk.now()).filter(|slot| *slot > floor) {
                    // After a restart only the newest counts, if it was long.
                    let newest = times.next(slot).is_none_or(|next| next > desk.now());
                    prop_assert!(once.contains(&slot) || !newest && desk.after_restart, "{} was left out", slot);
                }
            }
            Ok(())
        })?;
    }
}
