//! `jobs show`: everything that is known of one job.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use ketch_jobs::JobRow;

use super::{ask, path, row};
use crate::control::{Ask, Reach};
use crate::database::DatabaseOptions;
use crate::terminal::{clean, json, print, table};

/// Which job.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Its number
    #[arg(value_name = "ID")]
    id: i64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) database: DatabaseOptions,
}

pub(super) async fn run(reach: &mut Reach<'_>, options: &Options) -> Result<ExitCode> {
    let job = ask(reach, Ask::get(path(options.id))).await?.good()?;
    print(&if options.json { json(&job) } else { as_text(&row(&job)?) })?;
    Ok(ExitCode::SUCCESS)
}

/// A line for each thing that there is, and the payload below.
pub(super) fn as_text(row: &JobRow) -> String {
    let progress = row.progress.map(|part| {
        let note = row.progress_note.as_deref().map(|note| format!(", {}", clean(note))).unwrap_or_default();
        format!("{:.0} %{note}", part * 100.0)
    });
    let schedule = row.schedule.as_ref().map(|name| {
        let slot = row.slot.as_ref().map(|slot| format!(", for {slot}")).unwrap_or_default();
        format!("{}{slot}", clean(name))
    });
    let lines = [
        ("id", Some(row.id.to_string())),
        ("type", Some(clean(&row.job_type))),
        ("status", Some(row.status.to_string())),
        ("cancel", row.cancel_requested.then(|| "requested".to_owned())),
        ("queue", Some(clean(&row.queue))),
        ("priority", Some(row.priority.to_string())),
        ("attempts", Some(format!("{} of {}", row.attempts, row.max_attempts))),
        ("run at", Some(row.run_at.clone())),
        ("unique key", row.unique_key.as_deref().map(clean)),
        ("schedule", schedule),
        ("created", Some(row.created_at.clone())),
        ("started", row.started_at.clone()),
        ("finished", row.finished_at.clone()),
        ("claimed by", row.claimed_by.as_deref().map(clean)),
        ("progress", progress),
        ("last error", row.last_error.as_deref().map(clean)),
    ];
    let lines = lines.into_iter().filter_map(|(name, value)| Some(vec![name.to_owned(), value?]));
    let payload: Vec<String> = format!("{:#}", row.payload).lines().map(clean).collect();
    format!("{}\n{}\n", table(lines), payload.join("\n"))
}
