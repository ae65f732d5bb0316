//! `routes`: every endpoint, and with `--explain` where each of its values comes from.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use ketch_server::{Server, explain, routes, routes_json};

use super::build_with;
use crate::terminal::print;

/// What to list.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// The folder of a manifest, besides what the program itself serves [default: `.` when that is nothing]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Show every setting with the level and the place it came from
    #[arg(long)]
    explain: bool,
    /// Print JSON, settings included
    #[arg(long, conflicts_with = "explain")]
    json: bool,
}

pub(crate) fn run(server: Server, options: &Options) -> Result<ExitCode> {
    let built = build_with(server, options.dir.as_deref())?;
    let text = if options.json {
        format!("{:#}\n", routes_json(built.api()))
    } else if options.explain {
        explain(built.api())
    } else {
        routes(built.api())
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}
