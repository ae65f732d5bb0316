//! D5: the disk is full. Writes are refused as such, reads go on, and when there is room again writes do too, without a
//! restart.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ketch_db::sqlite::Sqlite;
use ketch_db::{Db, Error, params};

use super::child::{Started, Task, Under, database, say};
use super::ledger::{self, Answered, Run, check};
use super::{promised, times};
use crate::scratch::Scratch;

/// From room on the disk to the next answered write.
const RESUME: Duration = Duration::from_secs(1);

/// Writes until there is no room, three times over; all of it on a small disk that only this process sees.
pub(super) async fn run(run: Run) {
    let options = run.options();
    let db = Db::with_driver(Sqlite::open(&run.database, &options).expect("it opens"), &options);
    ledger::prepare(&db).await.expect("there is room for the tables");
    let filler = run.database.with_file_name("filler");
    let mut answered = Answered::default();
    let (mut step, mut acknowledged) = (0, 0);
    for round in 0..run.steps {
        fill(&filler);
        let watch = Reads::start(&db);
        let mut refused = 0;
        while refused < 20 {
            step += 1;
            refused += several(&db, run.run, step, &mut answered).await;
        }
        std::fs::remove_file(&filler).expect("the filler can go");
        let freed = Instant::now();
        while several(&db, run.run, step + 1, &mut answered).await > 0 {
            step += 1;
        }
        step += 1;
        let took = freed.elapsed();
        let reads = watch.stop().await;
        say(&format!("round {round}: {refused} refused, {reads} reads, writes again after {took:?}"));
        assert!(took < promised(RESUME), "writes went on after {took:?}");
        let marks: Vec<String> = db.query("select mark from marks", params! {}).await.expect("reads go on");
        acknowledged += answered.len();
        answered.expect_marks(&marks);
        if round + 1 == run.steps {
            break;
        }
        db.write_alone(|tx| tx.execute("delete from marks", params! {})).await.expect("there is room");
        answered = Answered::default();
        // Empties the log, so that there is room for the next filler.
        let driver = db.driver().expect("it is connected");
        let sqlite = driver.as_any().downcast_ref::<Sqlite>().expect("it is SQLite");
        sqlite.reopen().await.expect("there is room");
    }
    db.close().await;
    drop(db);
    check(&run.database, &answered).await.expect_all("after the disk was full");
    say(&format!("acknowledged {acknowledged}"));
}

/// Takes a megabyte, or what there is.
fn fill(filler: &Path) {
    let mut file = std::fs::File::create(filler).expect("there is room for a name");
    let mut pieces = 0;
    while pieces < 64 && file.write_all(&[1; 16 << 10]).is_ok() {
        pieces += 1;
    }
    assert!(pieces > 8, "there is room for the filler");
}

/// Eight writes at a time; how many were refused because the disk is full. Nothing else may happen to them.
async fn several(db: &Db, run: u32, step: u32, answered: &mut Answered) -> usize {
    let writes = (0..8).map(|task| ledger::write(db, run, task, step * 3 + 2));
    let mut refused = 0;
    for done in futures_util::future::join_all(writes).await {
        match done {
            Ok(answer) => assert!(answered.note(&answer)),
            Err(Error::Full) => refused += 1,
            Err(error) => panic!("a full disk is told as {error:?}"),
        }
    }
    refused
}

/// Reads again and again, beside what else happens.
struct Reads {
    stop: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Reads {
    fn start(db: &Db) -> Self {
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (db, until, reads) = (db.clone(), Arc::clone(&stop), Arc::clone(&count));
        let task = tokio::spawn(async move {
            while !until.load(Ordering::Relaxed) {
                let read = db.query_one::<i64>("select count(*) from marks", params! {}).await;
                read.expect("reads go on when the disk is full");
                reads.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        Self { stop, count, task }
    }

    async fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("reads go on when the disk is full");
        self.count.load(Ordering::Relaxed)
    }
}

#[test]
fn d5_a_full_disk_refuses_writes_and_heals_by_itself() {
    let scratch = Scratch::new();
    let rounds = u32::try_from(times(3, 60)).unwrap();
    let run = Run::new(database(scratch.as_ref()), 1, 8, rounds);
    let lines = Started::under(&small_disk(scratch.as_ref()), &Task::Full(run)).finish();
    let told: Vec<_> = lines.iter().filter(|line| line.starts_with("round ")).collect();
    assert_eq!(told.len(), usize::try_from(rounds).unwrap());
    let acknowledged = lines.iter().find_map(|line| line.strip_prefix("acknowledged ")).unwrap();
    println!("D5: {rounds} times full: {}; {acknowledged} acknowledged, 0 lost", told[0]);
}

/// A disk of 8 MiB at this path, for one process only. It needs root, or a system that lets users have name spaces.
fn small_disk(at: &Path) -> Under {
    let root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").expect("procfs")) == 0;
    let alone = if root { vec!["--mount"] } else { vec!["--map-root-user", "--mount"] };
    let mount = r#"mount -t tmpfs -o size=8m tmpfs "$0" && exec "$@""#;
    let mut words = vec!["unshare"];
    words.extend(alone);
    words.extend(["sh", "-c", mount]);
    let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
    words.push(PathBuf::from(at).display().to_string());
    Under::Program(words, Vec::new())
}
