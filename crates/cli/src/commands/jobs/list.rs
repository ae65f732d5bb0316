//! `jobs list`: a table, or JSON.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use ketch_jobs::{JobRow, Status};

use super::{ask, row};
use crate::control::{Ask, Reach};
use crate::database::DatabaseOptions;
use crate::terminal::{self, clean, cut, print, say, table, width};

/// Jobs that are asked for at a time.
const PAGE: usize = 100;

/// How much of a payload is shown where the width of the terminal is not known.
const PAYLOAD: usize = 60;

/// The least that is shown of a payload, however narrow the terminal.
const LEAST: usize = 16;

/// Which jobs.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Jobs that stand so: `pending`, `running`, `done`, `dead`, `cancelled`
    #[arg(long, value_name = "STATUS")]
    status: Option<Status>,
    /// Jobs of this type
    #[arg(long = "type", value_name = "TYPE")]
    job_type: Option<String>,
    /// Jobs of this queue
    #[arg(long, value_name = "QUEUE")]
    queue: Option<String>,
    /// Runs of this recurrent job
    #[arg(long, value_name = "NAME")]
    schedule: Option<String>,
    /// How many at most
    #[arg(long, value_name = "NUMBER", default_value = "50", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Jobs with a smaller number than this: the next page
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(i64).range(1..))]
    after: Option<i64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) database: DatabaseOptions,
}

/// There is no data to look at.
pub(super) fn nothing(shown: &str, options: &Options) -> Result<ExitCode> {
    say(&super::no_data(shown));
    if options.json {
        print(&as_json(&[], None))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn run(reach: &mut Reach<'_>, options: &Options) -> Result<ExitCode> {
    let wanted = usize::try_from(options.limit).unwrap_or(usize::MAX);
    // What is shown of a page is kept, and not the page: a value takes ten times the memory of its text.
    let (mut texts, mut rows) = (Vec::new(), Vec::new());
    let mut next = options.after;
    // A page may be short, or empty, and not the last.
    loop {
        let path = path(options, next, PAGE.min(wanted - texts.len() - rows.len()));
        let page = ask(reach, Ask::get(path)).await?.good()?;
        let jobs = page["jobs"].as_array().context("the reply has no list of jobs")?;
        if options.json {
            texts.extend(jobs.iter().map(terminal::json));
        } else {
            rows.extend(jobs.iter().map(row).collect::<Result<Vec<JobRow>>>()?);
        }
        next = page["next"].as_i64();
        if next.is_none() || texts.len() + rows.len() >= wanted {
            break;
        }
    }
    if options.json {
        print(&as_json(&texts, next))?;
    } else {
        print(&as_text(&rows, width()))?;
        match (rows.len(), next) {
            (0, _) => say("no such jobs"),
            (_, Some(next)) => say(&format!("there may be more: `--after {next}`, or a larger `--limit`")),
            _ => {}
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn path(options: &Options, after: Option<i64>, limit: usize) -> String {
    let mut query = vec![("limit", limit.to_string())];
    let mut add = |name, value: Option<String>| query.extend(value.map(|value| (name, value)));
    add("status", options.status.map(|status| status.to_string()));
    add("type", options.job_type.clone());
    add("queue", options.queue.clone());
    add("schedule", options.schedule.clone());
    add("after", after.map(|id| id.to_string()));
    let query = serde_html_form::to_string(&query).expect("pairs of text can be written");
    format!("/admin/jobs?{query}")
}

fn as_text(rows: &[JobRow], width: Option<usize>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let title = ["id", "status", "type", "queue", "attempts", "run at"].map(str::to_owned).to_vec();
    let cells = rows.iter().map(|row| {
        vec![
            row.id.to_string(),
            row.status.to_string(),
            clean(&row.job_type),
            clean(&row.queue),
            format!("{}/{}", row.attempts, row.max_attempts),
            row.run_at.clone(),
        ]
    });
    let cells: Vec<Vec<String>> = std::iter::once(title).chain(cells).collect();
    let columns = 0..cells[0].len();
    let wide = |at: usize| cells.iter().map(|row| row[at].chars().count() + 2).max().unwrap_or_default();
    let taken: usize = columns.map(wide).sum();
    let left = width.map_or(PAYLOAD, |width| width.saturating_sub(taken).max(LEAST));
    let payloads = rows.iter().map(|row| cut(&clean(&row.payload.to_string()), left));
    let payloads = std::iter::once("payload".to_owned()).chain(payloads);
    table(cells.into_iter().zip(payloads).map(|(mut cells, payload)| {
        cells.push(payload);
        cells
    }))
}

/// A page of jobs that are written already.
fn as_json(jobs: &[String], next: Option<i64>) -> String {
    let next = next.map_or_else(|| "null".to_owned(), |next| next.to_string());
    let mut out = "{\n  \"jobs\": [".to_owned();
    for (at, job) in jobs.iter().enumerate() {
        out.push_str(if at == 0 { "\n" } else { ",\n" });
        let lines: Vec<String> = job.lines().map(|line| format!("    {line}")).collect();
        out.push_str(&lines.join("\n"));
    }
    out.push_str(if jobs.is_empty() { "]" } else { "\n  ]" });
    out.push_str(&format!(",\n  \"next\": {next}\n}}\n"));
    out
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn one(id: i64, payload: &Value) -> JobRow {
        serde_json::from_value(json!({
            "id": id, "type": "send\u{1b}[2J", "payload": payload, "queue": "default", "priority": 5,
            "status": "pending", "run_at": "2026-01-01T00:00:00.000Z", "attempts": 0, "max_attempts": 20,
            "created_at": "2026-01-01T00:00:00.000Z", "cancel_requested": false,
        }))
        .unwrap()
    }

    #[test]
    fn a_table_fits_the_terminal_and_stored_text_does_not_move_the_cursor() {
        let rows = [one(4711, &json!({ "note": "x".repeat(200) })), one(7, &json!("\u{9b}2J"))];
        let text = as_text(&rows, Some(120));
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
        assert!(text.lines().nth(1).unwrap().ends_with("xxx…"), "{text}");
        assert!(text.lines().nth(2).unwrap().ends_with(r#""\u{9b}2J""#), "{text}");
        assert!(text.contains(r"send\u{1b}[2J") && !text.contains('\u{1b}'), "{text}");
        let narrow = as_text(&rows, Some(10));
        assert!(narrow.lines().nth(1).unwrap().ends_with("xx…"), "{narrow}");
    }

    #[test]
    fn a_page_in_json_is_written_as_any_other_json() {
        let jobs = [json!({ "id": 7, "payload": { "note": "a\u{9b}\nb", "none": [] } }), json!({ "id": 6 })];
        for count in 0..=jobs.len() {
            let some = &jobs[..count];
            let texts: Vec<String> = some.iter().map(terminal::json).collect();
            for next in [None, Some(6)] {
                let whole = json!({ "jobs": some, "next": next });
                assert_eq!(as_json(&texts, next), terminal::json(&whole));
            }
        }
    }

    #[test]
    fn what_is_asked_for_is_escaped() {
        let options = Options {
            status: Some(Status::Dead),
            job_type: Some("a&b=c d".to_owned()),
            queue: None,
            schedule: Some("each night".to_owned()),
            limit: 5,
            after: None,
            json: false,
            database: DatabaseOptions::default(),
        };
        assert_eq!(
            path(&options, Some(9), 5),
            "/admin/jobs?limit=5&status=dead&type=a%26b%3Dc+d&schedule=each+night&after=9"
        );
    }
}
