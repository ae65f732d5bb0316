//! `jobs purge`: deletes the rows of jobs that ended.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{ask, time};
use crate::control::{Ask, Reach};
use crate::database::DatabaseOptions;
use crate::terminal::{self, clean, confirm, print};

/// It goes through the table in small steps; the endpoint gives up after five minutes.
const TIME: Duration = Duration::from_mins(6);

/// Which jobs.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// How they ended, several with commas between [default: all of these]
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    status: Vec<Ended>,
    /// How long ago they ended, at least: `1h`, `7d` [default: any time]
    #[arg(long, value_name = "TIME", value_parser = time)]
    older_than: Option<String>,
    /// Of this type
    #[arg(long = "type", value_name = "TYPE")]
    job_type: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) database: DatabaseOptions,
}

/// How a job can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Ended {
    Done,
    Dead,
    Cancelled,
}

impl Ended {
    fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }
}

pub(super) async fn run(reach: &mut Reach<'_>, shown: &str, options: &Options) -> Result<ExitCode> {
    if !options.yes {
        confirm(&about(shown, options), "Delete them?", "nothing was deleted")?;
    }
    let mut body = json!({});
    if !options.status.is_empty() {
        body["status"] = options.status.iter().map(|status| status.name()).collect::<Value>();
    }
    if let Some(job_type) = &options.job_type {
        body["type"] = json!(job_type);
    }
    if let Some(time) = &options.older_than {
        body["older_than"] = json!(time);
    }
    let purged = ask(reach, Ask::post("/admin/jobs/purge", Some(body)).within(TIME)).await?.good()?;
    if options.json {
        print(&terminal::json(&purged))?;
    } else {
        let count = purged["purged"].as_u64().context("the reply does not say how many")?;
        print(&format!("{count}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What is asked about.
fn about(shown: &str, options: &Options) -> String {
    let status = if options.status.is_empty() { Ended::value_variants() } else { &options.status };
    let status: Vec<&str> = status.iter().map(|status| status.name()).collect();
    let of = options.job_type.as_deref().map(|it| format!(" of the type {}", clean(it))).unwrap_or_default();
    let age =
        options.older_than.as_deref().map(|it| format!(" for {} or longer", clean(it))).unwrap_or_default();
    format!("To be deleted from {shown}: all jobs{of} that are {}{age}.\n", status.join(" or "))
}
