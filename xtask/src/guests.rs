//! WASM guests in JavaScript: they are built with a pinned componentize-qjs from npm, below the target folder, and then
//! the tests that need them run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::command;
use crate::tools::{self, Need, Tools};
use crate::workspace::Workspace;

/// The pinned packages.
const PACKAGES: &str = include_str!("../javascript/package.json");

/// The guests, which are called like their worlds.
const GUESTS: [&str; 3] = ["controller", "middleware", "type-checker"];

const NEEDS: &[Need] = &[
    Need { package: "nodejs", probe: &["node", "--version"], why: "it builds WASM guests from JavaScript" },
    Need { package: "npm", probe: &["npm", "--version"], why: "what builds WASM guests comes from there" },
];

/// Builds the guests, and runs the tests that need them.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    tools::install_system_packages(&workspace.root, NEEDS)?;
    let program = install(workspace)?;
    let folder = workspace.target.join("tools/guests");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for name in GUESTS {
        let mut build = command::program(&program, &workspace.root);
        build.args(["--wit", "crates/wasm/wit", "--world", name, "--sync", "--opt-size"]);
        build.arg("--js").arg(format!("crates/wasm/tests/guests/{name}.js"));
        build.arg("--output").arg(folder.join(format!("{name}.wasm")));
        command::run(&mut build).with_context(|| format!("{name}.js cannot be made a component"))?;
    }
    test(workspace, "in_javascript", &folder)
}

/// Builds a guest in Python, and runs its test: it is large, and takes longer.
pub(crate) fn python(workspace: &Workspace, tools: &Tools) -> Result<()> {
    let folder = workspace.target.join("tools/guests");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let guests = workspace.root.join("crates/wasm/tests/guests");
    let mut build = command::program(tools.program("componentize-py"), &guests);
    build.args(["--wit-path", "../../wit", "--world", "controller", "componentize", "app", "--output"]);
    command::run(build.arg(folder.join("python.wasm"))).context("app.py cannot be made a component")?;
    test(workspace, "in_python", &folder)
}

/// The same packages as for all tests, so that nothing is built again with other features.
fn test(workspace: &Workspace, name: &str, folder: &Path) -> Result<()> {
    let mut tests = command::cargo(&workspace.root);
    tests.args(["test", "--workspace", "--exclude", "bench-wasm", "--test", "it", name, "--", "--ignored"]);
    command::run(tests.env("KETCH_TEST_GUESTS", folder))
}

/// Installs componentize-qjs, unless a stamp says that just this one is there; returns the program.
fn install(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target.join("tools/npm");
    let program = folder.join("node_modules/.bin/componentize-qjs");
    let stamp = folder.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == PACKAGES) && program.is_file() {
        return Ok(program);
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    write(&folder.join("package.json"))?;
    let mut npm = command::program("npm", &folder);
    npm.args(["install", "--no-audit", "--no-fund", "--loglevel", "error"]);
    command::run(&mut npm).context("cannot install componentize-qjs: is npm's registry in reach?")?;
    write(&stamp)?;
    Ok(program)
}

fn write(path: &Path) -> Result<()> {
    fs::write(path, PACKAGES).with_context(|| format!("cannot write {}", path.display()))
}
