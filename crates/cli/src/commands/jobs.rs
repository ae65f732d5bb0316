//! `jobs`: look after background jobs. One file for each of its commands; all of them send requests to the admin
//! endpoints, of the server that runs or of the application in this process.
//!
//! What is there is on stdout, words are on stderr.

mod add;
mod change;
mod list;
mod purge;
mod run;
mod schedules;
mod show;
mod stats;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use http::StatusCode;
use ketch_jobs::JobRow;
use ketch_server::{Built, Server};
use serde_json::Value;

use super::build;
use crate::control::{Answer, Ask, Reach};
use crate::database::DatabaseOptions;
use crate::terminal::{clean, say};

/// How long blocking work of a job that was given up is waited for.
const BLOCKING_GRACE: Duration = Duration::from_secs(1);

/// What to do.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Clone, Debug, Subcommand)]
enum Action {
    /// List jobs, the newest first
    List(list::Options),
    /// Show one job with everything that is known of it
    Show(show::Options),
    /// Enqueue a job by the name of its type
    ///
    /// What is left out is as the type says. The number of the job is printed; with `--unique` it may be that of a job
    /// that is there already.
    Add(add::Options),
    /// Make jobs wait again that ended; one that waits is due now
    ///
    /// One that has no attempts left gets one more.
    Retry(change::Options),
    /// Cancel jobs; those that run are told to end
    Cancel(change::Options),
    /// Delete the rows of jobs that ended
    ///
    /// All that is said must hold. The number of rows that were deleted is printed. Servers that run jobs do the same by
    /// age, by themselves.
    Purge(purge::Options),
    /// Run one job now and wait until it ended, or work off everything that is due
    ///
    /// While a server runs, it runs the job. Otherwise this process does, with the jobs that the program registers; it
    /// runs no hooks and lets no jobs recur. While it works, an SQLite database is in use and no server can start.
    ///
    /// With a number the exit code is 0 when the job was done, and 1 when it failed, is dead or cancelled, or did not end
    /// in time. Without one it is 0 when nothing is due any more, also when jobs failed: `list` shows them. It is 1 when
    /// the server that runs was started with `--no-jobs`, or registers none, and so nobody runs them.
    Run(run::Options),
    /// List the recurrent jobs, with the time that comes next and the one that was enqueued last
    Schedules(schedules::Options),
    /// Count the jobs by status, and show how long the oldest has been due and who runs them
    Stats(stats::Options),
}

impl Action {
    fn place(&self) -> &DatabaseOptions {
        match self {
            Self::List(options) => &options.database,
            Self::Show(options) => &options.database,
            Self::Add(options) => &options.database,
            Self::Retry(options) | Self::Cancel(options) => &options.database,
            Self::Purge(options) => &options.database,
            Self::Run(options) => &options.database,
            Self::Schedules(options) => &options.database,
            Self::Stats(options) => &options.database,
        }
    }
}

pub(crate) fn run(server: Server, options: &Options) -> Result<ExitCode> {
    let server = options.action.place().apply(server);
    // A program that has no jobs of its own may look after those of others in the same database.
    let _needed = server.jobs();
    let mut built = build(server)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let done = runtime.block_on(act(&mut built, &options.action));
    runtime.shutdown_timeout(BLOCKING_GRACE);
    done
}

async fn act(built: &mut Built, action: &Action) -> Result<ExitCode> {
    if let Action::Run(options) = action {
        return run::run(built, options).await;
    }
    let unattended = match action {
        Action::Add(options) => add::unattended(built, options),
        _ => None,
    };
    let Some(mut reach) = Reach::open(built).await? else {
        let shown = shown(built);
        match action {
            Action::List(options) => return list::nothing(&shown, options),
            _ => bail!("{}", no_data(&shown)),
        }
    };
    let done = match action {
        Action::List(options) => list::run(&mut reach, options).await,
        Action::Show(options) => show::run(&mut reach, options).await,
        Action::Add(options) => add::run(&mut reach, options).await,
        Action::Retry(options) => change::run(&mut reach, "retry", options).await,
        Action::Cancel(options) => change::run(&mut reach, "cancel", options).await,
        Action::Purge(options) => purge::run(&mut reach, &shown(built), options).await,
        Action::Schedules(options) => schedules::run(&mut reach, options).await,
        Action::Stats(options) => stats::run(&mut reach, options).await,
        Action::Run(_) => unreachable!("it was run before"),
    };
    reach.close(built).await;
    if let (Ok(_), Some(words)) = (&done, unattended) {
        say(&words);
    }
    done
}

/// Looks at a time before it is sent.
fn time(text: &str) -> Result<String, String> {
    ketch_syntax::duration(text).map(|_| text.to_owned())
}

/// Where the data is, for people.
fn shown(built: &Built) -> String {
    built.database().map(ketch_server::Database::shown).unwrap_or_default()
}

fn no_data(shown: &str) -> String {
    format!("{shown} is not there yet: a server makes it when it starts, and so does `migrate up`")
}

/// Sends a request. A server without these endpoints is told apart from a job that is not there.
async fn ask(reach: &mut Reach<'_>, ask: Ask) -> Result<Answer> {
    let answer = reach.ask(ask).await?;
    if answer.status == StatusCode::NOT_FOUND && answer.body["code"] != "no_such_job" {
        match reach {
            Reach::Server(link) => bail!(
                "the server at {} has no jobs, or is of a version that does not know this command: what it answers is \
                 404 `{}`",
                link.socket(),
                clean(answer.body["code"].as_str().unwrap_or_default()),
            ),
            Reach::Here(_) => bail!("this program does not know this command: its endpoints were left out"),
        }
    }
    Ok(answer)
}

/// A row, as it came.
fn row(value: &Value) -> Result<JobRow> {
    serde_json::from_value(value.clone())
        .context("the server is of another version: its reply cannot be read")
}

/// `/admin/jobs/7`.
fn path(id: i64) -> String {
    format!("/admin/jobs/{id}")
}

/// One line about a job.
fn line(row: &JobRow) -> Vec<String> {
    vec![row.id.to_string(), row.status.to_string(), clean(&row.job_type)]
}

/// Why the last attempt failed, in one line.
fn why(row: &JobRow) -> String {
    row.last_error.as_deref().map(clean).unwrap_or_else(|| "nobody knows why".to_owned())
}

/// Says how many of a list could not be changed, each having been told.
fn counted(failed: usize, of: usize) -> ExitCode {
    if failed == 0 {
        return ExitCode::SUCCESS;
    }
    if of > 1 {
        say(&format!("{failed} of {of} failed"));
    }
    ExitCode::FAILURE
}
