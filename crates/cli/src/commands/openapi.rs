//! `openapi`: the OpenAPI document, whole or of one version.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use ketch_openapi::{document, versions};
use ketch_server::Server;

use super::{build, print};

/// Which document.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Only the endpoints of this version, and those that have none
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
}

pub(crate) fn run(server: Server, options: &Options) -> Result<ExitCode> {
    let built = build(server)?;
    let known = versions(built.api());
    if let Some(version) = &options.version
        && !known.contains(version)
    {
        bail!(
            "no endpoint has the version `{version}`; there is: {}",
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        );
    }
    print(&format!("{:#}\n", document(built.api(), options.version.as_deref())))?;
    Ok(ExitCode::SUCCESS)
}
