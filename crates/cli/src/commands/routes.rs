//! `routes`: every endpoint, and with `--explain` where each of its values comes from.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use ketch_server::{Server, explain, routes, routes_json};

use super::build;
use crate::terminal::print;

/// What to list.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Show every setting with the level and the place it came from
    #[arg(long)]
    explain: bool,
    /// Print JSON, settings included
    #[arg(long, conflicts_with = "explain")]
    json: bool,
}

pub(crate) fn run(server: Server, options: &Options) -> Result<ExitCode> {
    let built = build(server)?;
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
