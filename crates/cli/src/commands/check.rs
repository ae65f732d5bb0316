//! `check`: everything that would keep the server from starting, each problem at its line.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use ketch_model::{Problem, Problems};
use ketch_server::Server;
use serde_json::{Value, json};

use crate::terminal::print;

/// What to check.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// The folder of a manifest to check, besides what the program itself serves [default: `.` when that is nothing]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print the JSON Schema of a file instead, for editors
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "dir"])]
    schema: Option<Schema>,
}

/// Whose schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Schema {
    /// `api.json`
    Manifest,
    /// `ketch.json`
    Project,
}

pub(crate) fn run(server: Server, options: &Options) -> Result<ExitCode> {
    if let Some(schema) = options.schema {
        let schema = match schema {
            Schema::Manifest => ketch_manifest::api_schema(),
            Schema::Project => ketch_manifest::project_schema(),
        };
        print(&format!("{schema:#}\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let server = match &options.dir {
        Some(dir) => server.manifest(dir),
        None if server.has_endpoints() => server,
        None => server.manifest("."),
    };
    let checked = match server.build() {
        Ok(built) => Checked { endpoints: built.api().endpoints.len(), problems: Vec::new() },
        Err(Problems(problems)) => Checked { endpoints: 0, problems },
    };
    print(&if options.json { checked.as_json() } else { checked.as_text() })?;
    Ok(if checked.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What came of it.
struct Checked {
    /// All that would be served, the built-in ones among them.
    endpoints: usize,
    problems: Vec<Problem>,
}

impl Checked {
    /// One line a problem, and their count.
    fn as_text(&self) -> String {
        let mut out = String::new();
        for problem in &self.problems {
            writeln!(out, "{problem}").expect("a String takes everything");
        }
        let places = self.problems.iter().filter_map(|problem| problem.place.as_ref());
        let files: BTreeSet<&str> = places.map(|place| &*place.file).collect();
        let summary = match (self.problems.len(), files.len()) {
            (0, _) => format!("{}, no problems", count(self.endpoints, "endpoint")),
            (problems, 0) => count(problems, "problem"),
            (problems, files) => format!("{} in {}", count(problems, "problem"), count(files, "file")),
        };
        writeln!(out, "{summary}").expect("a String takes everything");
        out
    }

    fn as_json(&self) -> String {
        let one = |problem: &Problem| {
            let place = problem.place.as_ref();
            json!({
                "file": place.map(|place| &place.file),
                "line": place.map(|place| place.line),
                "column": place.map(|place| place.column),
                "subject": problem.subject,
                "message": problem.message,
            })
        };
        let problems: Vec<Value> = self.problems.iter().map(one).collect();
        format!("{:#}\n", json!({ "endpoints": self.endpoints, "problems": problems }))
    }
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
