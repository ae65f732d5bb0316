//! D2, D13: the process is killed after each call of a commit, a checkpoint, a backup and a change of the schema, and
//! within each long write. The rows are whole, no half file has a final name, the schema is the old one or the new one.
//! The same moments are power cuts too.

use std::fs;
use std::path::{Path, PathBuf};

use ketch_db::driver::{Change, Statement};
use ketch_db::sqlite::Sqlite;
use ketch_db::{Db, params};
use serde::{Deserialize, Serialize};

use super::child::{Started, Task, Under, database, say};
use super::disk::{Cut, Disk};
use super::ledger::{self, Answered, Run, check};
use super::record::{self, Call, Event};
use super::{Chance, times};
use crate::scratch::Scratch;

/// What the child does, in this order. It says when each begins and, as an answer, when it is done.
const PHASES: [&str; 5] = ["open", "commit", "checkpoint", "backup", "change"];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Steps {
    run: Run,
    backup: PathBuf,
}

pub(super) async fn run(steps: Steps) {
    let options = steps.run.options();
    say("begin open");
    let db = Db::with_driver(Sqlite::open(&steps.run.database, &options).expect("it opens"), &options);
    ledger::prepare(&db).await.expect("a fresh database takes its tables");
    say("begin commit");
    for step in 0..3 {
        say(&ledger::write(&db, 1, 0, step).await.expect("a healthy disk takes a write"));
    }
    say("begin checkpoint");
    let before = db.stats().checkpoints;
    for step in 0..300 {
        if db.stats().checkpoints > before {
            break;
        }
        say(&ledger::write(&db, 1, 1, step).await.expect("a healthy disk takes a write"));
    }
    assert!(db.stats().checkpoints > before, "there was no checkpoint");
    say("begin backup");
    db.backup(&steps.backup).await.expect("a healthy disk takes a backup");
    say("done backup");
    say("begin change");
    let change = Change {
        script: "create table boats (id integer primary key) strict;
                 alter table ledger add column note text;
                 create index by_task on ledger (task)"
            .into(),
        record: vec![
            Statement::new("create table versions (version integer)", params! {}),
            Statement::new("insert into versions values (:version)", params! { version: 2 }),
        ],
        in_transaction: true,
    };
    db.driver().expect("it is connected").change(change).await.expect("a healthy disk takes a change");
    say("done change");
    db.close().await;
}

/// A state of the disk and what had been said by then.
struct Judge {
    scratch: Scratch,
    backup: PathBuf,
    images: u64,
}

impl Judge {
    async fn judge(&mut self, disk: &Disk, cut: Cut, chance: &mut Chance, said: &[&str], what: &str) {
        self.images += 1;
        let image = self.scratch.path(&format!("image-{}", self.images));
        disk.cut(cut, chance, &image);
        let lines: Vec<String> = said.iter().map(|line| (*line).to_owned()).collect();
        let answered = Answered::of(&lines);
        let what = format!("{what}, {cut:?}");
        check(&database(&image), &answered).await.expect_all(&what);
        let changed = said.contains(&"done change");
        let schema = schema(&database(&image));
        assert!(
            schema == [true; 3] || (schema == [false; 3] && !changed),
            "{what}: the schema is {schema:?}"
        );
        let backup = image.join(self.backup.file_name().expect("a name"));
        let asked = said.contains(&"begin backup");
        assert!(asked || !backup.exists(), "{what}: a backup nobody asked for");
        if said.contains(&"done backup") {
            assert!(backup.exists(), "{what}: the backup is gone");
        }
        // What is copied is what was answered before the copy began.
        if backup.exists() && !said.contains(&"begin change") {
            check(&backup, &answered).await.expect_all(&format!("{what}, the backup"));
        }
        fs::remove_dir_all(&image).expect("an image can go");
    }
}

/// Whether each of three parts of the change is there.
#[expect(clippy::disallowed_methods, reason = "the judge does not share the engine's connections")]
fn schema(database: &Path) -> [bool; 3] {
    let connection = rusqlite::Connection::open(database).expect("it opens");
    let has = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, bool>(0)).expect("a count");
    [
        has("select count(*) from sqlite_schema where name = 'boats'"),
        has("select count(*) from pragma_table_info('ledger') where name = 'note'"),
        has("select count(*) from sqlite_schema where name = 'versions'")
            && has("select count(*) from versions where version = 2"),
    ]
}

#[tokio::test]
async fn d2_d13_a_process_killed_after_any_call_leaves_everything_whole() {
    let scratch = Scratch::new();
    let (root, file) = (scratch.path("disk"), scratch.path("record"));
    fs::create_dir(&root).unwrap();
    let backup = root.join("copy.db");
    let mut run = Run::new(database(&root), 1, 1, 1);
    run.checkpoint_at = 96 << 10;
    let task = Task::Steps(Steps { run, backup: backup.clone() });
    Started::under(&Under::record(&file), &task).finish();
    let events = record::read(&file, &root);
    let mut judge = Judge { scratch, backup, images: 0 };
    let mut disk = Disk::new(&root);
    let mut calls = [0; PHASES.len()];
    let (mut said, mut phase) = (Vec::new(), 0);
    for (at, event) in events.iter().enumerate() {
        if let Call::Said { text } = &event.call {
            said.push(text.trim_end());
            phase = PHASES
                .iter()
                .position(|name| text.trim_end().strip_prefix("begin ") == Some(name))
                .unwrap_or(phase);
            continue;
        }
        let what = format!("{}: call {at}: {}", PHASES[phase], shown(event));
        calls[phase] += 1;
        if let Some(half) = half(event) {
            let mut torn = disk.clone();
            torn.apply(&half);
            judge.judge(&torn, Cut::Everything, &mut Chance::of(0), &said, &format!("{what}, half")).await;
        }
        disk.apply(event);
        judge.judge(&disk, Cut::Everything, &mut Chance::of(0), &said, &what).await;
        for seed in 0..times(1, 20) {
            let mut chance = Chance::of(u64::try_from(at).unwrap() * 100 + seed);
            let cut = [Cut::Nothing, Cut::InOrder, Cut::Shuffled][chance.up_to(2)];
            judge.judge(&disk, cut, &mut chance, &said, &what).await;
        }
    }
    assert!(calls.iter().all(|calls| *calls > 3), "every phase does something: {calls:?}");
    println!("D2, D13: calls of {PHASES:?}: {calls:?}, all of them; {} states of the disk", judge.images);
}

/// A kill may come between two pages of one write.
fn half(event: &Event) -> Option<Event> {
    let Call::Write { path, at: Some(at), bytes } = &event.call else { return None };
    let left = usize::try_from(4096 - at % 4096).expect("less than a page");
    (left < bytes.len()).then(|| Event {
        begun: event.begun,
        ended: event.ended,
        call: Call::Write { path: path.clone(), at: Some(*at), bytes: bytes[..left].to_vec() },
    })
}

fn shown(event: &Event) -> String {
    match &event.call {
        Call::Write { path, at, bytes } => format!("write {} at {at:?}, {}", path.display(), bytes.len()),
        other => format!("{other:?}"),
    }
}
