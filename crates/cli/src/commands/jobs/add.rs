//! `jobs add`: a job by the name of its type.

use std::io::Read;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Args;
use http::StatusCode;
use ketch_server::Built;
use serde_json::{Map, Value};

use super::{ask, row, time};
use crate::control::{Ask, Reach};
use crate::database::DatabaseOptions;
use crate::terminal::{clean, json, print, say};

/// The largest payload that is read, in bytes. What an application takes may be less.
const MOST: u64 = 16 << 20;

/// Which job, and how it is enqueued.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// The name of its type, as `Job::TYPE` says
    #[arg(value_name = "TYPE")]
    job_type: String,
    /// What it is made with, in JSON; `@file` reads a file, `-` reads stdin [default: an empty object]
    #[arg(value_name = "PAYLOAD")]
    payload: Option<String>,
    /// The queue it waits in
    #[arg(long, value_name = "QUEUE")]
    queue: Option<String>,
    /// 0 to 9; what waits with a higher one is run first
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(0..=9))]
    priority: Option<u8>,
    /// How long it waits before it is due: `30s`, `5m`, `1d`
    #[arg(long, value_name = "TIME", conflicts_with = "at", value_parser = time)]
    delay: Option<String>,
    /// When it is due, in RFC 3339: `2027-01-31T08:00:00Z`
    #[arg(long, value_name = "MOMENT")]
    at: Option<String>,
    /// Only if no job of its type that has this key waits or runs
    #[arg(long, value_name = "KEY")]
    unique: Option<String>,
    /// How often it is begun, at most
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    max_attempts: Option<u32>,
    /// Print JSON: the whole job
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) database: DatabaseOptions,
}

/// What is said when the queue that was named is none of those that this program works on. Another process may work on
/// it, so that this is no error.
pub(super) fn unattended(built: &mut Built, options: &Options) -> Option<String> {
    let queue = options.queue.as_deref()?;
    let there = built.take_runner()?.only_queue(queue).err()?;
    Some(format!(
        "this program works on no queue `{}`, so that the job waits until another one does; there is: {}",
        clean(queue),
        there.join(", ")
    ))
}

pub(super) async fn run(reach: &mut Reach<'_>, options: &Options) -> Result<ExitCode> {
    let answer = ask(reach, Ask::post("/admin/jobs", Some(body(options)?))).await?;
    let status = answer.status;
    let job = answer.good()?;
    let row = row(&job)?;
    print(&if options.json { json(&job) } else { format!("{}\n", row.id) })?;
    say(&match status {
        StatusCode::CREATED => format!("job {} is enqueued, and due at {}", row.id, row.run_at),
        _ => {
            format!("job {} has this unique key already and is {}: nothing was enqueued", row.id, row.status)
        }
    });
    Ok(ExitCode::SUCCESS)
}

fn body(options: &Options) -> Result<Value> {
    let mut body = Map::new();
    let mut add = |name: &str, value: Option<Value>| body.extend(value.map(|value| (name.to_owned(), value)));
    add("type", Some(options.job_type.clone().into()));
    add("payload", options.payload.as_deref().map(payload).transpose()?);
    add("queue", options.queue.clone().map(Into::into));
    add("priority", options.priority.map(Into::into));
    add("delay", options.delay.clone().map(Into::into));
    add("run_at", options.at.clone().map(Into::into));
    add("unique_key", options.unique.clone().map(Into::into));
    add("max_attempts", options.max_attempts.map(Into::into));
    Ok(Value::Object(body))
}

/// Reads a payload. What is wrong with it is told by line and column: its text may be secret.
fn payload(said: &str) -> Result<Value> {
    let (text, place) = match said.strip_prefix('@') {
        Some(path) => {
            let file = std::fs::File::open(path).with_context(|| format!("cannot read `{path}`"))?;
            (read(file, path)?, path.to_owned())
        }
        None if said == "-" => (read(std::io::stdin().lock(), "stdin")?, "stdin".to_owned()),
        None => (said.to_owned(), "the payload".to_owned()),
    };
    serde_json::from_str(&text).with_context(|| {
        format!("{place} is not JSON: write text as '\"text\"', an object as '{{\"user\": 7}}'")
    })
}

fn read(from: impl Read, place: &str) -> Result<String> {
    let mut text = String::new();
    from.take(MOST + 1).read_to_string(&mut text).with_context(|| format!("cannot read {place}"))?;
    ensure!(text.len() as u64 <= MOST, "{place} is larger than the {MOST} bytes that are read");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_read_and_what_is_none_is_not_repeated() {
        assert_eq!(payload(r#"{"user": 7}"#).unwrap()["user"], 7);
        let told = format!("{:#}", payload("secret").unwrap_err());
        assert!(told.contains("the payload is not JSON") && !told.contains("secret"), "{told}");
        let told = format!("{:#}", payload("@no-such-file").unwrap_err());
        assert!(told.contains("cannot read `no-such-file`"), "{told}");
    }

    #[test]
    fn no_more_is_read_than_is_taken() {
        let told = read(std::io::repeat(b' '), "stdin").unwrap_err().to_string();
        assert!(told.contains("stdin is larger"), "{told}");
    }
}
