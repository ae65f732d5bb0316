//! Migrations: numbered SQL files that make the schema, recorded with a checksum, each in a transaction of its own.
//!
//! [`up`] is what a server does when it starts; [`status`] and [`down`] are for whoever looks after the data. What was
//! applied is in the table `ketch_migrations`. How the script of one migration is run is the engine's:
//! [`Driver::change`](crate::Driver::change).

mod backup;
mod error;
mod list;
mod state;

use std::path::PathBuf;
use std::time::Instant;

use ketch_model::Clock;

use crate::db::Db;
use crate::driver::{Change, Dialect, Statement};
use crate::params;

pub use error::{Failure, MigrateError};
use list::Script;
#[doc(hidden)]
pub use list::migration;
pub use list::{Migration, Migrations};
pub use state::{Entry, State, Status};

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of this part only. [`up`] takes all parts when nothing is said; [`down`], and what has a `to`, the only one.
    pub part: Option<String>,
    /// [`up`]: up to this number, itself included; all when nothing is said. [`down`]: down to this number, which stays;
    /// one migration when nothing is said.
    pub to: Option<i64>,
    /// Whether the data is copied before.
    pub backup: Backup,
}

/// Whether and where the data is copied before the schema changes. Nothing is copied when there is nothing to lose.
///
/// PostgreSQL is never copied: `pg_dump` does that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Backup {
    /// To the folder `backups` beside the database's file. Of the copies that migrations made the newest five are kept.
    #[default]
    Beside,
    /// To another folder, by the same rules.
    In(PathBuf),
    /// Not at all.
    Without,
}

/// A migration that was applied or undone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The part it belongs to.
    pub part: String,
    /// Its number.
    pub number: i64,
    /// Its name.
    pub name: String,
    /// The file that was run.
    pub file: String,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The migrations, in the order they were run.
    pub done: Vec<Step>,
    /// The copy of the data as it was before.
    pub backup: Option<PathBuf>,
}

/// A step, and what the engine is asked for.
struct Planned {
    step: Step,
    change: Change,
}

/// How every migration stands. Nothing is written.
///
/// # Errors
/// [`MigrateError::Files`] when two lists are of the same part, [`MigrateError::Database`].
pub async fn status(db: &Db, all: &[Migrations]) -> Result<Status, MigrateError> {
    state::check(all)?;
    let recorded = state::recorded(db).await?;
    Ok(state::status(all, &recorded, db.dialect()?))
}

/// The same of a database that is not there yet: everything is pending, or cannot be applied to such an engine.
///
/// # Errors
/// [`MigrateError::Files`] when two lists are of the same part.
pub fn status_of_none(dialect: Dialect, all: &[Migrations]) -> Result<Status, MigrateError> {
    state::check(all)?;
    Ok(state::status(all, &state::Recorded::default(), dialect))
}

/// Applies what is pending, part by part, by number. Whoever else changes the schema of this database meanwhile, on
/// another machine too, is waited for; then only what is still pending is applied.
///
/// Nothing is run unless everything fits: files that were changed or are gone, a database that is newer than the
/// program, or a number below one that is applied already, are refused.
///
/// # Errors
/// [`MigrateError`]. What was applied before one failed stays.
pub async fn up(db: &Db, all: &[Migrations], wanted: &Wanted) -> Result<Report, MigrateError> {
    state::check(all)?;
    let chosen = chosen(all, wanted)?;
    let (driver, dialect) = (db.driver()?, db.dialect()?);
    let _others_wait = driver.lock_schema().await?;
    let recorded = state::recorded(db).await?;
    let status = state::status(chosen, &recorded, dialect);
    let problems = status.problems();
    if !problems.is_empty() {
        return Err(MigrateError::Refused(problems));
    }
    let clock = db.clock()?;
    let mut planned = Vec::new();
    for one in chosen {
        for it in one.list().iter().filter(|it| wanted.to.is_none_or(|to| it.number() <= to)) {
            let pending = |entry: &&Entry| {
                entry.part == one.part() && entry.number == it.number() && entry.state == State::Pending
            };
            if let (Some(script), Some(_)) = (it.up(dialect), status.entries.iter().find(pending)) {
                planned.push(plan(one, it, script, Direction::Up(clock)));
            }
        }
    }
    if !planned.is_empty() && !recorded.table {
        let script = state::TABLE.into();
        driver.change(Change { script, record: Vec::new(), in_transaction: true }).await?;
    }
    run(db, planned, &recorded, wanted, "migrated").await
}

/// What [`down`] would undo, in that order. Nothing is written.
///
/// # Errors
/// As [`down`] before it begins.
pub async fn down_plan(db: &Db, all: &[Migrations], wanted: &Wanted) -> Result<Vec<Step>, MigrateError> {
    let one = one_part(all, wanted)?;
    let recorded = state::recorded(db).await?;
    Ok(undoing(db, one, &recorded, wanted)?.into_iter().map(|it| it.step).collect())
}

/// Undoes what was applied last, of one part: one migration, or all above [`Wanted::to`], where 0 is all there are.
/// A file that was changed since it was applied does not stand against it.
///
/// # Errors
/// [`MigrateError`]; a migration without a down file cannot be undone, and then nothing is.
pub async fn down(db: &Db, all: &[Migrations], wanted: &Wanted) -> Result<Report, MigrateError> {
    let one = one_part(all, wanted)?;
    let _others_wait = db.driver()?.lock_schema().await?;
    let recorded = state::recorded(db).await?;
    let planned = undoing(db, one, &recorded, wanted)?;
    run(db, planned, &recorded, wanted, "undone").await
}

/// The lists that are asked for.
fn chosen<'a>(all: &'a [Migrations], wanted: &Wanted) -> Result<&'a [Migrations], MigrateError> {
    if wanted.part.is_none() && wanted.to.is_none() {
        return Ok(all);
    }
    let one = one_part(all, wanted)?;
    match wanted.to {
        Some(to) if one.list().iter().all(|it| it.number() != to) => Err(no_such(one, to)),
        _ => Ok(std::slice::from_ref(one)),
    }
}

/// The only list, or the one of the part that is asked for.
fn one_part<'a>(all: &'a [Migrations], wanted: &Wanted) -> Result<&'a Migrations, MigrateError> {
    state::check(all)?;
    let parts = || all.iter().map(|one| format!("`{}`", one.part())).collect::<Vec<_>>().join(", ");
    match (&wanted.part, all) {
        (Some(part), _) => all.iter().find(|one| one.part() == part).ok_or_else(|| {
            MigrateError::Asked(format!(
                "this program has no part `{part}` with migrations; there is: {}",
                parts()
            ))
        }),
        (None, [one]) => Ok(one),
        (None, []) => Err(MigrateError::Asked("this program has no migrations".to_owned())),
        (None, _) => Err(MigrateError::Asked(format!(
            "this program has migrations of several parts: say which is meant with `--part`, of {}",
            parts()
        ))),
    }
}

fn no_such(one: &Migrations, number: i64) -> MigrateError {
    MigrateError::Asked(format!("`{}` has no migration {number}", one.folder()))
}

/// What is to be undone, last first.
fn undoing(
    db: &Db,
    one: &Migrations,
    recorded: &state::Recorded,
    wanted: &Wanted,
) -> Result<Vec<Planned>, MigrateError> {
    let dialect = db.dialect()?;
    let status = state::status(std::slice::from_ref(one), recorded, dialect);
    if status.count(State::Newer) > 0 {
        return Err(MigrateError::Refused(status.problems()));
    }
    if let Some(to) = wanted.to.filter(|to| *to != 0)
        && status.entries.iter().all(|entry| entry.part != one.part() || entry.number != to)
    {
        return Err(no_such(one, to));
    }
    let applied = |entry: &&Entry| entry.part == one.part() && entry.applied_at.is_some();
    let last_first = status.entries.iter().rev().filter(applied);
    let chosen: Vec<&Entry> = match wanted.to {
        Some(to) => last_first.filter(|entry| entry.number > to).collect(),
        None => last_first.take(1).collect(),
    };
    let (mut planned, mut problems) = (Vec::new(), Vec::new());
    for entry in chosen {
        let known = one.list().iter().find(|it| it.number() == entry.number);
        match known.and_then(|it| Some((it, it.down(dialect)?))) {
            Some((_, script)) if dialect == Dialect::Sqlite && !script.in_transaction() => {
                problems.push(format!(
                    "`{}` says `-- no transaction`, and SQLite runs every migration in one: add one for SQLite",
                    one.path(&script.file)
                ));
            }
            Some((it, script)) => planned.push(plan(one, it, script, Direction::Down)),
            None => problems.push(format!(
                "migration {} `{}` cannot be undone: it has no `.down.sql`. Go back to a copy of the data, or write \
                 the file",
                entry.number, entry.name
            )),
        }
    }
    if problems.is_empty() { Ok(planned) } else { Err(MigrateError::Refused(problems)) }
}

#[derive(Clone, Copy)]
enum Direction<'a> {
    Up(&'a dyn Clock),
    Down,
}

fn plan(one: &Migrations, it: &Migration, script: &Script, direction: Direction<'_>) -> Planned {
    let (part, number) = (one.part(), it.number());
    let record = match direction {
        Direction::Up(clock) => Statement::new(
            "insert into ketch_migrations (part, number, name, checksum, applied_at)
             values (:part, :number, :name, :checksum, :applied_at)",
            params! {
                part, number, name: it.name(), checksum: script.checksum(), applied_at: backup::rfc3339(clock.now()),
            },
        ),
        Direction::Down => Statement::new(
            "delete from ketch_migrations where part = :part and number = :number",
            params! { part, number },
        ),
    };
    let change =
        Change { script: script.text.clone(), record: vec![record], in_transaction: script.in_transaction() };
    let (part, name) = (part.to_owned(), it.name().to_owned());
    Planned { step: Step { part, number, name, file: one.path(&script.file) }, change }
}

/// Copies the data, then runs what is planned.
async fn run(
    db: &Db,
    planned: Vec<Planned>,
    recorded: &state::Recorded,
    wanted: &Wanted,
    said: &'static str,
) -> Result<Report, MigrateError> {
    let Some(first) = planned.first() else {
        return Ok(Report::default());
    };
    let mut report = Report::default();
    if state::holds_data(db, recorded).await? {
        report.backup = backup::before(db, &wanted.backup, &first.step).await?;
    }
    let driver = db.driver()?;
    for Planned { step, change } in planned {
        let began = Instant::now();
        if let Err(error) = driver.change(change).await {
            return Err(MigrateError::Failed(Box::new(Failure { file: step.file, error, done: report })));
        }
        let took = began.elapsed();
        tracing::info!(part = step.part, number = step.number, name = step.name, ?took, "{said}");
        report.done.push(step);
    }
    Ok(report)
}
