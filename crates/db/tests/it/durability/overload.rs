//! R9, the database's half: five times the load that the writer can serve is refused at the queue, and costs little of
//! what can be served.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ketch_db::sqlite::Sqlite;
use ketch_db::{Db, Error};

use super::child::{Started, Task, database, say};
use super::ledger::{self, Answered, Run, check};
use super::{promised, times};
use crate::scratch::Scratch;

/// As many as are served without a refusal.
const CLIENTS: u32 = 32;
/// How many writes wait at most: one of each client, and some questions about health.
const QUEUE: usize = 36;
/// An answer to whether it is well.
const HEALTH: Duration = Duration::from_millis(100);
/// One turn.
const SLICE: Duration = Duration::from_millis(300);
/// What five times the load may take of memory.
const MEMORY: u64 = 64 << 20;

pub(super) async fn run(run: Run) {
    let mut options = run.options();
    options.write_queue = QUEUE;
    let db = Db::with_driver(Sqlite::open(&run.database, &options).expect("it opens"), &options);
    ledger::prepare(&db).await.expect("a fresh database takes its tables");
    let mut first = 0;
    let mut slice = async |clients: u32, patience: Duration| {
        let counts = load(&db, run.run, first, clients, patience).await;
        first += clients;
        counts
    };
    let (served, _) = slice(CLIENTS, SLICE).await;
    // Who is refused comes back after the time that a served one takes: so the load is five times what is served.
    let patience = SLICE * CLIENTS / u32::try_from(served.max(1)).expect("few");
    let memory = resident();
    let health = tokio::spawn(slowest_health(db.clone()));
    // In turns, so that what else the machine does meets both.
    let (mut peak, mut goodput, mut shed) = (0, 0, 0);
    for _ in 0..run.steps {
        let (served, refused) = slice(CLIENTS, patience).await;
        assert_eq!(refused, 0, "what fits is not refused");
        peak += served;
        let (served, refused) = slice(CLIENTS * 5, patience).await;
        goodput += served;
        shed += refused;
    }
    health.abort();
    let grown = resident().saturating_sub(memory);
    say(&format!("peak {peak} goodput {goodput} shed {shed} grown {grown}"));
    db.close().await;
}

/// Writes of so many clients for a while: how many were served and how many refused. Who is refused waits.
async fn load(db: &Db, run: u32, first: u32, clients: u32, patience: Duration) -> (u64, u64) {
    let counts = Arc::new((AtomicU64::new(0), AtomicU64::new(0)));
    let end = Instant::now() + SLICE;
    let mut tasks = tokio::task::JoinSet::new();
    for client in first..first + clients {
        let (db, counts) = (db.clone(), Arc::clone(&counts));
        tasks.spawn(async move {
            for step in 0.. {
                if Instant::now() >= end {
                    break;
                }
                match ledger::write(&db, run, client, step * 3 + 2).await {
                    Ok(answer) => {
                        counts.0.fetch_add(1, Ordering::Relaxed);
                        say(&answer);
                    }
                    Err(Error::Busy) => {
                        counts.1.fetch_add(1, Ordering::Relaxed);
                        tokio::time::sleep(patience).await;
                    }
                    Err(error) => panic!("too much load is told as {error:?}"),
                }
            }
        });
    }
    tasks.join_all().await;
    (counts.0.load(Ordering::Relaxed), counts.1.load(Ordering::Relaxed))
}

async fn slowest_health(db: Db) {
    loop {
        let asked = Instant::now();
        let health = db.health().await;
        assert!(matches!(health, Ok(()) | Err(Error::Busy)), "it is well or busy, not {health:?}");
        say(&format!("health {}", asked.elapsed().as_micros()));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The memory this process has taken for itself, in bytes; 0 where there is no procfs.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) << 10
}

#[tokio::test]
async fn r9_five_times_the_load_is_shed_at_the_queue() {
    let scratch = Scratch::new();
    let slices = u32::try_from(times(4, 80)).unwrap();
    let run = Run::new(database(scratch.as_ref()), 1, 0, slices);
    let lines = Started::new(&Task::Overload(run)).finish();
    let told = lines.iter().find(|line| line.starts_with("peak ")).unwrap();
    let figure = |name: &str| -> u64 {
        let (_, rest) = told.split_once(&format!("{name} ")).unwrap();
        rest.split(' ').next().unwrap().parse().unwrap()
    };
    let slowest = lines.iter().filter_map(|line| line.strip_prefix("health ")?.parse().ok()).max();
    let slowest = Duration::from_micros(slowest.expect("health was asked for"));
    let answered = Answered::of(&lines);
    check(&database(scratch.as_ref()), &answered).await.expect_all("under five times the load");
    println!(
        "R9: {slices} slices each: {told}, slowest health {slowest:?}, {} acknowledged, 0 lost",
        answered.len()
    );
    assert!(figure("goodput") as f64 >= 0.8 * figure("peak") as f64, "{told}");
    assert!(figure("shed") > 0, "five times the load cannot all be served");
    assert!(figure("grown") <= MEMORY, "{told}");
    assert!(slowest < promised(HEALTH), "health took {slowest:?}");
}
