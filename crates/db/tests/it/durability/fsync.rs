//! D4: an fsync fails. What waited for it is not acknowledged, nothing is written any more until the database is opened
//! again, and reads go on. What is acknowledged afterwards survives a power cut, although the system takes for written
//! what it failed to write.

use std::fs;

use ketch_db::sqlite::Sqlite;
use ketch_db::{Db, Options, params};

use super::Chance;
use super::child::{Started, Task, Under, database, say};
use super::disk::{Cut, Disk};
use super::ledger::{self, Answered, Run, check};
use super::record::{self, Call};
use crate::scratch::Scratch;

pub(super) async fn run(run: Run) {
    let options = run.options();
    let db = opened(&run, &options).await;
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
    db.close().await;
    drop(db);
    say("again");
    let db = opened(&run, &options).await;
    ledger::burst(&db, &Run { run: run.run + 1, ..run.clone() }).await;
    say("over");
    // Not closed: what comes last is not tidied up.
    std::mem::forget(db);
}

/// A start that fails is tried again, as whoever runs the server would.
async fn opened(run: &Run, options: &Options) -> Db {
    for _ in 0..3 {
        match Sqlite::open(&run.database, options) {
            Ok(driver) => {
                let db = Db::with_driver(driver, options);
                match ledger::prepare(&db).await {
                    Ok(()) => return db,
                    Err(error) => say(&format!("failed {error:?}")),
                }
                db.close().await;
            }
            Err(error) => say(&format!("refused {error:?}")),
        }
    }
    panic!("it does not open");
}

#[tokio::test]
async fn d4_what_waits_for_an_fsync_that_fails_is_never_acknowledged() {
    let (mut broken, mut refused, mut writes) = (0, 0, 0);
    let all = [1, 2, 3, 4, 5, 7, 9, 12, 16, 20, 25, 30, 40];
    for when in all {
        let scratch = Scratch::new();
        let (root, file) = (scratch.path("disk"), scratch.path("record"));
        fs::create_dir(&root).unwrap();
        let mut run = Run::new(database(&root), 1, 8, 12);
        run.checkpoint_at = 64 << 10;
        let Under::Strace(mut words) = Under::record(&file) else { unreachable!() };
        words.extend(["-e".to_owned(), format!("inject=fsync,fdatasync:error=EIO:when={when}")]);
        let lines = Started::under(Under::Strace(words), &Task::Fsync(run.clone())).finish();
        let what = format!("fsync {when} of each thread");
        assert_told(&lines, &what);
        broken += lines.iter().filter(|line| line.starts_with("failed Broken")).count();
        refused += lines.iter().filter(|line| line.starts_with("refused ")).count();
        let answered = Answered::of(&lines);
        writes += answered.len();

        let events = record::read(&file, &root);
        let failed = events.iter().filter(|event| matches!(event.call, Call::SyncFailed { .. })).count();
        assert!(failed > 0 || when > 20, "{what}: none failed");
        let over = |call: &Call| matches!(call, Call::Said { text } if text == "over\n");
        let over = events.iter().position(|event| over(&event.call)).unwrap();
        let mut disk = Disk::new(&root);
        events[..over].iter().for_each(|event| disk.apply(event));
        for (name, cut) in [("nothing", Cut::Nothing), ("everything", Cut::Everything)] {
            let image = scratch.path(name);
            disk.cut(cut, &mut Chance::of(when), &image);
            check(&database(&image), &answered).await.expect_all(&format!("{what}, then {cut:?}"));
        }
    }
    assert!(broken > 0, "some fsync was a commit's");
    println!(
        "D4: fsyncs {all:?} of each thread failed: {broken} writes refused, {refused} starts refused, {writes} \
         acknowledged, 0 lost"
    );
}

/// Once a write is refused as broken, all are, until it is opened again; then none is.
fn assert_told(lines: &[String], what: &str) {
    let at = |word: &str| lines.iter().position(|line| line == word).unwrap();
    let (afterwards, again) = (at("afterwards"), at("again"));
    for line in lines.iter().filter(|line| line.starts_with("failed ")) {
        assert!(line.starts_with("failed Broken"), "{what}: {line}");
    }
    let later = &lines[afterwards + 1..again];
    let fails = |line: &&String| line.starts_with("failed ");
    let refused_now = later.iter().filter(fails).count();
    let refused_before = lines[..afterwards].iter().filter(fails).count();
    let opened = lines[..afterwards].iter().any(|line| line.starts_with("row "));
    if refused_before > 0 && opened {
        assert_eq!(refused_now, 6, "{what}: a write went through after a failed fsync: {lines:#?}");
        assert!(later.iter().any(|line| line.starts_with("health Err")), "{what}: {later:?}");
    }
    assert!(later.iter().any(|line| line == "read true"), "{what}: reads go on: {later:?}");
}
