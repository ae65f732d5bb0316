//! The copy of the data before its schema changes.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

use super::{Backup, MigrateError, Step};
use crate::db::Db;
use crate::driver::Dialect;
use crate::error::Error;
use crate::sqlite::Sqlite;

/// Copies that are kept.
const KEPT: usize = 5;

/// Copies of the same name and second, at most.
const SAME: u32 = 99;

/// A time as RFC 3339, to the second.
pub(super) fn rfc3339(time: SystemTime) -> String {
    second(time).to_string()
}

fn second(time: SystemTime) -> Timestamp {
    let time = Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH);
    // Never ahead of the clock.
    let down = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Trunc);
    time.round(down).unwrap_or(time)
}

/// Copies the data. It is done when this answers: a copy that was cut off never has its final name.
pub(super) async fn before(db: &Db, how: &Backup, first: &Step) -> Result<Option<PathBuf>, MigrateError> {
    let driver = db.driver()?;
    let file = driver.as_any().downcast_ref::<Sqlite>().map(Sqlite::path);
    let folder = match (how, file) {
        (Backup::Without, _) => return Ok(None),
        (Backup::In(folder), _) => folder.clone(),
        (Backup::Beside, Some(file)) => file.parent().unwrap_or(Path::new("")).join("backups"),
        (Backup::Beside, None) => {
            without(driver.dialect());
            return Ok(None);
        }
    };
    let stem = file.and_then(Path::file_stem).map_or("database".into(), |stem| stem.to_string_lossy());
    let kind = format!("{stem}-before-");
    let time = second(db.clock()?.now()).strftime("%Y%m%dT%H%M%SZ");
    let name = format!("{kind}{}-{}-{time}", first.part, first.number);
    let failed = |to: &Path, why: String| MigrateError::Backup { to: to.to_owned(), why };

    let made = folder.clone();
    let target = blocking(move || free_name(&made, &name)).await.map_err(|why| failed(&folder, why))?;
    let partial = target.with_extension("db.partial");
    match driver.backup(partial.clone()).await {
        Ok(()) => {}
        Err(Error::Unsupported(_)) => {
            without(driver.dialect());
            return Ok(None);
        }
        Err(error) => {
            let _nothing_there = blocking(move || fs::remove_file(partial)).await;
            return Err(failed(&target, error.to_string()));
        }
    }
    let to = target.clone();
    blocking(move || finish(&partial, &to)).await.map_err(|why| failed(&target, why))?;
    // The copy is there; that older ones are too is no reason to stop.
    if let Err(why) = blocking(move || remove_older(&folder, &kind)).await {
        tracing::warn!(why, "cannot remove older copies of the database");
    }
    tracing::info!(copy = %target.display(), "the data was copied before its schema changes");
    Ok(Some(target))
}

fn without(dialect: Dialect) {
    match dialect {
        Dialect::Postgres => {
            tracing::info!("no copy before the schema changes: that is the work of `pg_dump`")
        }
        Dialect::Sqlite => tracing::warn!("no copy before the schema changes: this engine makes none"),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, String> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(panic) => Err(panic.to_string()),
    }
}

/// Makes the folder, and finds a name that is not taken.
fn free_name(folder: &Path, name: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let names = (1..=SAME).map(|n| if n == 1 { format!("{name}.db") } else { format!("{name}-{n}.db") });
    let free = names.map(|name| folder.join(name)).find(|path| !path.exists());
    let target = free.ok_or_else(|| io::Error::other(format!("there are {SAME} copies of this second")))?;
    match fs::remove_file(target.with_extension("db.partial")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(target),
    }
}

/// Puts the copy on the disk, and gives it its name.
fn finish(partial: &Path, target: &Path) -> io::Result<()> {
    File::options().write(true).open(partial)?.sync_all()?;
    fs::rename(partial, target)?;
    match target.parent() {
        // Where folders cannot be synced, as on Windows, renaming is what there is.
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// Keeps the newest copies that migrations made; whatever else is in the folder is left alone.
fn remove_older(folder: &Path, kind: &str) -> io::Result<()> {
    let mut copies = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(age) = age(&name, kind) {
            copies.push((age, name));
        }
    }
    copies.sort_unstable();
    let old = copies.len().saturating_sub(KEPT);
    copies[..old].iter().try_for_each(|(_, name)| fs::remove_file(folder.join(name)))
}

/// What copies are sorted by, of `app-before-jobs-3-20261121T124900Z-2.db`: time, then count. What was cut off counts
/// as the oldest, so it goes first.
fn age(name: &str, kind: &str) -> Option<(String, u32)> {
    let rest = name.strip_prefix(kind)?;
    let (rest, cut) = match rest.strip_suffix(".db.partial") {
        Some(rest) => (rest, true),
        None => (rest.strip_suffix(".db")?, false),
    };
    let fields: Vec<&str> = rest.split('-').collect();
    let (number, time, count) = match fields.as_slice() {
        [_, number, time] => (number, time, 1),
        [_, number, time, count] => (number, time, count.parse().ok()?),
        _ => return None,
    };
    number.parse::<i64>().ok()?;
    let shape = |(at, byte): (usize, u8)| match at {
        8 => byte == b'T',
        15 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    };
    let is_time = time.len() == 16 && (0..).zip(time.bytes()).all(shape);
    is_time.then(|| (if cut { String::new() } else { (*time).to_owned() }, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_that_migrations_made_are_told_from_other_files() {
        let of = |name| age(name, "app-before-");
        let time = "20261121T124900Z".to_owned();
        assert_eq!(of("app-before-app-3-20261121T124900Z.db"), Some((time.clone(), 1)));
        assert_eq!(of("app-before-jobs_2-3-20261121T124900Z-12.db"), Some((time, 12)));
        assert_eq!(of("app-before-app-3-20261121T124900Z.db.partial"), Some((String::new(), 1)));
        for other in [
            "app-before-app-3.db",
            "app-before-the-big-move.db",
            "app-before-app-3-20261121T124900Z.db.gz",
            "app-before-app-three-20261121T124900Z.db",
            "app-before-app-3-20261121_124900Z.db",
            "log-before-app-3-20261121T124900Z.db",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn times_are_told_to_the_second() {
        let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(1_795_265_340_750);
        assert_eq!(rfc3339(time), "2026-11-21T12:49:00Z");
    }
}
