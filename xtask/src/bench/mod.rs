//! `cargo xtask bench`: Ketch beside raw axum, in one run on one machine, in interleaved pairs.
//!
//! Here is the order of things; what the servers have and have not is written in `benches/baseline/src/main.rs`, what
//! the numbers mean in `docs/performance.md`.

mod load;
mod machine;
mod measure;
mod page;
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

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Seconds of load for each endpoint and side of a pair, after a warm-up of two.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Pairs of baseline and candidate.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pairs: u64,
}

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps, options: &Options) -> Result<()> {
    steps.run("install", || load::install(&workspace.root))?;
    let programs = steps.run("build", || build(workspace))?;
    steps.run("same replies", || reply::same(&programs))?;
    let before = machine::load()?;
    let table = steps.run("route table", || table::measure(workspace, options.pairs))?;
    let pairs = steps.run("pairs", || measure::pairs(&programs, options.seconds, options.pairs))?;
    let within = steps.run("within", || within::measure(&programs[1], options.seconds, options.pairs))?;
    let circumstances = machine::circumstances(workspace, options, before)?;
    let sizes = machine::sizes(workspace, &programs)?;
    let text = page::text(&circumstances, &pairs, &within, &table, sizes);
    println!("\n{text}");
    page::write(&workspace.root.join("docs/performance.md"), &text)
}

/// Builds each package by itself, so that the features of one do not reach the other.
fn build(workspace: &Workspace) -> Result<[PathBuf; 2]> {
    for package in SIDES.into_iter().chain([table::PACKAGE]) {
        command::run(command::cargo(&workspace.root).args(["build", "--release", "--package", package]))?;
    }
    let programs = SIDES.map(|name| workspace.target.join("release").join(name));
    for program in &programs {
        ensure!(program.is_file(), "cargo built {}, but it is not there", program.display());
    }
    Ok(programs)
}
