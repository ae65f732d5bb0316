//! `openapi`: the OpenAPI document, whole or of one version; with `--check`, how it differs from a stored one. `openapi
//! import` goes the other way.

mod import;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand};
use ketch_openapi::{Change, compare, document, versions};
use ketch_server::Server;
use serde_json::{Value, json};

use super::build_with;
use crate::terminal::print;

/// The largest stored document that is read, in bytes.
const MOST_BYTES: u64 = 64 << 20;

/// Which document, and what of it.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// The folder of a manifest, besides what the program itself serves [default: `.` when that is nothing]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Only the endpoints of this version, and those that have none
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Compare with a stored document, and fail (exit code 1) when a client written for it could break
    ///
    /// Breaking is what is gone, needed only now, taken less often, or answered that was not before. Everything else
    /// that differs is listed as a note. Store the document with `openapi > openapi.json`.
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// Print the differences as JSON
    #[arg(long, requires = "check")]
    json: bool,
}

/// What else to do with a document.
#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Start a manifest from an OpenAPI document, 3.0 or 3.1, in JSON or YAML
    ///
    /// Writes a project that `serve` answers with the document's examples, or with some made from its schemas. What a
    /// manifest cannot say is listed on stderr, each thing with its place in the document, and stands as a comment
    /// where it would have been.
    Import(import::Options),
}

pub(crate) fn run(server: Server, options: &Options) -> Result<ExitCode> {
    if let Some(Command::Import(options)) = &options.command {
        return import::run(options);
    }
    // What cannot be read is said before a server is built for it.
    let stored = options.check.as_deref().map(read).transpose()?;
    let built = build_with(server, options.dir.as_deref())?;
    let known = versions(built.api());
    if let Some(version) = &options.version
        && !known.contains(version)
    {
        bail!(
            "no endpoint has the version `{version}`; there is: {}",
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        );
    }
    let present = document(built.api(), options.version.as_deref());
    let Some(stored) = stored else {
        print(&format!("{present:#}\n"))?;
        return Ok(ExitCode::SUCCESS);
    };
    let changes = compare(&stored, &present);
    print(&if options.json { as_json(&changes) } else { as_text(&changes) })?;
    let broken = changes.iter().any(|change| change.breaking);
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn read(path: &Path) -> Result<Value> {
    let shown = path.display();
    let length = std::fs::metadata(path).with_context(|| format!("cannot read `{shown}`"))?.len();
    ensure!(
        length <= MOST_BYTES,
        "`{shown}` is larger than the {MOST_BYTES} bytes that are read: is it the document?"
    );
    let bytes = std::fs::read(path).with_context(|| format!("cannot read `{shown}`"))?;
    let stored: Value = serde_json::from_slice(&bytes)
        .with_context(|| format!("`{shown}` is not JSON; write it with `openapi > {shown}`"))?;
    let is_document = stored["openapi"].as_str().is_some_and(|version| version.starts_with("3."));
    ensure!(is_document, "`{shown}` is not an OpenAPI 3 document: it has no `\"openapi\": \"3…\"`");
    Ok(stored)
}

/// One line a difference, and their count.
fn as_text(changes: &[Change]) -> String {
    let mut out = String::new();
    for Change { place, breaking, what } in changes {
        let weight = if *breaking { "breaking" } else { "note" };
        writeln!(out, "{weight:<8}  {place}: {what}").expect("a String takes everything");
    }
    let count = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    let breaking = changes.iter().filter(|change| change.breaking).count();
    let notes = changes.len() - breaking;
    writeln!(out, "{}, {}", count(breaking, "breaking change"), count(notes, "note"))
        .expect("a String takes everything");
    out
}

fn as_json(changes: &[Change]) -> String {
    let one = |Change { place, breaking, what }: &Change| json!({ "endpoint": place, "breaking": breaking, "what": what });
    format!("{:#}\n", Value::Array(changes.iter().map(one).collect()))
}
