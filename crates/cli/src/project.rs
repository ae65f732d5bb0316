//! Whether a folder has a manifest, and what to do when it has none: the first thing that goes wrong for newcomers.

use std::path::Path;

use anyhow::{Result, bail};
use ketch_server::Server;

/// Adds the manifest of a folder to what the program itself serves. When no folder is named and the program serves
/// nothing, it is the one of the working directory, if there is one.
///
/// # Errors
/// The folder that is named has no manifest.
pub(crate) fn with_manifest(server: Server, dir: Option<&Path>) -> Result<Server> {
    let here = Path::new(".");
    match dir {
        Some(dir) => require_manifest(dir).map(|()| server.manifest(dir)),
        None if !server.has_endpoints() && require_manifest(here).is_ok() => Ok(server.manifest(here)),
        None => Ok(server),
    }
}

/// Looks for the manifest of a folder.
///
/// # Errors
/// What is there instead, and what to type.
pub(crate) fn require_manifest(dir: &Path) -> Result<()> {
    let shown = dir.display();
    // A project file may say that the project's root is elsewhere.
    if ["api.json", "ketch.json", "aicra.json"].iter().any(|name| dir.join(name).is_file()) {
        return Ok(());
    }
    if dir.is_file() {
        bail!("{shown} is a file: name the folder that it is in");
    }
    if !dir.is_dir() {
        bail!("there is no folder {shown}, and no command of this name: see `ketch --help`");
    }
    if dir.join("Cargo.toml").is_file() {
        bail!(
            "{shown} has no api.json, but a Cargo.toml: `cargo run` serves a project in Rust, and `ketch dev` while it is written"
        );
    }
    let inside = |name: &str| dir.join(name).join("api.json").is_file();
    let below = dir.read_dir().into_iter().flatten().flatten();
    let names = below.map(|entry| entry.file_name().to_string_lossy().into_owned());
    if let Some(name) = names.into_iter().find(|name| inside(name)) {
        bail!("{shown} has no api.json, but the folder {name} in it has: name that one");
    }
    bail!(
        "{shown} has no api.json, so there is nothing to serve: `ketch new --manifest DIR` writes a project"
    )
}
