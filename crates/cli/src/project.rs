//! Whether a folder has a manifest, and what to do when it has none: the first thing that goes wrong for newcomers.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use ketch_server::Server;

/// The project that is meant: the one that is named, else the one of the working directory, when the program has nothing
/// of its own. None when there is neither.
pub(crate) fn meant(server: &Server, named: Option<&Path>) -> Option<PathBuf> {
    let here = || Some(PathBuf::from(".")).filter(|here| !server.has_endpoints() && has_manifest(here));
    named.map(Path::to_owned).or_else(here)
}

fn has_manifest(dir: &Path) -> bool {
    // A project file may say that the project's root is elsewhere.
    ["api.json", "ketch.json", "aicra.json"].iter().any(|name| dir.join(name).is_file())
}

/// Looks for the manifest of a folder.
///
/// # Errors
/// What is there instead, and what to type.
pub(crate) fn require_manifest(dir: &Path) -> Result<()> {
    let shown = dir.display();
    if has_manifest(dir) {
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
