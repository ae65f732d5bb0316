//! Real processes: this test binary, started again with what it is to do in its environment.

use std::io::Read as _;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use ketch_db::{Db, params};
use ketch_jobs::{Options, Running, Schedule};
use ketch_testkit::postgres::Postgres as Server;
use serde::{Deserialize, Serialize};

use super::{Tick, clock, open, pulse, start};

const ASKED: &str = "KETCH_TEST_RECURRENT_CHILD";

/// A process that takes longer hangs.
const TOO_LONG: Duration = Duration::from_secs(120);

/// What a process is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Task {
    /// Works on the queue at this URL until nobody holds its standard input any more.
    Work(String),
    /// Sets its clock while it works.
    Clock(clock::Jumps),
}

/// Does nothing in an ordinary run; in the child it is the whole program.
#[test]
#[expect(clippy::disallowed_methods, reason = "the child is told what it is by its environment")]
fn works_when_asked() {
    let Ok(asked) = std::env::var(ASKED) else { return };
    let task = serde_json::from_str(&asked).expect("a task as `Task` is written");
    std::thread::spawn(|| {
        std::thread::sleep(TOO_LONG);
        eprintln!("the child hangs, after {TOO_LONG:?}");
        std::process::abort();
    });
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime starts").block_on(async {
        match task {
            Task::Work(url) => {
                let running = work(&open(&url).await).await;
                let end = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
                end.await.expect("a thread waits").expect("the parent is there or not");
                running.stop(Duration::from_secs(10)).await;
            }
            Task::Clock(jumps) => clock::run(jumps).await,
        }
    });
}

/// Enqueues two schedules by the machine's clock.
pub(super) async fn work(db: &Db) -> Running {
    let mut options = Options::default();
    options.keep_done = Duration::from_hours(24 * 3_650);
    let jobs = ketch_jobs::Jobs::new(db.clone());
    assert!(jobs.configure(options));
    start(&jobs, [pulse(), Schedule::cron("second", "* * * * * *", &Tick).zone("Europe/Berlin")]).await
}

/// Starts a process under a program, which runs the rest of its arguments.
#[expect(clippy::disallowed_methods, reason = "the child is this test binary itself")]
pub(super) fn process(under: &[&str], variables: &[(&str, String)], task: &Task) -> Child {
    let me = std::env::current_exe().expect("this program has a path").display().to_string();
    let test = "recurrent::processes::works_when_asked";
    let words: Vec<&str> = under
        .iter()
        .copied()
        .chain([me.as_str(), "--exact", test, "--nocapture", "--test-threads=1"])
        .collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).envs(variables.iter().map(|(name, value)| (name, value)));
    command.env(ASKED, serde_json::to_string(task).expect("a task can be written"));
    let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    child.unwrap_or_else(|error| {
        panic!("{command:?}: {error}; `cargo xtask test` installs what is missing, or says how")
    })
}

/// Ends a process; what it said, and whether it ended well. One that `faketime` started is not that program itself, so
/// it is not killed.
pub(super) fn said(mut child: Child) -> (bool, String) {
    drop(child.stdin.take());
    let Output { status, stderr, .. } = child.wait_with_output().expect("a child can be waited for");
    (status.success(), String::from_utf8_lossy(&stderr).into_owned())
}

/// The slots of a schedule in seconds since 1970, in their order.
pub(super) async fn seconds(db: &Db, schedule: &'static str) -> Vec<i64> {
    let sql = "select slot / 1000 as slot from job_queue where schedule = :schedule order by slot";
    db.query(sql, params! { schedule }).await.expect("a table of the queue")
}

/// Waits until this many slots more were enqueued.
pub(super) async fn more(db: &Db, schedule: &'static str, count: usize) {
    let before = seconds(db, schedule).await.len();
    let begun = tokio::time::Instant::now();
    while seconds(db, schedule).await.len() < before + count {
        assert!(begun.elapsed() < TOO_LONG / 4, "{count} slots of {schedule} do not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn two_processes_on_postgresql_with_clocks_apart_run_each_slot_once() {
    let url = Server::shared().fresh();
    let db = open(&url).await;
    let mut first = process(&[], &[], &Task::Work(url.clone()));
    // Its clock is two seconds ahead: it is first at every slot. The steady clock stays what it is.
    let ahead = ["faketime", "-m", "--exclude-monotonic", "-f", "+2s"];
    let second = process(&ahead, &[], &Task::Work(url.clone()));
    more(&db, "pulse", 4).await;
    // One goes, another comes.
    first.kill().expect("a child can be killed");
    let third = process(&[], &[], &Task::Work(url));
    more(&db, "pulse", 4).await;
    let (well, second) = said(second);
    assert!(well, "the second said:\n{second}");
    more(&db, "pulse", 3).await;
    let (well, third) = said(third);
    assert!(well, "the third said:\n{third}");
    let (_killed, first) = said(first);
    for (name, said) in [("the first", first), ("the second", second), ("the third", third)] {
        // A runner that was killed is missed by others, and a busy database says that a write took long.
        assert!(!said.contains("ERROR") && !said.contains("ketch_jobs::recur"), "{name} said:\n{said}");
    }
    let late = "select created_at - slot from job_queue order by created_at - slot";
    let late: Vec<i64> = db.query(late, params! {}).await.expect("numbers");
    println!("late by {} ms in the middle, {} ms at most", late[late.len() / 2], late[late.len() - 1]);
    for schedule in ["pulse", "second"] {
        let slots = seconds(&db, schedule).await;
        let (first, last) = (slots[0], *slots.last().expect("there are some"));
        let all: Vec<i64> = (first..=last).collect();
        assert_eq!(slots, all, "each second once, and none left out");
    }
}
