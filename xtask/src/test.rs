//! `cargo xtask test`: all that CI runs, in order. On a machine with Rust, Node, Python 3 and apt nothing else is needed.

use std::process::Command;

use anyhow::Result;

use crate::schemathesis::Effort;
use crate::steps::Steps;
use crate::workspace::Workspace;
use crate::{browser, check, command, documents, guests, schemathesis, tools};

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    let tools = steps.run("install", || tools::install(workspace))?;
    check::run_installed(workspace, steps, &tools)?;
    steps.run("tests", || command::run(&mut tests(workspace)))?;
    steps.run("guests in JavaScript", || guests::run(workspace))?;
    steps.run("documents", || documents::run(workspace, &tools))?;
    steps.run("docs page", || browser::run(workspace))?;
    steps.run("schemathesis", || schemathesis::run(workspace, &tools, Effort::Short))
}

/// Unit, integration and documentation tests. `UPDATE_EXPECT=1` rewrites the goldens, those of trybuild too.
fn tests(workspace: &Workspace) -> Command {
    let mut tests = command::cargo(&workspace.root);
    // It alone would put wasmtime into every program that is tested; the driver's own tests run all the same.
    tests.args(["test", "--workspace", "--exclude", "bench-wasm"]);
    if std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1") {
        tests.env("TRYBUILD", "overwrite");
    }
    tests
}
