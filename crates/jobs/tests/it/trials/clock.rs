//! R6: the wall clock jumps while jobs run. Nothing hangs, nothing fails, what is delayed is run, and no runner that
//! lives is taken for dead.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use ketch_db::{Db, params};
use ketch_jobs::{Enqueue, Jobs};
use ketch_testkit::Scratch;
use ketch_testkit::postgres::Postgres;
use serde::{Deserialize, Serialize};

use super::child::{Ear, Task, say};
use super::claims::until_done;
use super::evidence::Evidence;
use super::ground::Ground;
use super::times;
use super::troop::Troop;
use super::work::{Cancels, Kind, Mark, Seen, Starts, Work, start, want};

/// Where the clock is put, and by how many seconds that is off.
const JUMPS: [(&str, i64); 5] = [("+1y", 365 * 86_400), ("-1h", -3_600), ("+5s", 5), ("-5s", -5), ("+0s", 0)];

/// How long what is delayed waits.
const DELAY: Duration = Duration::from_millis(300);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Jumps {
    work: Work,
    /// What `faketime` reads the clock's offset from.
    offset: PathBuf,
    rounds: i64,
}

/// Enqueues before and after each jump, and waits until what was enqueued after it is done.
pub(super) async fn run(jumps: Jumps, mut told: Ear) {
    let db = jumps.work.ground.open().await;
    let jobs = Jobs::new(db.clone());
    let seen = Seen::new(Starts::Counted);
    let running = start(&jobs, &jumps.work, &seen).await;
    say("ready");
    let (wall, steady, mut number) = (now(), Instant::now(), 1);
    for _ in 0..jumps.rounds {
        for (jump, seconds) in JUMPS {
            // These meet the jump.
            some(&db, &jobs, number..number + 40, Duration::ZERO).await;
            some(&db, &jobs, number + 40..number + 60, DELAY).await;
            set(&jumps.offset, jump);
            let off = now() - wall - i64::try_from(steady.elapsed().as_secs()).expect("not that long");
            assert!((off - seconds).abs() <= 2, "the clock did not jump by {jump} but by {off} s");
            some(&db, &jobs, number + 60..number + 80, Duration::ZERO).await;
            some(&db, &jobs, number + 80..number + 100, DELAY).await;
            let jump_is_over = async {
                while unfinished(&db, number + 60).await > 0 {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), jump_is_over)
                .await
                .expect("jobs go on after a jump");
            number += 100;
        }
    }
    say("enqueued");
    while told.recv().await.is_some_and(|line| line != "stop") {
        let sql = "select count(*) as n from job_queue where status in ('pending', 'running')";
        let pending: i64 = db.query_one(sql, params! {}).await.expect("a number");
        say(&format!("pending {pending}"));
    }
    for runner in running {
        runner.stop(Duration::from_secs(10)).await;
    }
    db.close().await;
}

/// As a whole or not at all: it is read at any moment.
fn set(offset: &Path, jump: &str) {
    let fresh = offset.with_extension("fresh");
    fs::write(&fresh, jump).and_then(|()| fs::rename(&fresh, offset)).expect("the clock is set");
}

/// Enqueues jobs, at once or for later.
async fn some(db: &Db, jobs: &Jobs, numbers: std::ops::Range<i64>, delay: Duration) {
    let jobs = jobs.clone();
    let write = move |tx: &mut ketch_db::Tx<'_>| {
        numbers.clone().try_for_each(|number| {
            let mark = Mark { number, kind: if number % 2 == 0 { Kind::Quick } else { Kind::Slow } };
            if delay.is_zero() {
                return want(tx, &jobs, &mark).map(|_| ());
            }
            let job = jobs.enqueue(tx, Enqueue::new(&mark).delay(delay))?.id();
            let sql = "insert into wanted (number, job, follows) values (:number, :job, 0)";
            tx.execute(sql, params! { number, job }).map(|_| ())
        })
    };
    db.write(write).await.expect("jobs can be enqueued whatever the clock says");
}

/// How many of the numbers from this one on are not done.
async fn unfinished(db: &Db, from: i64) -> i64 {
    let sql = "select count(*) as n from wanted join job_queue on job_queue.id = wanted.job \
               where number >= :from and status <> 'done'";
    db.query_one(sql, params! { from }).await.expect("a number")
}

#[expect(clippy::disallowed_methods, reason = "the clock under test is the system's")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("not that late")
}

/// Starts a process whose wall clock the file sets; its steady clock stays what it is. `faketime` sets the library up,
/// and its own offset gives way to the file's.
fn start_with_clock(troop: &mut Troop, work: Work, scratch: &Scratch, rounds: i64) -> usize {
    let offset = scratch.path().join("offset");
    fs::write(&offset, "+0s").expect("the folder takes files");
    let words = ["faketime", "-m", "--exclude-monotonic", "-f", "+0s"];
    let mut words = words.map(str::to_owned).to_vec();
    words.extend(["sh", "-c", r#"unset FAKETIME; exec "$0" "$@""#].map(str::to_owned));
    let variables =
        [("FAKETIME_TIMESTAMP_FILE", offset.display().to_string()), ("FAKETIME_NO_CACHE", "1".to_owned())];
    troop.start_under(&words, &variables, &Task::Clock(Jumps { work, offset, rounds }))
}

fn work(ground: &Ground) -> Work {
    Work {
        ground: ground.clone(),
        runners: 2,
        limit: 8,
        enqueues: None,
        starts: Starts::Counted,
        cancels: Cancels::None,
    }
}

/// What there is to say of the trial.
fn check(ground: &Ground, rounds: i64, told: &str) -> String {
    let evidence = Evidence::of(ground, &HashSet::new());
    evidence.expect_kept(told);
    let count = rounds * 100 * i64::try_from(JUMPS.len()).expect("few");
    assert_eq!((evidence.wanted, evidence.attempts), (count, count), "{told}: {evidence:?}");
    let jumps = JUMPS.map(|(jump, _)| jump);
    format!("{told}: {rounds} times {jumps:?}: {count} jobs run, each once")
}

#[test]
fn r6_a_wall_clock_that_jumps_keeps_no_job_from_being_run() {
    let (scratch, rounds) = (Scratch::new(), times(1, 20));
    let ground = Ground::file(scratch.path());
    let mut troop = Troop::new();
    let child = start_with_clock(&mut troop, work(&ground), &scratch, rounds);
    troop.until(|_| {}, |line| line.is("enqueued"));
    troop.until_none_is_pending(child);
    troop.tell(child, "stop");
    troop.finish(child, |_| {});
    println!("{}", check(&ground, rounds, "R6, SQLite"));
}

#[test]
fn r6_a_process_with_another_clock_takes_nobody_for_dead() {
    let (scratch, rounds) = (Scratch::new(), times(1, 20));
    let ground = Ground::postgres(Postgres::shared());
    let mut troop = Troop::new();
    let other = troop.start(&Task::Work(work(&ground)));
    let child = start_with_clock(&mut troop, work(&ground), &scratch, rounds);
    troop.until(|_| {}, |line| line.is("enqueued"));
    until_done(&ground);
    for child in [other, child] {
        troop.tell(child, "stop");
        troop.finish(child, |_| {});
    }
    println!("{}", check(&ground, rounds, "R6, PostgreSQL"));
}
