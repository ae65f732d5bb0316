//! SQLite called directly: how fast it is without a server, and how the files are made that servers are measured with.
//!
//! `bench-direct seed FILE ROWS`, `freight FILE ROWS` and `peer FILE ROWS` make files. `reads FILE MILLIS` and
//! `inserts FILE MILLIS full|normal GROUP` print how many a second one thread has done, `GROUP` inserts in each commit.
//! `jobs FILE MILLIS GROUP` does what a queue of jobs does, in a file that has its table; that is in `jobs.rs`.

mod jobs;

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use bench_terms::database::{ADD, LIST, SHOW, Stored, Sync, TABLE, now, reader, writer};
use rusqlite::{Connection, params};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Inserts or reads between two looks at the clock.
const STRIDE: u64 = 16;

/// Bytes of a row of freight: one to a page.
const FREIGHT: usize = 3_000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["seed", file, rows] => seed(Path::new(file), rows.parse()?),
        ["freight", file, rows] => freight(Path::new(file), rows.parse()?),
        ["peer", file, rows] => peer(Path::new(file), rows.parse()?),
        ["reads", file, millis] => tell(reads(Path::new(file), millis.parse()?, SHOW)?),
        ["lists", file, millis] => tell(reads(Path::new(file), millis.parse()?, LIST)?),
        ["inserts", file, millis, sync, group] => {
            let sync = Sync::named(sync).ok_or("the third word is `full` or `normal`")?;
            tell(inserts(Path::new(file), millis.parse()?, sync, group.parse()?)?)
        }
        ["jobs", file, millis, group] => tell(jobs::jobs(Path::new(file), millis.parse()?, group.parse()?)?),
        _ => Err(format!("`{}` is nothing that this program does", words.join(" ")).into()),
    }
}

fn tell(rate: f64) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{rate:.1}")?)
}

/// Makes the file that all sides start from.
fn seed(file: &Path, rows: i64) -> Result<()> {
    let mut connection = writer(file, Sync::Full)?;
    connection.execute_batch(TABLE)?;
    let transaction = connection.transaction()?;
    for id in 1..=rows {
        let Stored { id, name, kind, length, made_at } = Stored::seeded(id);
        let sql = "insert into boats (id, name, kind, length, made_at) values (?, ?, ?, ?, ?)";
        transaction.prepare_cached(sql)?.execute(params![id, name, kind, length, made_at])?;
    }
    transaction.commit()?;
    closed(connection)
}

/// Makes a file of large rows, beside the table of boats.
fn freight(file: &Path, rows: i64) -> Result<()> {
    seed(file, 1_000)?;
    let mut connection = writer(file, Sync::Full)?;
    connection.execute_batch("create table freight (id integer primary key, body text not null)")?;
    let transaction = connection.transaction()?;
    for id in 1..=rows {
        let body = format!("{id:0>FREIGHT$}");
        transaction.prepare_cached("insert into freight values (?, ?)")?.execute(params![id, body])?;
    }
    transaction.commit()?;
    closed(connection)
}

/// Fills the table that PocketBase made for itself.
fn peer(file: &Path, rows: i64) -> Result<()> {
    let mut connection = writer(file, Sync::Full)?;
    let transaction = connection.transaction()?;
    for id in 1..=rows {
        let Stored { name, kind, length, .. } = Stored::seeded(id);
        let sql = "insert into boats (id, name, kind, length, made_at) values (?, ?, ?, ?, ?)";
        let values = params![format!("boat{id:011}"), name, kind, length, "2026-01-01 00:00:00.000Z"];
        transaction.prepare_cached(sql)?.execute(values)?;
    }
    transaction.commit()?;
    closed(connection)
}

/// With nothing left in the log, so that the file can be copied.
fn closed(connection: Connection) -> Result<()> {
    connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))?;
    connection.close().map_err(|(_, error)| error.into())
}

fn reads(file: &Path, millis: u64, sql: &str) -> Result<f64> {
    let connection = reader(file)?;
    let rows: i64 = connection.query_row("select count(*) from boats", [], |row| row.get(0))?;
    let mut key = 1_i64;
    rate(millis, STRIDE, || {
        for _ in 0..STRIDE {
            // A step that shares no factor with the number of rows meets all of them.
            key = (key + 38_197) % rows;
            let mut prepared = connection.prepare_cached(sql)?;
            for row in prepared.query_map([key + 1], Stored::read)? {
                std::hint::black_box(row?);
            }
        }
        Ok(())
    })
}

fn inserts(file: &Path, millis: u64, sync: Sync, group: u64) -> Result<f64> {
    let connection = writer(file, sync)?;
    let mut insert = || {
        // A statement alone is a transaction already.
        let frame = if group > 1 { ("begin immediate", "commit") } else { ("", "") };
        connection.execute_batch(frame.0)?;
        for _ in 0..group {
            let values = params!["Gipsy Moth IV", "ketch", 16.5, now()];
            std::hint::black_box(connection.prepare_cached(ADD)?.query_row(values, Stored::read)?);
        }
        Ok(connection.execute_batch(frame.1)?)
    };
    // Until the log has its size, every commit makes the file longer, which takes the disk more than to write over it.
    rate(millis / 3, group, &mut insert)?;
    rate(millis, group, insert)
}

/// How many a second, when a call does so many.
fn rate(millis: u64, each: u64, mut call: impl FnMut() -> Result<()>) -> Result<f64> {
    let (started, time, mut calls) = (Instant::now(), Duration::from_millis(millis), 0_u64);
    while started.elapsed() < time {
        call()?;
        calls += 1;
    }
    Ok((calls * each) as f64 / started.elapsed().as_secs_f64())
}
