//! `migrate`: how the schema of the database stands, bring it up to date, undo.
//!
//! What was done is on stdout, a line each; words are on stderr.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand, value_parser};
use ketch_db::migrate::{Backup, Entry, Status, Step, Wanted, down, down_plan, status, status_of_none, up};
use ketch_db::{Db, Dialect, MigrateError, Migrations};
use ketch_server::{Database, Server};
use serde_json::{Value, json};

use super::build;
use crate::control::missing;
use crate::database::{DatabaseOptions, ProjectOptions};
use crate::terminal::{confirm, print, say, table};

/// What to do.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Clone, Debug, Subcommand)]
enum Action {
    /// Show every migration and how it stands; exit code 1 when something stands against `up`
    Status(StatusOptions),
    /// Apply what is pending
    Up(UpOptions),
    /// Undo the migration that was applied last, or more with `--to`
    Down(DownOptions),
}

/// Which migrations, in which database.
#[derive(Args, Clone, Debug)]
struct Place {
    /// The folder of the application's migrations, read now [default: what the program was compiled with]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    project: ProjectOptions,
    #[command(flatten)]
    database: DatabaseOptions,
}

#[derive(Args, Clone, Debug)]
struct StatusOptions {
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args, Clone, Debug)]
struct UpOptions {
    #[command(flatten)]
    place: Place,
    /// Up to this number, itself included
    #[arg(long, value_name = "NUMBER", value_parser = value_parser!(i64).range(1..))]
    to: Option<i64>,
    /// Only of this part of the program; the application's own are of the part `app`
    #[arg(long, value_name = "PART")]
    part: Option<String>,
    /// Change the schema without a copy of the data before
    #[arg(long)]
    without_backup: bool,
}

#[derive(Args, Clone, Debug)]
struct DownOptions {
    #[command(flatten)]
    place: Place,
    /// Down to this number, which stays; 0 undoes everything
    #[arg(long, value_name = "NUMBER", value_parser = value_parser!(i64).range(0..))]
    to: Option<i64>,
    /// Of this part of the program, where several have migrations
    #[arg(long, value_name = "PART")]
    part: Option<String>,
    /// Change the schema without a copy of the data before
    #[arg(long)]
    without_backup: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(crate) fn run(server: Server, options: &Options) -> Result<ExitCode> {
    let place = match &options.action {
        Action::Status(options) => &options.place,
        Action::Up(options) => &options.place,
        Action::Down(options) => &options.place,
    };
    let server = place.database.apply(place.project.apply(server));
    // A program that does not use its database yet has one all the same.
    let _needed = server.db();
    let built = build(server)?;
    let database = built.database().context("this server has no database")?;
    let all = migrations(database, place)?;
    let shown = database.shown();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let done = runtime.block_on(async {
        let done = match &options.action {
            Action::Status(options) => show(database, &all, options).await,
            Action::Up(options) => apply(database, &all, options).await,
            Action::Down(options) => undo(database, &all, options).await,
        };
        database.db().close().await;
        done
    });
    done.with_context(|| format!("the database {shown}"))
}

/// What the program brings; a folder replaces what is the application's own.
fn migrations(database: &Database, place: &Place) -> Result<Vec<Migrations>> {
    let mut all = database.migrations().to_vec();
    if let Some(folder) = &place.dir {
        let own = Migrations::from_folder(folder)?;
        match all.iter_mut().find(|one| one.part() == own.part()) {
            Some(before) => *before = own,
            None => all.push(own),
        }
    }
    if all.is_empty() {
        bail!(
            "this program has no migrations: give it some with `Server::migrations(migrations!(\"migrations\"))`, or \
             name a folder with `--dir`"
        );
    }
    Ok(all)
}

async fn open(database: &Database) -> Result<&Db> {
    database.open().await.map_err(|error| match error {
        // Which one it is, is said already.
        ketch_server::Error::Database(_, why) => anyhow!(why),
        other => anyhow!(other),
    })?;
    Ok(database.db())
}

async fn show(database: &Database, all: &[Migrations], options: &StatusOptions) -> Result<ExitCode> {
    let found = if missing(database) {
        say(&format!("{} is not there yet; `migrate up` makes it", database.shown()));
        status_of_none(Dialect::Sqlite, all)?
    } else {
        status(open(database).await?, all).await?
    };
    print(&if options.json { as_json(&found) } else { as_text(&found) })?;
    let problems = found.problems();
    for problem in &problems {
        say(problem);
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn apply(database: &Database, all: &[Migrations], options: &UpOptions) -> Result<ExitCode> {
    let wanted =
        Wanted { part: options.part.clone(), to: options.to, backup: backup(options.without_backup) };
    let db = open(database).await?;
    let report = match up(db, all, &wanted).await {
        Ok(report) => report,
        Err(error) => {
            if let MigrateError::Failed(failure) = &error {
                print(&steps(&failure.done.done))?;
            }
            return Err(error.into());
        }
    };
    print(&steps(&report.done))?;
    say(&match report.done.len() {
        0 => format!("nothing to apply: {} is up to date", database.shown()),
        count => format!("{} applied to {}{}", counted(count), database.shown(), copied(report.backup)),
    });
    Ok(ExitCode::SUCCESS)
}

async fn undo(database: &Database, all: &[Migrations], options: &DownOptions) -> Result<ExitCode> {
    if missing(database) {
        bail!("there is no such file");
    }
    let mut wanted =
        Wanted { part: options.part.clone(), to: options.to, backup: backup(options.without_backup) };
    let db = open(database).await?;
    let planned = down_plan(db, all, &wanted).await?;
    let Some(last) = planned.last() else {
        say(&format!("nothing to undo in {}", database.shown()));
        return Ok(ExitCode::SUCCESS);
    };
    if !options.yes {
        confirm(&about(database, &planned), "Undo it?", "nothing was undone")?;
    }
    // What was agreed to, even if somebody else undid something meanwhile.
    let stays = |entry: &&Entry| entry.part == last.part && entry.number < last.number;
    let below = status(db, all).await?;
    let applied = below.entries.iter().filter(|entry| entry.applied_at.is_some());
    wanted.to = Some(applied.filter(stays).map(|entry| entry.number).max().unwrap_or(0));
    let report = down(db, all, &wanted).await?;
    print(&steps(&report.done))?;
    let undone = counted(report.done.len());
    say(&format!("{undone} undone in {}{}", database.shown(), copied(report.backup)));
    Ok(ExitCode::SUCCESS)
}

/// What is asked about.
fn about(database: &Database, planned: &[Step]) -> String {
    let mut about = format!("To be undone in {}, with the data that is in it:\n", database.shown());
    for Step { part, number, name, file, .. } in planned {
        writeln!(about, "  {part} {number} {name}, by {file}").expect("a String takes everything");
    }
    about
}

fn backup(without: bool) -> Backup {
    if without { Backup::Without } else { Backup::Beside }
}

fn counted(count: usize) -> String {
    format!("{count} migration{}", if count == 1 { "" } else { "s" })
}

fn copied(to: Option<PathBuf>) -> String {
    to.map(|to| format!("; the data as it was is in {}", to.display())).unwrap_or_default()
}

/// One line a migration: part, number, name.
fn steps(done: &[Step]) -> String {
    table(done.iter().map(|step| vec![step.part.clone(), step.number.to_string(), step.name.clone()]))
}

fn as_text(status: &Status) -> String {
    let title = ["part", "number", "name", "state", "applied"].map(str::to_owned).to_vec();
    let rows = status.entries.iter().map(|entry| {
        let when = entry.applied_at.clone().unwrap_or_else(|| "-".to_owned());
        let (number, state) = (entry.number.to_string(), entry.state.name().to_owned());
        vec![entry.part.clone(), number, entry.name.clone(), state, when]
    });
    table(std::iter::once(title).chain(rows))
}

fn as_json(status: &Status) -> String {
    let one = |entry: &Entry| {
        json!({
            "part": entry.part, "number": entry.number, "name": entry.name, "state": entry.state.name(),
            "applied_at": entry.applied_at, "problem": entry.problem,
        })
    };
    format!("{:#}\n", Value::Array(status.entries.iter().map(one).collect()))
}
