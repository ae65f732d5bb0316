//! `jobs stats`: how many jobs stand how, whether the queue keeps up, and who runs it.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use ketch_jobs::Counts;
use serde_json::Value;

use super::ask;
use crate::control::{Ask, Reach};
use crate::database::DatabaseOptions;
use crate::terminal::{clean, json, print, table};

/// How they are shown.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Print JSON, with what the process that answers has counted
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) database: DatabaseOptions,
}

pub(super) async fn run(reach: &mut Reach<'_>, options: &Options) -> Result<ExitCode> {
    let stats = ask(reach, Ask::get("/admin/jobs/stats")).await?.good()?;
    print(&if options.json { json(&stats) } else { as_text(&stats) })?;
    Ok(ExitCode::SUCCESS)
}

fn as_text(stats: &Value) -> String {
    const COUNTS: [&str; 8] =
        ["pending", "due", "waiting", "retrying", "running", "done", "dead", "cancelled"];
    let counts = COUNTS.map(|name| (name, counted(stats["counts"][name].as_u64().unwrap_or_default())));
    let oldest = stats["oldest_due"].as_f64().map(|seconds| format!("for {seconds:.1} s"));
    let oldest = ("oldest due", oldest.unwrap_or_else(|| "nothing is due".to_owned()));
    let runners = stats["runners"].as_array().into_iter().flatten().map(|runner| {
        let id = clean(runner["id"].as_str().unwrap_or_default());
        ("runner", format!("{id} runs {}", runner["running"]))
    });
    let lines = counts.into_iter().chain([oldest]).chain(runners);
    table(lines.map(|(name, value)| vec![name.to_owned(), value]))
}

/// Counting ends at a million.
fn counted(number: u64) -> String {
    if number < Counts::MOST { number.to_string() } else { format!("{number} or more") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_under_each_other_and_runners_below() {
        let stats = serde_json::json!({
            "counts": { "pending": 3, "due": 1, "dead": 1_000_000 },
            "oldest_due": 12.34,
            "runners": [{ "id": "boot\u{1b}-1", "running": 2 }],
        });
        let text = as_text(&stats);
        assert!(text.starts_with("pending     3\ndue         1\nwaiting     0\n"), "{text}");
        assert!(text.contains("dead        1000000 or more\n"), "{text}");
        assert!(text.ends_with("oldest due  for 12.3 s\nrunner      boot\\u{1b}-1 runs 2\n"), "{text}");
        assert!(as_text(&serde_json::json!({})).ends_with("oldest due  nothing is due\n"));
    }
}
