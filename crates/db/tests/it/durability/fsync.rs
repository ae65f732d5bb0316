//! D4: an fsync fails. What waited for it is not acknowledged, nothing is written any more until the database is opened
//! again, and reads go on. What is acknowledged afterwards, by the same process or the next, survives a power cut,
//! although the system takes for written what it failed to write.

use std::fs;
use std::path::Path;

use ketch_db::driver::Change;
use ketch_db::sqlite::Sqlite;
use ketch_db::{Db, Error, Options, params};

use super::Chance;
use super::child::{Started, Task, Under, database, say};
use super::disk::{Cut, Disk};
use super::ledger::{self, Answered, Run, check};
use super::record::{self, Call, Event};
use crate::scratch::Scratch;

/// Every thread has its own count, so a few come to their N-th more than once in the run.
const TRIES: u32 = 6;

pub(super) async fn run(run: Run) {
    let options = run.options();
    let db = opened(&run.database, &options);
    for _ in 0..TRIES {
        match ledger::prepare(&db).await {
            Ok(()) => break,
            Err(error) => say(&format!("failed {error:?}")),
        }
        let _or_not = reopen(&db).await;
    }
    say("burst");
    if let Err(error) = change(&db).await {
        say(&format!("failed {error:?}"));
    }
    ledger::burst(&db, &run).await;
    say("afterwards");
    for step in 0..6 {
        match ledger::write(&db, run.run, 1_000, step).await {
            Ok(answer) => say(&answer),
            Err(error) => say(&format!("failed {error:?}")),
        }
    }
    say(&format!("health {:?}", db.health().await));
    let read = db.query_one::<i64>("select count(*) from ledger", params! {}).await;
    say(&format!("read {}", read.is_ok()));
    say("again");
    match reopen(&db).await {
        Reopened::Yes => ledger::burst(&db, &Run { run: run.run + 1, ..run }).await,
        Reopened::Restart => say("restart"),
    }
    // Not closed: what comes last is not tidied up.
    std::mem::forget(db);
}

/// A change of the schema is committed by the same thread.
async fn change(db: &Db) -> Result<(), Error> {
    let script = "create table if not exists changed (id integer primary key)".into();
    db.driver()?.change(Change { script, record: Vec::new(), in_transaction: true }).await
}

/// A start that fails is tried again, as whoever runs the server would.
fn opened(database: &Path, options: &Options) -> Db {
    for _ in 0..TRIES {
        match Sqlite::open(database, options) {
            Ok(driver) => return Db::with_driver(driver, options),
            Err(error) => say(&format!("refused {error:?}")),
        }
    }
    panic!("it does not open");
}

/// What came of opening it again.
enum Reopened {
    Yes,
    /// A checkpoint failed: only another process may go on.
    Restart,
}

async fn reopen(db: &Db) -> Reopened {
    let driver = db.driver().expect("it is connected");
    let sqlite = driver.as_any().downcast_ref::<Sqlite>().expect("it is SQLite");
    for _ in 0..TRIES {
        match sqlite.reopen().await {
            Ok(()) => return Reopened::Yes,
            Err(Error::Open(why)) if why.contains("restart it") => return Reopened::Restart,
            Err(error @ (Error::Broken(_) | Error::Open(_))) => say(&format!("refused {error:?}")),
            Err(error) => panic!("a disk that failed is told as {error:?}"),
        }
    }
    panic!("it does not open again");
}

#[tokio::test]
async fn d4_what_waits_for_an_fsync_that_fails_is_never_acknowledged() {
    let (mut broken, mut refused, mut writes, mut failed, mut cuts) = (0, 0, 0, 0, 0);
    let mut restarts = 0;
    let all = [1, 2, 3, 4, 5, 7, 9, 12, 16, 20, 25, 30, 40];
    for when in all {
        let what = format!("fsync {when} of each thread");
        let scratch = Scratch::new();
        let root = scratch.path("disk");
        fs::create_dir(&root).unwrap();
        let mut run = Run::new(database(&root), 1, 8, 12);
        run.checkpoint_at = 64 << 10;

        let Under::Strace(mut words) = Under::record(&scratch.path("first")) else { unreachable!() };
        words.extend(["-e".to_owned(), format!("inject=fsync,fdatasync:error=EIO:when={when}")]);
        let mut lines = Started::under(&Under::Strace(words), &Task::Fsync(run.clone())).finish();
        assert_told(&lines, &what);
        broken += lines.iter().filter(|line| line.starts_with("failed ")).count();
        restarts += lines.iter().filter(|line| *line == "restart").count();
        refused += lines.iter().filter(|line| line.starts_with("refused ")).count();
        // The next process has a disk that works.
        run.run += 2;
        let next = Started::under(&Under::record(&scratch.path("next")), &Task::Ledger(run)).finish();
        assert!(!next.iter().any(|line| line.starts_with("failed ")), "{what}: the next process: {next:?}");
        writes += Answered::of(&lines).len() + Answered::of(&next).len();

        let first = record::read(&scratch.path("first"), &root);
        failed += first.iter().filter(|event| matches!(event.call, Call::SyncFailed { .. })).count();
        let next = record::read(&scratch.path("next"), &root);
        lines.retain(|line| Answered::default().note(line));
        cuts += cut(&scratch, &root, &[first, next], lines, &what).await;
    }
    assert!(broken > 0 && failed > all.len(), "{broken} writes, {failed} fsyncs");
    assert!(restarts < all.len(), "where no checkpoint failed the process goes on");
    println!(
        "D4: fsyncs {all:?} of each thread, {failed} in all, failed: {broken} writes and {refused} starts refused, \
         {restarts} processes that a restart had to follow, {writes} acknowledged, 0 of them lost in {cuts} power cuts"
    );
}

/// Cuts the power now and then while the next process runs, and after its last answer; how often.
async fn cut(
    scratch: &Scratch,
    root: &Path,
    records: &[Vec<Event>; 2],
    mut answered: Vec<String>,
    what: &str,
) -> u64 {
    let mut disk = Disk::new(root);
    records[0].iter().for_each(|event| disk.apply(event));
    let offset = records[0].last().expect("something happened").ended + 1;
    let (mut answers, mut cuts) = (0, 0);
    let all = records[1].iter().filter(|event| is_answer(event)).count();
    for event in &records[1] {
        let event = event.after(offset);
        if let (Call::Said { text }, true) = (&event.call, is_answer(&event)) {
            answered.push(text.trim_end().to_owned());
            answers += 1;
            if answers % 24 == 1 || answers == all {
                cuts += 1;
                let image = scratch.path(&format!("image-{cuts}"));
                disk.cut(Cut::Nothing, &mut Chance::of(0), &image);
                let found = check(&database(&image), &Answered::of(&answered)).await;
                found.expect_all(&format!("{what}, and a power cut at answer {answers} of the next process"));
            }
        }
        disk.apply(&event);
    }
    cuts
}

fn is_answer(event: &Event) -> bool {
    matches!(&event.call, Call::Said { text } if Answered::default().note(text.trim_end()))
}

/// Once a write is refused as broken, all are, until it is opened again.
fn assert_told(lines: &[String], what: &str) {
    let at = |word: &str| lines.iter().position(|line| line == word).expect("the child says it");
    let (burst, afterwards, again) = (at("burst"), at("afterwards"), at("again"));
    for line in lines.iter().filter(|line| line.starts_with("failed ")) {
        assert!(line.starts_with("failed Broken"), "{what}: {line}");
    }
    let refused = |lines: &[String]| lines.iter().filter(|line| line.starts_with("failed ")).count();
    let later = &lines[afterwards..again];
    if refused(&lines[burst..afterwards]) > 0 {
        assert_eq!(refused(later), 6, "{what}: a write went through after a failed fsync: {lines:#?}");
        assert!(later.iter().any(|line| line.starts_with("health Err")), "{what}: {later:?}");
    }
    assert!(later.iter().any(|line| line == "read true"), "{what}: reads go on: {later:?}");
}
