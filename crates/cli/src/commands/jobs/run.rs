//! `jobs run`: one job now, or everything that is due.
//!
//! While a server runs it runs the job, and this waits for it. Otherwise this process runs it, with the jobs that the
//! program registers; nothing else of the program is started.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use http::StatusCode;
use ketch_db::Dialect;
use ketch_edge::stop_signal;
use ketch_jobs::{JobRow, Runner, Status};
use ketch_server::Built;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{ask, line, no_data, path, row, shown, why};
use crate::control::{Answer, Ask, Reach};
use crate::database::DatabaseOptions;
use crate::terminal::{json, print, say, table};

/// How long jobs that this process runs have to end when it is interrupted.
const STOP: Duration = Duration::from_secs(10);

/// From one look at a job that the server runs to the next: at first, and at most.
const LOOK: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// What to run.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// The number of one job, which is run now and waited for. Without it everything that is due is worked off by this
    /// process; the server does that by itself while it runs on SQLite
    #[arg(value_name = "ID")]
    id: Option<i64>,
    /// Without a number: only jobs of this queue
    #[arg(long, value_name = "QUEUE", conflicts_with = "id")]
    queue: Option<String>,
    /// How long to wait for the job that a server runs: `30s`, `10m`
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time)]
    timeout: Duration,
    /// Print JSON: the job as it stands afterwards
    #[arg(long, requires = "id")]
    json: bool,
    #[command(flatten)]
    pub(super) database: DatabaseOptions,
}

fn time(text: &str) -> Result<Duration, String> {
    ketch_syntax::duration(text)
}

pub(super) async fn run(built: &mut Built, options: &Options) -> Result<ExitCode> {
    let runner = built.take_runner();
    let Some(mut reach) = Reach::open(built).await? else { bail!("{}", no_data(&shown(built))) };
    let done = match options.id {
        Some(id) => one(&mut reach, runner, id, options).await,
        None => all(&mut reach, built, runner, options).await,
    };
    reach.close(built).await;
    done
}

async fn one(reach: &mut Reach<'_>, runner: Option<Runner>, id: i64, options: &Options) -> Result<ExitCode> {
    let job = match reach {
        Reach::Server(_) => by_server(reach, id, options.timeout).await?,
        Reach::Here(_) => here(reach, runner, id).await?,
    };
    let Some(job) = job else {
        say(&format!("job {id} was done; its row is gone, as those of jobs that were done are here"));
        return Ok(ExitCode::SUCCESS);
    };
    let row = row(&job)?;
    print(&if options.json { json(&job) } else { table(std::iter::once(line(&row))) })?;
    match row.status {
        Status::Done => return Ok(ExitCode::SUCCESS),
        Status::Pending => {
            say(&format!("job {id} failed, and is tried again at {}: {}", row.run_at, why(&row)));
        }
        Status::Dead => say(&format!("job {id} failed for good: {}", why(&row))),
        Status::Cancelled => say(&format!("job {id} was cancelled")),
        Status::Running => say(&format!("job {id} still runs")),
    }
    Ok(ExitCode::FAILURE)
}

/// Asks the server to run a job and waits for the end; the job as it stands then, if it is still there.
async fn by_server(reach: &mut Reach<'_>, id: i64, timeout: Duration) -> Result<Option<Value>> {
    let before = row(&ask(reach, Ask::get(path(id))).await?.good()?)?;
    if !before.status.is_end() {
        somebody_works(reach).await?;
    }
    // One that runs is waited for; the attempt that runs has been counted.
    let attempts = match before.status {
        Status::Running => before.attempts.saturating_sub(1),
        status => match ask(reach, Ask::post(format!("{}/run", path(id)), None)).await? {
            // It waited a moment ago: the server has begun it by now, and may be done with it.
            began if status == Status::Pending && has_begun(&began) => before.attempts,
            answer => row(&answer.good()?)?.attempts,
        },
    };
    let until = Instant::now() + timeout;
    let mut pause = LOOK.0;
    loop {
        sleep(pause).await;
        pause = (pause * 2).min(LOOK.1);
        let answer = ask(reach, Ask::get(path(id))).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let job = answer.good()?;
        let now = row(&job)?;
        if has_ended(&now, attempts) {
            return Ok(Some(job));
        }
        if Instant::now() >= until {
            bail!(
                "job {id} is {} after {timeout:?}: the queue `{}` may be full, or nobody works on it; it stays due, and \
                 `jobs show {id}` tells how it goes on",
                now.status,
                crate::terminal::clean(&now.queue)
            );
        }
    }
}

/// Whether there is somebody to wait for.
async fn somebody_works(reach: &mut Reach<'_>) -> Result<()> {
    let stats = ask(reach, Ask::get("/admin/jobs/stats")).await?.good()?;
    let nobody = stats["runners"].as_array().is_some_and(Vec::is_empty);
    match reach {
        Reach::Server(link) if nobody => bail!(
            "the server at {} runs no jobs, and knows of nobody else who does: it was started with `--no-jobs`, or \
             registers none",
            link.socket()
        ),
        _ => Ok(()),
    }
}

/// Whether a job that waited does not any more.
fn has_begun(answer: &Answer) -> bool {
    answer.status == StatusCode::NOT_FOUND || answer.body["code"] == "job_not_ready"
}

/// Whether the attempt has ended that came after so many.
fn has_ended(row: &JobRow, attempts: u32) -> bool {
    match row.status {
        Status::Done | Status::Dead | Status::Cancelled => true,
        // Given back when a server stopped, it has as many attempts as before.
        Status::Pending => row.attempts > attempts,
        Status::Running => false,
    }
}

/// Runs a job in this process; the job as it stands then, if it is still there.
async fn here(reach: &mut Reach<'_>, runner: Option<Runner>, id: i64) -> Result<Option<Value>> {
    let before = row(&ask(reach, Ask::get(path(id))).await?.good()?)?;
    if matches!(before.status, Status::Done | Status::Dead | Status::Cancelled) {
        bail!("job {id} is {}: `jobs retry {id}` makes it wait again", before.status);
    }
    work(runner.context(NO_JOBS)?.only(id)).await?;
    let answer = ask(reach, Ask::get(path(id))).await?;
    if answer.status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    let job = answer.good()?;
    let now = row(&job)?;
    if now.status == Status::Pending && now.attempts == before.attempts {
        bail!("job {id} was not run: it was interrupted, or another process had it");
    }
    Ok(Some(job))
}

const NO_JOBS: &str = "this program registers no jobs (`Server::job`), so it can run none";

/// Works off what is due.
async fn all(
    reach: &mut Reach<'_>,
    built: &Built,
    runner: Option<Runner>,
    options: &Options,
) -> Result<ExitCode> {
    if let Reach::Server(link) = reach {
        let socket = link.socket().to_string();
        if built.database().is_some_and(|database| database.dialect() == Dialect::Sqlite) {
            somebody_works(reach).await?;
            say(&format!("the server at {socket} runs: it works off what is due by itself"));
            return Ok(ExitCode::SUCCESS);
        }
        reach.beside(built).await?;
    }
    let mut runner = runner.context(NO_JOBS)?;
    if let Some(queue) = &options.queue {
        runner = runner.only_queue(queue).map_err(|there| {
            anyhow!("this program works on no queue `{queue}`; there is: {}", there.join(", "))
        })?;
    }
    work(runner.until_idle()).await?;
    say("nothing is due any more");
    Ok(ExitCode::SUCCESS)
}

/// Runs a runner until it ends by itself, or this process is told to stop.
async fn work(runner: Runner) -> Result<()> {
    let mut signal = stop_signal().context("cannot watch for SIGTERM and SIGINT")?;
    let mut running = runner.start().await?;
    tokio::select! {
        () = running.ended() => {}
        () = signal.next() => {
            say("stopping: what runs is given back");
            running.stop(STOP).await;
        }
    }
    Ok(())
}
