//! The docs page in a real browser: it shows the example's document, sends requests with and without a token, and shows
//! their replies. What is done there is in `xtask/browser/docs.mjs`.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::command;
use crate::example::Example;
use crate::tools::{self, Need};
use crate::workspace::Workspace;

/// Far above what it takes, which is some seconds.
const LIMIT: Duration = Duration::from_secs(120);

const NEEDS: &[Need] = &[
    Need {
        package: "chromium",
        probe: &["chromium", "--version"],
        why: "the docs page is tried in a browser",
    },
    Need { package: "nodejs", probe: &["node", "--version"], why: "it drives the browser" },
];

/// Builds and starts the example, and drives its docs page.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    tools::install_system_packages(&workspace.root, NEEDS)?;
    command::run(command::cargo(&workspace.root).args(["build", "--package", "harbour"]))?;
    let example = Example::serve(workspace, "harbour", None)?;
    let mut driver = command::program("node", &workspace.root);
    driver.args(["xtask/browser/docs.mjs", "chromium", example.url()]);
    driver.arg(workspace.target.join("browser"));
    let driven = command::run_within(&mut driver, LIMIT);
    if driven.is_err() {
        println!("the last lines of the example server:\n{}", example.last_lines());
    }
    let stopped = example.stop();
    driven.context("the docs page does not do what it must, see above")?;
    stopped
}
