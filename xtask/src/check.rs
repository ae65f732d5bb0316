//! `cargo xtask check`: all checks that do not run the code under test. The quick ones come first.
//!
//! Advisories are not asked of cargo-deny, because their database is a git repository on the network; the dependency
//! floor (`tidy`) stands in for them.

use anyhow::Result;

use crate::steps::Steps;
use crate::tools::Tools;
use crate::workspace::Workspace;
use crate::{command, tidy, tools};

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    let tools = steps.run("install", || tools::install(workspace))?;
    run_installed(workspace, steps, &tools)
}

/// The checks, after the step `install`.
pub(crate) fn run_installed(workspace: &Workspace, steps: &mut Steps, tools: &Tools) -> Result<()> {
    let root = &workspace.root;
    steps.run("layout", || command::run(command::cargo(root).args(["fmt", "--all", "--check"])))?;
    steps.run("tidy", || tidy::run(workspace))?;
    steps.run("licences and duplicates", || {
        let mut deny = command::program(tools.program("cargo-deny"), root);
        deny.args(["--offline", "--workspace", "check", "--hide-inclusion-graph"]);
        // An exception that is needed no longer is an error too.
        deny.args(["--deny", "unmatched-skip", "licenses", "bans", "sources"]);
        command::run(&mut deny)
    })?;
    steps.run("clippy", || {
        let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        command::run(command::cargo(root).args(clippy))
    })?;
    steps.run("rustdoc", || {
        let mut rustdoc = command::cargo(root);
        rustdoc.args(["doc", "--workspace", "--no-deps", "--lib"]).env("RUSTDOCFLAGS", "-D warnings");
        command::run(&mut rustdoc)
    })
}
