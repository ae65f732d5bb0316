//! `jobs retry` and `jobs cancel`: one request for each job; one that is refused does not keep the others from it.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::{ask, counted, line, path, row};
use crate::control::{Answer, Ask, Reach};
use crate::database::DatabaseOptions;
use crate::terminal::{json, print, say, table};

/// Which jobs.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Their numbers
    #[arg(value_name = "ID", required = true)]
    ids: Vec<i64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) database: DatabaseOptions,
}

pub(super) async fn run(reach: &mut Reach<'_>, what: &str, options: &Options) -> Result<ExitCode> {
    let mut changed = Vec::new();
    for id in &options.ids {
        match ask(reach, Ask::post(format!("{}/{what}", path(*id)), None)).await.map(Answer::good) {
            Ok(Ok(job)) => changed.push(job),
            Ok(Err(error)) => say(&format!("{id}: {error}")),
            // Nobody is there to be asked about the others, but what was changed is told.
            Err(error) => {
                say(&format!("{id}: {error:#}"));
                break;
            }
        }
    }
    let failed = options.ids.len() - changed.len();
    if options.json {
        print(&json(&Value::Array(changed)))?;
    } else {
        let rows: Vec<_> = changed.iter().map(row).collect::<Result<_>>()?;
        print(&table(rows.iter().map(line)))?;
    }
    Ok(counted(failed, options.ids.len()))
}
