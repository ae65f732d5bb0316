//! `jobs schedules`: the recurrent jobs, and when each is due.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use ketch_jobs::ScheduleRow;

use super::ask;
use crate::control::{Ask, Reach};
use crate::database::DatabaseOptions;
use crate::terminal::{clean, json, print, say, table};

/// How they are shown.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) database: DatabaseOptions,
}

pub(super) async fn run(reach: &mut Reach<'_>, options: &Options) -> Result<ExitCode> {
    let answer = ask(reach, Ask::get("/admin/jobs/schedules")).await?.good()?;
    if options.json {
        print(&json(&answer))?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<ScheduleRow> = serde_json::from_value(answer["schedules"].clone())
        .context("the server is of another version: its reply cannot be read")?;
    match rows.as_slice() {
        [] => say("no recurrent jobs are declared (`Server::schedule`)"),
        rows => print(&as_text(rows))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn as_text(rows: &[ScheduleRow]) -> String {
    let title = ["name", "type", "queue", "when", "next", "last"].map(str::to_owned).to_vec();
    let cells = rows.iter().map(|row| {
        vec![
            clean(&row.name),
            clean(&row.job_type),
            clean(&row.queue),
            when(row),
            row.next.clone().unwrap_or_else(|| "never".to_owned()),
            row.last.clone().unwrap_or_else(|| "never".to_owned()),
        ]
    });
    table(std::iter::once(title).chain(cells))
}

/// The pattern with its zone, or the interval.
fn when(row: &ScheduleRow) -> String {
    let pattern = row.pattern.iter().chain(&row.zone).map(|part| clean(part)).collect::<Vec<_>>().join(" ");
    let interval = row.interval.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    interval.map_or(pattern, |time| format!("every {}", in_words(time)))
}

/// A time as settings write it, `15m`, in its largest unit.
fn in_words(time: Duration) -> String {
    let millis = time.as_millis();
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    match units.into_iter().find(|(_, unit)| millis.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", millis / unit),
        None => format!("{millis}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_told_as_it_would_be_written() {
        let told = [1_000, 1_500, 60_000, 90_000, 900_000, 7_200_000, 172_800_000];
        let told = told.map(|millis| in_words(Duration::from_millis(millis)));
        assert_eq!(told, ["1s", "1500ms", "1m", "90s", "15m", "2h", "2d"]);
    }
}
