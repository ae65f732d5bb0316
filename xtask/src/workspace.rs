//! This workspace as cargo sees it: where it lies, where it builds, its packages and what they depend on.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::command;

/// What `cargo metadata --no-deps` says.
#[derive(Deserialize)]
pub(crate) struct Workspace {
    #[serde(rename = "workspace_root")]
    pub(crate) root: PathBuf,
    /// The target directory; `CARGO_TARGET_DIR` and cargo's configuration are respected.
    #[serde(rename = "target_directory")]
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
}

#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) kind: Kind,
}

/// When a dependency is used; metadata says `null` for the normal kind.
#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "Option<String>")]
pub(crate) enum Kind {
    #[default]
    Normal,
    Build,
    Dev,
}

#[derive(Deserialize)]
pub(crate) struct Target {
    pub(crate) kind: Vec<String>,
    pub(crate) src_path: PathBuf,
}

impl Workspace {
    /// Asks cargo about the workspace that this program was built from. Needs no network.
    pub(crate) fn load() -> Result<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let json =
            command::output(command::cargo(here).args(["metadata", "--no-deps", "--format-version=1"]))?;
        serde_json::from_str(&json).context("`cargo metadata` answered in a form that xtask does not know")
    }

    /// The path as seen from the root, with forward slashes.
    pub(crate) fn relative(&self, path: &Path) -> String {
        let inside = path.strip_prefix(&self.root).unwrap_or(path);
        inside.to_string_lossy().replace('\\', "/")
    }
}

impl Target {
    pub(crate) fn is_library(&self) -> bool {
        self.kind.iter().any(|kind| kind == "lib" || kind == "proc-macro")
    }
}

impl From<Option<String>> for Kind {
    fn from(word: Option<String>) -> Self {
        match word.as_deref() {
            Some("build") => Self::Build,
            Some("dev") => Self::Dev,
            _ => Self::Normal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_tells_of_this_very_package() {
        let workspace = Workspace::load().unwrap();
        let xtask = workspace.packages.iter().find(|package| package.name == "xtask").unwrap();
        assert_eq!(workspace.relative(&xtask.manifest_path), "xtask/Cargo.toml");
        assert!(xtask.dependencies.iter().any(|dependency| dependency.name == "anyhow"));
    }

    #[test]
    fn the_kind_of_a_dependency_is_read() {
        let json = r#"[{"name":"a","kind":null},{"name":"b","kind":"dev"},{"name":"c","kind":"build"}]"#;
        let read: Vec<Dependency> = serde_json::from_str(json).unwrap();
        assert!(read[0].kind == Kind::Normal && read[1].kind == Kind::Dev && read[2].kind == Kind::Build);
    }
}
