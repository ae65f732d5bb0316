//! `cargo xtask soak`: the long forms of the tests that `cargo xtask test` runs in short.
//!
//! The tests read `KETCH_SOAK` through testkit and multiply their counts; what each counts, it prints.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};

use crate::schemathesis::Effort;
use crate::steps::Steps;
use crate::tools::{Need, Tools};
use crate::workspace::Workspace;
use crate::{command, fuzz, guests, schemathesis, tools};

/// What the long forms need beside what the tests do.
const NEEDS: &[Need] = &[
    Need { package: "php-cli", probe: &["php", "--version"], why: "the worker in PHP is tried" },
    Need { package: "ruby", probe: &["ruby", "--version"], why: "the worker in Ruby is tried" },
];

/// The target of components in Rust.
const TARGET: &str = "wasm32-wasip2";

/// The variable that names the compiler of components in Rust, where that of the PATH has no such target.
const RUSTC: &str = "KETCH_GUEST_RUSTC";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The parts; all when none is named.
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Of the scenarios, those with this in their names.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// The seed of the generated requests; a fresh one each run when it is left out.
    #[arg(long)]
    seed: Option<u64>,
    /// How long to fuzz each target, in seconds.
    #[arg(long, default_value_t = 60)]
    fuzz_seconds: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The tests, with their counts multiplied.
    Scenarios,
    /// Components of sources in every language.
    Guests,
    /// The database driver of an example.
    Driver,
    /// Inputs that libFuzzer makes up.
    Fuzz,
    /// Requests that are made up from the documents.
    Schemathesis,
}

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps, options: &Options) -> Result<()> {
    let tools = steps.run("install", || {
        tools::install_system_packages(&workspace.root, NEEDS)?;
        tools::install(workspace)
    })?;
    let seed = options.seed.map_or_else(fresh_seed, Ok)?;
    let has = |part| options.parts.is_empty() || options.parts.contains(&part);
    if has(Part::Scenarios) {
        steps.run("scenarios", || scenarios(workspace, options.only.as_deref()))?;
    }
    if has(Part::Guests) {
        steps.run("guests in JavaScript", || guests::run(workspace))?;
        steps.run("a guest in Python", || guests::python(workspace, &tools))?;
        steps.run("components of sources", || components(workspace, &tools))?;
        steps.run("components in Rust", || in_rust(workspace))?;
    }
    if has(Part::Driver) {
        // A package of its own, because of what it builds: docs/decisions/020-driver-of-ones-own.md.
        steps.run("a driver of one's own", || {
            let mut turso = command::cargo(&workspace.root);
            turso.args(["test", "--locked", "--manifest-path", "examples/turso/Cargo.toml", "--target-dir"]);
            command::run(turso.arg(workspace.target.join("turso")))
        })?;
    }
    if has(Part::Fuzz) {
        fuzz::run(workspace, steps, &fuzz::Options::all(options.fuzz_seconds))?;
    }
    if has(Part::Schemathesis) {
        steps.run("schemathesis", || schemathesis::run(workspace, &tools, Effort::Long { seed }))?;
    }
    Ok(())
}

fn scenarios(workspace: &Workspace, only: Option<&str>) -> Result<()> {
    let mut scenarios = command::cargo(&workspace.root);
    // The same packages as in `cargo xtask test`, so that nothing is built again with other features.
    scenarios.args(["test", "--workspace", "--exclude", "bench-wasm", "--test", "it"]);
    scenarios.args(["--", "--nocapture"]).args(only);
    command::run(scenarios.env("KETCH_SOAK", "1"))
}

/// What `ketch build` makes of sources in C, JavaScript, TypeScript and Python, with the tools it asks for on the PATH.
fn components(workspace: &Workspace, tools: &Tools) -> Result<()> {
    let python = tools.program("python");
    let mut pip = command::program(&python, &workspace.root);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    command::run(pip.arg("ziglang==0.17.1"))?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = python.parent().map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
    command::run(
        built("components_of_every_language_answer", workspace).env("PATH", std::env::join_paths(folders)?),
    )
}

/// The same of sources in Rust, of which the target has to be there. A machine that cannot get it does not fail for that.
fn in_rust(workspace: &Workspace) -> Result<()> {
    if !has_target(workspace) {
        let mut rustup = command::program("rustup", &workspace.root);
        let _tried = command::succeeds(rustup.args(["target", "add", TARGET]));
    }
    if has_target(workspace) {
        return command::run(&mut built("components_in_rust_answer_in_each_part", workspace));
    }
    println!(
        "NOT TRIED: components in Rust, because there is no target {TARGET} here and `rustup target add {TARGET}` fails. \
         {RUSTC} may name another compiler that has it, such as Debian's with `libstd-rust-dev-wasm32`"
    );
    Ok(())
}

fn has_target(workspace: &Workspace) -> bool {
    let rustc = std::env::var_os(RUSTC).unwrap_or_else(|| "rustc".into());
    let mut rustc = command::program(rustc, &workspace.root);
    let folder = command::output(rustc.args(["--print", "target-libdir", "--target", TARGET]));
    folder.is_ok_and(|folder| Path::new(folder.trim()).is_dir())
}

/// A test of `ketch build`, in a `ketch` with the driver of components.
fn built(name: &str, workspace: &Workspace) -> Command {
    let mut tests = command::cargo(&workspace.root);
    tests.args([
        "test",
        "--workspace",
        "--exclude",
        "bench-wasm",
        "--features",
        "ketch/wasm",
        "--test",
        "it",
        name,
    ]);
    tests.args(["--", "--ignored"]);
    tests
}

fn fresh_seed() -> Result<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970: set it")?;
    Ok(now.as_secs())
}
