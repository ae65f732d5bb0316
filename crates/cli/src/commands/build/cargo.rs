//! Rust: a program for the driver `exec`, or, of a package that is a `cdylib`, a component.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ketch_manifest::BUILD_FOLDER;
use serde_json::Value;

use super::tool::Tool;
use super::{Job, Made};

const GET: &str = "install Rust from https://rustup.rs";

/// The target of components.
const TARGET: &str = "wasm32-wasip2";

pub(super) fn build(job: &Job<'_>) -> Result<Made> {
    let cargo = || Tool::new("cargo", &job.folder(), GET);
    let metadata = cargo().args(["metadata", "--no-deps", "--format-version", "1"]).output(job)?;
    let metadata: Value =
        serde_json::from_slice(&metadata).context("cannot read what `cargo metadata` says")?;
    let manifest = job.folder().join("Cargo.toml").canonicalize()?;
    let is_component = is_component(&metadata, &manifest)?;
    if is_component {
        require_target(job)?;
    }
    let target = job.root.join(BUILD_FOLDER).join("cargo");
    let build = cargo()
        .args(["build", "--release", "--message-format", "json-render-diagnostics", "--target-dir"])
        .arg(target)
        .args(if is_component { ["--lib", "--target", TARGET].as_slice() } else { ["--bins"].as_slice() });
    let messages = String::from_utf8(build.output(job)?).context("cargo speaks no UTF-8")?;
    let made = artifact(&messages, &manifest).context("cargo has built neither a program nor a component")?;
    // It stays where Cargo looks for it, so a copy goes on.
    let copy = job.between("made");
    std::fs::copy(&made, &copy).with_context(|| format!("cannot copy {}", made.display()))?;
    Ok(if is_component { Made::Component(copy) } else { Made::Program(copy) })
}

/// Whether the package becomes a component, and no program.
fn is_component(metadata: &Value, manifest: &Path) -> Result<bool> {
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let package = packages
        .iter()
        .find(|it| it["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest));
    let targets = package.and_then(|it| it["targets"].as_array()).map(Vec::as_slice).unwrap_or_default();
    let has = |wanted: &str| {
        let kinds = targets.iter().filter_map(|target| target["kind"].as_array()).flatten();
        kinds.into_iter().any(|kind| kind == wanted)
    };
    if has("cdylib") {
        Ok(true)
    } else if has("bin") {
        Ok(false)
    } else {
        bail!(
            "its package is neither a program nor a `cdylib`: give it a src/main.rs, or `crate-type = [\"cdylib\"]`"
        )
    }
}

fn require_target(job: &Job<'_>) -> Result<()> {
    let rustc = Tool::said("RUSTC", "rustc", &job.folder(), GET);
    let rustc = rustc.args(["--print", "target-libdir", "--target", TARGET]);
    let folder = String::from_utf8(rustc.output(job)?).unwrap_or_default();
    if !Path::new(folder.trim()).is_dir() {
        bail!("Rust cannot build components here yet: `rustup target add {TARGET}`");
    }
    Ok(())
}

/// The file that Cargo says it has made of the package.
fn artifact(messages: &str, manifest: &Path) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut own = messages.filter(|message| {
        message["reason"] == "compiler-artifact"
            && message["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest)
    });
    own.find_map(|message| {
        let component = || {
            let files = message["filenames"].as_array()?;
            files.iter().filter_map(Value::as_str).find(|name| name.ends_with(".wasm"))
        };
        message["executable"].as_str().or_else(component).map(PathBuf::from)
    })
}
