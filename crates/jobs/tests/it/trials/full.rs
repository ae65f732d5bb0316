//! The disk is full while jobs run: the runner waits, and goes on when there is room. No job is lost or done twice.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ketch_db::{Db, Error, params};
use ketch_jobs::Jobs;
use ketch_testkit::Scratch;
use serde::{Deserialize, Serialize};

use super::child::{Task, say};
use super::evidence::Evidence;
use super::ground::Ground;
use super::troop::Troop;
use super::work::{Cancels, Enqueues, Mix, Seen, Starts, Work, enqueue, left, start};
use super::{promised, times};

/// From room on the disk to the next job that is done: a tick of a second, and the write.
const RESUME: Duration = Duration::from_secs(3);

/// How long the disk stays full.
const FULL: Duration = Duration::from_millis(1_500);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Fills {
    work: Work,
    filler: PathBuf,
    rounds: i64,
}

/// All of it on a small disk that only this process sees.
pub(super) async fn run(fills: Fills) {
    let db = fills.work.ground.open().await;
    let jobs = Jobs::new(db.clone());
    let seen = Seen::new(Starts::Counted);
    let running = start(&jobs, &fills.work, &seen).await;
    let enqueues = fills.work.enqueues.clone().expect("jobs to enqueue");
    let enqueuing = tokio::spawn({
        let (db, jobs) = (db.clone(), jobs.clone());
        async move { enqueue(&db, &jobs, &enqueues).await }
    });
    let mut slowest = Duration::ZERO;
    for _ in 0..fills.rounds {
        tokio::time::sleep(Duration::from_millis(300)).await;
        fill(&db, &fills.filler).await;
        tokio::time::sleep(FULL).await;
        let before = done(&db).await;
        std::fs::remove_file(&fills.filler).expect("the filler can go");
        let freed = Instant::now();
        while done(&db).await == before && left(&db).await > 0 {
            assert!(freed.elapsed() < RESUME * 10, "jobs go on when there is room");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        slowest = slowest.max(freed.elapsed());
    }
    let acked = enqueuing.await.expect("what is refused for now is tried again");
    while left(&db).await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for runner in running {
        runner.stop(Duration::from_secs(10)).await;
    }
    let evidence = Evidence::gathered(&db, &acked).await;
    evidence.expect_kept("after the disk was full");
    assert!(slowest < promised(RESUME), "jobs went on after {slowest:?}");
    let again = evidence.attempts - evidence.wanted;
    say(&format!(
        "{} jobs, {again} begun again, 0 lost, 0 twice, went on after {slowest:?}",
        evidence.wanted
    ));
    db.close().await;
}

/// Jobs that are done; reads go on when the disk is full.
async fn done(db: &Db) -> i64 {
    let sql = "select count(*) as n from job_queue where status = 'done'";
    db.query_one(sql, params! {}).await.expect("reads go on")
}

/// Takes what there is of room, until writes are refused.
async fn fill(db: &Db, filler: &Path) {
    let mut file = std::fs::File::create(filler).expect("there is room for a name");
    for _ in 0..10_000 {
        while file.write_all(&[1; 4 << 10]).is_ok() {}
        match db.execute("insert into ballast (filler) values ('')", params! {}).await {
            Ok(_) => {}
            Err(Error::Full) => return,
            Err(error) => panic!("a full disk is told as {error:?}"),
        }
    }
    panic!("the disk is never full");
}

#[test]
fn a_full_disk_holds_jobs_up_and_loses_none() {
    let (scratch, rounds) = (Scratch::new(), times(2, 20));
    let disk = scratch.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let ground = Ground::small_file(&disk, 2 << 20);
    let enqueues = Enqueues { rest: 30, ..Enqueues::new(1, rounds * 1_500, Mix::All) };
    let work = Work {
        ground,
        runners: 2,
        limit: 8,
        enqueues: Some(enqueues),
        starts: Starts::Counted,
        cancels: Cancels::None,
    };
    let mut troop = Troop::new();
    let task = Task::Full(Fills { work, filler: disk.join("filler"), rounds });
    let child = troop.start_under(&small_disk(&disk), &[], &task);
    let mut told = String::new();
    troop.finish(child, |line| {
        told.extend(line.text.as_deref().filter(|text| text.contains("went on after")));
    });
    println!("full disk: {rounds} times {FULL:?}: {told}");
}

/// A disk of 16 MiB at this path, for one process only. It needs root, or a system that lets users have name spaces.
fn small_disk(at: &Path) -> Vec<String> {
    let root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").expect("procfs")) == 0;
    let alone = if root { vec!["--mount"] } else { vec!["--map-root-user", "--mount"] };
    let mount = r#"mount -t tmpfs -o size=16m tmpfs "$0" && exec "$@""#;
    let mut words = vec!["unshare"];
    words.extend(alone);
    words.extend(["sh", "-c", mount]);
    let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
    words.push(at.display().to_string());
    words
}
