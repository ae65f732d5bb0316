//! JavaScript and TypeScript: a component with QuickJS in it, by componentize-qjs.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::tool::Tool;
use super::{Job, Made, wit};

const GET: &str = "install Node, https://nodejs.org, or `apt install nodejs npm`";

/// The versions that were tried, by npx; what is installed in the project (`npm install componentize-qjs`) comes first.
const COMPONENTIZE: &str = "componentize-qjs@0.4.5";
const ESBUILD: &str = "esbuild@0.25.12";

pub(super) fn build(job: &Job<'_>) -> Result<Made> {
    component(job, &job.folder().join(job.source.main), &job.folder())
}

/// Types are taken away, not checked: that is an editor's and `tsc`'s work.
pub(super) fn build_typed(job: &Job<'_>) -> Result<Made> {
    let script = job.between("main.js");
    npx(job, ESBUILD, "esbuild")
        .arg(job.source.main)
        .args(["--bundle", "--format=esm", "--platform=neutral", "--external:ketch:*", "--log-level=warning"])
        .arg(format!("--outfile={}", script.display()))
        .run(job)?;
    component(job, &script, job.scratch.path())
}

fn component(job: &Job<'_>, script: &Path, modules: &Path) -> Result<Made> {
    let (interface, made) = (job.between("ketch.wit"), job.between("made.wasm"));
    fs::write(&interface, wit()?).context("cannot write the interface")?;
    npx(job, COMPONENTIZE, "componentize-qjs")
        .arg("--wit")
        .arg(&interface)
        .arg("--js")
        .arg(script)
        .arg("--module-root")
        .arg(modules)
        .args(["--world", &job.world, "--sync", "--output"])
        .arg(&made)
        .run(job)?;
    Ok(Made::Component(made))
}

/// A program of npm's: that of the project if it has one, else the version that was tried.
fn npx(job: &Job<'_>, package: &str, name: &str) -> Tool {
    let own = job
        .folder()
        .ancestors()
        .take_while(|above| above.starts_with(job.root))
        .any(|above| above.join("node_modules/.bin").join(name).exists());
    Tool::new("npx", &job.folder(), GET).args(["--yes", if own { name } else { package }])
}
