//! `cargo xtask bench`: Ketch beside raw axum, in one run on one machine, in interleaved pairs.
//!
//! Here is the order of things without a database, in `database/` those with one, in `jobs/` those with a queue, in `programs` those whose controllers are executables, in `reload` manifests that are loaded anew; what the servers have and have not is written in `benches/baseline/src/main.rs`, what
//! the numbers mean in `docs/performance.md`.

mod components;
mod database;
mod document;
mod jobs;
mod load;
mod machine;
mod measure;
mod page;
mod programs;
mod reload;
mod reply;
mod server;
mod spread;
mod table;
mod within;

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::command;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// The servers' packages, which are also the names of their programs.
const SIDES: [&str; 2] = ["bench-baseline", "bench-candidate"];

/// What is asked for.
struct Ask {
    /// Its name in the tables.
    name: &'static str,
    path: &'static str,
    /// With a body it is a POST of JSON, else a GET.
    body: Option<&'static str>,
}

/// What both sides are asked for.
const ENDPOINTS: [Ask; 5] = [
    Ask { name: "text, two middlewares", path: "/layered/text/ada?times=3", body: None },
    Ask { name: "JSON, two middlewares", path: "/layered/json/42?berth=7", body: None },
    Ask { name: "text", path: "/plain/text/ada?times=3", body: None },
    Ask { name: "JSON", path: "/plain/json/42?berth=7", body: None },
    Ask { name: "JSON body", path: "/plain/boats", body: Some(BODY) },
];

const BODY: &str = r#"{"name":"Gipsy Moth IV","length":16.5,"berth":7}"#;

/// The name of the comparison without a database, as `--only` takes it.
const HTTP: &str = "http";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Seconds of load for each endpoint and side of a pair, after a warm-up. Default 4, with a database 3.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: Option<u64>,
    /// Pairs of baseline and candidate, or rounds of all sides. Default 3.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pairs: Option<u64>,
    /// Groups whose name begins like this, and no others: `http`, `database`, `database-reads`, `jobs`, …; may be repeated.
    #[arg(long)]
    only: Vec<String>,
}

impl Options {
    fn wants(&self, group: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|start| group.starts_with(start.as_str()))
    }
}

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps, options: &Options) -> Result<()> {
    let groups: Vec<&str> = std::iter::once(HTTP)
        .chain(database::names())
        .chain(jobs::names())
        .chain([programs::NAME, components::NAME, reload::NAME])
        .collect();
    for start in &options.only {
        let known = groups.iter().any(|group| group.starts_with(start.as_str()));
        ensure!(known, "no group begins with `{start}`: there are {}", groups.join(", "));
    }
    steps.run("install", || load::install(&workspace.root))?;
    let programs = steps.run("build", || build(workspace))?;
    if options.wants(HTTP) {
        http(workspace, steps, options, &programs)?;
    }
    database::run(workspace, steps, options, &programs)?;
    jobs::run(workspace, steps, options, &programs)?;
    programs::run(workspace, steps, options, &programs[1])?;
    components::run(workspace, steps, options)?;
    reload::run(workspace, steps, options, &programs[1])
}

/// Ketch beside raw axum, without a database.
fn http(workspace: &Workspace, steps: &mut Steps, options: &Options, programs: &[PathBuf; 2]) -> Result<()> {
    let (seconds, count) = (options.seconds.unwrap_or(4), options.pairs.unwrap_or(3));
    steps.run("same replies", || reply::same(programs))?;
    let before = machine::load()?;
    let table = steps.run("route table", || table::measure(workspace, count))?;
    let pairs = steps.run("pairs", || measure::pairs(programs, seconds, count))?;
    let within = steps.run("within", || within::measure(&programs[1], seconds, count))?;
    let circumstances = machine::circumstances(workspace, (seconds, count), before)?;
    let sizes = machine::sizes(workspace, programs)?;
    tell(workspace, HTTP, &page::text(&circumstances, &pairs, &within, &table, sizes))
}

/// Prints what a group found and keeps it.
fn tell(workspace: &Workspace, group: &str, text: &str) -> Result<()> {
    println!("\n{text}");
    document::write(&workspace.root.join("docs/performance.md"), group, text)
}

/// Builds each package by itself, so that the features of one do not reach the other.
fn build(workspace: &Workspace) -> Result<[PathBuf; 2]> {
    for package in SIDES.into_iter().chain([table::PACKAGE, database::DIRECT, jobs::PACKAGE]) {
        command::run(command::cargo(&workspace.root).args(["build", "--release", "--package", package]))?;
    }
    let programs = SIDES.map(|name| workspace.target.join("release").join(name));
    for program in &programs {
        ensure!(program.is_file(), "cargo built {}, but it is not there", program.display());
    }
    Ok(programs)
}
