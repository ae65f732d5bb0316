//! Rows that prove themselves: what is written, what was answered, and what must be there afterwards.
//!
//! The ledger is a chain: each row holds the hash of all before it, so that a hole shows. A row's text follows from who
//! wrote it, so that half a row shows. Lines refer to their row, so that half a transaction shows. Every third write is
//! a mark: one statement without a closure.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ketch_db::sqlite::Sqlite;
use ketch_db::{Db, Durability, Options, Result, Tx, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::child::say;

const SCHEMA: [&str; 3] = [
    "create table if not exists ledger (
       n integer primary key, run integer not null, task integer not null, step integer not null,
       body text not null, chain text not null) strict",
    "create table if not exists lines (
       ledger integer not null references ledger (n), line integer not null, body text not null,
       primary key (ledger, line)) strict",
    "create table if not exists marks (mark text primary key, filler text not null) strict",
];

/// A burst of writes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) database: PathBuf,
    /// Tells the rows of this run from those of others.
    pub(super) run: u32,
    /// How many write at the same time.
    pub(super) tasks: u32,
    /// How many writes each does.
    pub(super) steps: u32,
    /// Whether a power cut may take the last moments.
    pub(super) normal: bool,
    /// [`Options::checkpoint_at`]; small, so that checkpoints come in between.
    pub(super) checkpoint_at: u64,
}

impl Run {
    pub(super) fn new(database: PathBuf, run: u32, tasks: u32, steps: u32) -> Self {
        Self { database, run, tasks, steps, normal: false, checkpoint_at: 256 << 10 }
    }

    pub(super) fn options(&self) -> Options {
        let mut options = Options::default();
        options.durability = if self.normal { Durability::Normal } else { Durability::Full };
        options.checkpoint_at = self.checkpoint_at;
        options
    }
}

/// Opens the database, makes the tables, and writes. Says `ready` after the first answered write, and every answer.
pub(super) async fn run(run: Run) {
    let options = run.options();
    let db = Db::with_driver(Sqlite::open(&run.database, &options).expect("it opens"), &options);
    prepare(&db).await.expect("a fresh database takes its tables");
    say("ready");
    burst(&db, &run).await;
    db.close().await;
}

/// Makes the tables, if they are not there.
pub(super) async fn prepare(db: &Db) -> Result<()> {
    db.batch(SCHEMA.map(|sql| (sql, params! {}))).await.map(|_| ())
}

/// Writes from many tasks at a time, and says what is answered.
pub(super) async fn burst(db: &Db, run: &Run) {
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..run.tasks {
        let (db, run) = (db.clone(), run.clone());
        tasks.spawn(async move {
            for step in 0..run.steps {
                match write(&db, run.run, task, step).await {
                    Ok(answer) => say(&answer),
                    Err(error) => say(&format!("failed {error:?}")),
                }
            }
        });
    }
    tasks.join_all().await;
}

/// One write, and how it is noted.
pub(super) async fn write(db: &Db, run: u32, task: u32, step: u32) -> Result<String> {
    if step % 3 == 2 {
        let mark = format!("{run}-{task}-{step}");
        let filler = body(run, task, step);
        let sql = "insert into marks (mark, filler) values (:mark, :filler) returning mark";
        let mark: String = db.query_one(sql, params! { mark: mark, filler: filler }).await?;
        return Ok(format!("mark {mark}"));
    }
    let (n, chain) = db.write(move |tx| append(tx, run, task, step)).await?;
    Ok(format!("row {n} {chain}"))
}

fn append(tx: &mut Tx<'_>, run: u32, task: u32, step: u32) -> Result<(i64, String)> {
    let last: Option<(i64, String)> =
        tx.query_opt("select n, chain from ledger order by n desc limit 1", params! {})?;
    let (n, before) = last.map_or((1, String::new()), |(n, chain)| (n + 1, chain));
    let body = body(run, task, step);
    let chain = link(&before, n, &body);
    tx.execute(
        "insert into ledger (n, run, task, step, body, chain) values (:n, :run, :task, :step, :body, :chain)",
        params! { n, run: i64::from(run), task: i64::from(task), step: i64::from(step), body: &body, chain: &chain },
    )?;
    for line in 0..i64::from(step % 3) {
        tx.execute(
            "insert into lines (ledger, line, body) values (:n, :line, :body)",
            params! { n, line, body: &body },
        )?;
    }
    Ok((n, chain))
}

/// The text of a row: it names the row again and again, 20 bytes to three pages.
pub(super) fn body(run: u32, task: u32, step: u32) -> String {
    let word = format!("<{run}-{task}-{step}>");
    let length = match (task + step) % 8 {
        0 => 12_000,
        1 => 4_000,
        odd => 20 + odd as usize * 60,
    };
    word.repeat(length.div_ceil(word.len()))
}

fn link(before: &str, n: i64, body: &str) -> String {
    let hash = Sha256::new().chain_update(before).chain_update(n.to_le_bytes()).chain_update(body).finalize();
    hash[..12].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What was answered, in a child's lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Answered(HashSet<String>);

impl Answered {
    /// Notes a line; whether it was an answer.
    pub(super) fn note(&mut self, line: &str) -> bool {
        let answer = line.starts_with("row ") || line.starts_with("mark ");
        if answer {
            let fresh = self.0.insert(line.to_owned());
            assert!(fresh, "answered twice: {line}");
        }
        answer
    }

    pub(super) fn of(lines: &[String]) -> Self {
        let mut answered = Self::default();
        for line in lines {
            answered.note(line);
        }
        answered
    }

    /// All marks that were answered must be among these.
    pub(super) fn expect_marks(&self, marks: &[String]) {
        let there: HashSet<String> = marks.iter().map(|mark| format!("mark {mark}")).collect();
        let lost: Vec<_> =
            self.0.iter().filter(|line| line.starts_with("mark ") && !there.contains(*line)).collect();
        assert!(lost.is_empty(), "acknowledged and not there: {lost:?}");
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// What a database was found to hold.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What was answered and is not there.
    pub(super) lost: Vec<String>,
    /// What is not whole: what there is, is not what was written.
    pub(super) faults: Vec<String>,
    /// Rows and marks.
    pub(super) rows: usize,
}

impl Found {
    /// Fails with what is wrong.
    pub(super) fn expect_all(self, what: &str) -> usize {
        assert!(
            self.lost.is_empty() && self.faults.is_empty(),
            "{what}: {} acknowledged writes lost, such as {:?}; faults: {:#?}",
            self.lost.len(),
            self.lost.first(),
            self.faults
        );
        self.rows
    }
}

/// Opens the database as the application would, reads all of it, and writes once more.
pub(super) async fn check(database: &Path, answered: &Answered) -> Found {
    let mut found = Found::default();
    let mut options = Options::default();
    options.rows = usize::MAX;
    options.read_time = Duration::from_mins(2);
    let db = match Sqlite::open(database, &options) {
        Ok(driver) => Db::with_driver(driver, &options),
        Err(error) => {
            found.faults.push(format!("it does not open: {error}"));
            return found;
        }
    };
    if let Err(error) = read_all(&db, answered, &mut found).await {
        found.faults.push(format!("it cannot be read: {error}"));
    }
    if let Err(error) = write(&db, u32::MAX, 0, 0).await {
        found.faults.push(format!("it cannot be written: {error}"));
    }
    db.close().await;
    drop(db);
    if let Err(error) = ask_sqlite(database, &mut found.faults) {
        found.faults.push(format!("SQLite cannot check it: {error}"));
    }
    found
}

async fn read_all(db: &Db, answered: &Answered, found: &mut Found) -> Result<()> {
    prepare(db).await?;
    type Row = (i64, u32, u32, u32, String, String);
    let rows: Vec<Row> =
        db.query("select n, run, task, step, body, chain from ledger order by n", params! {}).await?;
    let lines: Vec<(i64, i64, String)> =
        db.query("select ledger, line, body from lines order by ledger, line", params! {}).await?;
    let marks: Vec<(String, String)> = db.query("select mark, filler from marks", params! {}).await?;
    let mut seen = HashSet::new();
    let mut before = String::new();
    let mut lines = lines.into_iter().peekable();
    for (at, (n, run, task, step, text, chain)) in (1..).zip(rows) {
        if n != at || text != body(run, task, step) || chain != link(&before, n, &text) {
            found.faults.push(format!("row {n} is not whole, or the chain is broken before it"));
        }
        let own = std::iter::from_fn(|| lines.next_if(|line| line.0 == n));
        let own: Vec<_> = own.map(|(_, line, body)| (line, body == text)).collect();
        let expected: Vec<_> = (0..i64::from(step % 3)).map(|line| (line, true)).collect();
        if own != expected {
            found.faults.push(format!("row {n} has the lines {own:?}"));
        }
        seen.insert(format!("row {n} {chain}"));
        before = chain;
    }
    found.faults.extend(lines.map(|(n, ..)| format!("a line refers to row {n}, which is not there")));
    for (mark, filler) in marks {
        let parts: Vec<u32> = mark.split('-').filter_map(|part| part.parse().ok()).collect();
        if !matches!(parts[..], [run, task, step] if filler == body(run, task, step)) {
            found.faults.push(format!("mark {mark} is not whole"));
        }
        seen.insert(format!("mark {mark}"));
    }
    found.rows = seen.len();
    found.lost = answered.0.difference(&seen).cloned().collect();
    found.lost.sort_unstable();
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the judge does not share the engine's connections")]
fn ask_sqlite(database: &Path, faults: &mut Vec<String>) -> rusqlite::Result<()> {
    let connection = rusqlite::Connection::open(database)?;
    for (pragma, well) in [("integrity_check", Some("ok")), ("foreign_key_check", None)] {
        let mut statement = connection.prepare(&format!("pragma {pragma}"))?;
        let said: Vec<String> =
            statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<_, _>>()?;
        let said: Vec<&str> = said.iter().map(String::as_str).collect();
        if said != well.as_slice() {
            faults.push(format!("{pragma}: {said:?}"));
        }
    }
    Ok(())
}
