//! `cargo xtask soak`: the long forms of the tests that `cargo xtask test` runs in short.
//!
//! The tests read `KETCH_SOAK` through testkit and multiply their counts; what each counts, it prints.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};

use crate::schemathesis::Effort;
use crate::steps::Steps;
use crate::tools::{Need, Tools};
use crate::workspace::Workspace;

/// What the long forms need beside what the tests do.
const NEEDS: &[Need] = &[
    Need { package: "php-cli", probe: &["php", "--version"], why: "the worker in PHP is tried" },
    Need { package: "ruby", probe: &["ruby", "--version"], why: "the worker in Ruby is tried" },
];
use crate::{command, fuzz, guests, schemathesis, tools};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The seed of the generated requests; a fresh one each run when it is left out.
    #[arg(long)]
    seed: Option<u64>,
    /// How long to fuzz each target, in seconds.
    #[arg(long, default_value_t = 60)]
    fuzz_seconds: u64,
}

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps, options: &Options) -> Result<()> {
    let tools = steps.run("install", || {
        tools::install_system_packages(&workspace.root, NEEDS)?;
        tools::install(workspace)
    })?;
    let seed = options.seed.map_or_else(fresh_seed, Ok)?;
    steps.run("scenarios", || {
        let mut scenarios = command::cargo(&workspace.root);
        scenarios.args(["test", "--package", "ketch", "--package", "ketch-db", "--package", "ketch-jobs"]);
        scenarios.args(["--test", "it"]);
        scenarios.args(["--", "--nocapture"]);
        command::run(scenarios.env("KETCH_SOAK", "1"))
    })?;
    steps.run("a guest in Python", || guests::python(workspace, &tools))?;
    // A package of its own, because of what it builds: docs/decisions/020-driver-of-ones-own.md.
    steps.run("a driver of one's own", || {
        let mut turso = command::cargo(&workspace.root);
        turso.args(["test", "--locked", "--manifest-path", "examples/turso/Cargo.toml", "--target-dir"]);
        command::run(turso.arg(workspace.target.join("turso")))
    })?;
    steps.run("components of sources", || components(workspace, &tools))?;
    fuzz::run(workspace, steps, &fuzz::Options::all(options.fuzz_seconds))?;
    steps.run("schemathesis", || schemathesis::run(workspace, &tools, Effort::Long { seed }))
}

/// What `ketch build` makes of sources in C, JavaScript, TypeScript and Python, with the tools it asks for on the PATH.
fn components(workspace: &Workspace, tools: &Tools) -> Result<()> {
    let python = tools.program("python");
    let mut pip = command::program(&python, &workspace.root);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    command::run(pip.arg("ziglang==0.17.1"))?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = python.parent().map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
    let mut tests = command::cargo(&workspace.root);
    tests.args(["test", "--package", "ketch", "--features", "wasm", "--test", "it"]);
    tests.args(["components_of_every_language_answer", "--", "--ignored"]);
    command::run(tests.env("PATH", std::env::join_paths(folders)?))
}

fn fresh_seed() -> Result<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970: set it")?;
    Ok(now.as_secs())
}
