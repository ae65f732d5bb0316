//! R6: the wall clock jumps while writes and reads go on. Nothing hangs, nothing fails, no deadline comes early or late.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use ketch_db::sqlite::Sqlite;
use ketch_db::{Db, Error, params};
use serde::{Deserialize, Serialize};

use super::child::{Started, Task, Under, database, say};
use super::ledger::{self, Answered, Run, check};
use super::times;
use crate::scratch::Scratch;

/// Where the clock is put, and by how many seconds that is off.
const JUMPS: [(&str, i64); 5] = [("+1y", 365 * 86_400), ("-1h", -3_600), ("+5s", 5), ("-5s", -5), ("+0s", 0)];

/// The time of a read, in this test.
const READ_TIME: Duration = Duration::from_millis(200);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Jumps {
    run: Run,
    /// What `faketime` reads the clock's offset from.
    offset: PathBuf,
    rounds: u64,
}

pub(super) async fn run(jumps: Jumps) {
    let run = &jumps.run;
    let mut options = run.options();
    options.read_time = READ_TIME;
    let db = Db::with_driver(Sqlite::open(&run.database, &options).expect("it opens"), &options);
    ledger::prepare(&db).await.expect("a fresh database takes its tables");
    let stop = Arc::new(AtomicBool::new(false));
    let writes = Arc::new(AtomicU32::new(0));
    let tasks: Vec<_> = (0..run.tasks)
        .map(|task| {
            tokio::spawn(write_until(db.clone(), run.run, task, Arc::clone(&stop), Arc::clone(&writes)))
        })
        .collect();
    let (wall, steady) = (now(), Instant::now());
    for _ in 0..jumps.rounds {
        for (jump, seconds) in JUMPS {
            // As a whole or not at all: it is read at any moment.
            let fresh = jumps.offset.with_extension("fresh");
            fs::write(&fresh, jump)
                .and_then(|()| fs::rename(&fresh, &jumps.offset))
                .expect("the clock is set");
            let off = now() - wall - i64::try_from(steady.elapsed().as_secs()).expect("not that long");
            assert!((off - seconds).abs() <= 2, "the clock did not jump by {jump} but by {off} s");
            let before = writes.load(Ordering::Relaxed);
            ends_in_its_time(&db).await;
            // Writes went on meanwhile.
            let some = async {
                while writes.load(Ordering::Relaxed) < before + 16 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(10), some).await.expect("writes go on");
            db.health().await.expect("it is well");
        }
    }
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.expect("no write fails because of the clock");
    }
    db.close().await;
}

async fn write_until(db: Db, run: u32, task: u32, stop: Arc<AtomicBool>, writes: Arc<AtomicU32>) {
    let mut step = 0;
    while !stop.load(Ordering::Relaxed) {
        say(&ledger::write(&db, run, task, step).await.expect("no write fails because of the clock"));
        writes.fetch_add(1, Ordering::Relaxed);
        step += 1;
    }
}

/// A read without an end is ended when its time is over, by the steady clock.
async fn ends_in_its_time(db: &Db) {
    let endless = "with recursive n (n) as (select 1 union all select n + 1 from n) select count(*) from n";
    let begun = Instant::now();
    let read = db.query_one::<i64>(endless, params! {});
    let ended = tokio::time::timeout(READ_TIME * 20, read).await.expect("an endless read is ended");
    assert_eq!(ended, Err(Error::Deadline));
    let took = begun.elapsed();
    assert!(took >= READ_TIME && took < READ_TIME * 10, "it was ended after {took:?}");
}

#[expect(clippy::disallowed_methods, reason = "the clock under test is the system's")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("not that late")
}

#[tokio::test]
async fn r6_a_wall_clock_that_jumps_harms_nothing() {
    let scratch = Scratch::new();
    let offset = scratch.path("offset");
    fs::write(&offset, "+0s").unwrap();
    let rounds = times(1, 20);
    let run = Run::new(database(scratch.as_ref()), 1, 8, 0);
    // The steady clock stays what it is; `faketime` sets the library up, and its own offset gives way to the file's.
    let words = ["faketime", "-m", "--exclude-monotonic", "-f", "+0s"];
    let mut words = words.map(str::to_owned).to_vec();
    words.extend(["sh", "-c", r#"unset FAKETIME; exec "$0" "$@""#].map(str::to_owned));
    let variables = vec![
        ("FAKETIME_TIMESTAMP_FILE", offset.display().to_string()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
    ];
    let task = Task::Clock(Jumps { run, offset, rounds });
    let lines = Started::under(&Under::Program(words, variables), &task).finish();
    let answered = Answered::of(&lines);
    check(&database(scratch.as_ref()), &answered).await.expect_all("after the clock has jumped");
    let jumps = JUMPS.map(|(jump, _)| jump);
    println!("R6: {rounds} times {jumps:?}: {} acknowledged writes, 0 failed, 0 lost", answered.len());
}
