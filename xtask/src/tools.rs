//! What the checks and tests need beside cargo, and how it gets here: Rust components are asked for, system packages
//! come from apt, Python tools from PyPI into a folder of their own under the target directory.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::command;
use crate::workspace::Workspace;

/// The pinned Python tools.
const REQUIREMENTS: &str = include_str!("../requirements.txt");

/// What apt must provide. A machine that has it already is left alone.
const NEEDS: &[Need] = &[
    Need {
        package: "python3-venv",
        probe: &["python3", "-c", "import ensurepip, venv"],
        why: "the Python tools live in a virtual environment",
    },
    Need {
        package: "curl",
        probe: &["curl", "--version"],
        why: "what the pages on manifests tell to type is typed",
    },
    Need {
        package: "golang-go",
        probe: &["go", "version"],
        why: "the kit for Go is tested with it, and `ketch build`",
    },
    Need {
        package: "redis-server",
        probe: &["redis-server", "--version"],
        why: "the cache that machines share is tested with it",
    },
    Need {
        package: "strace",
        probe: &["strace", "-V"],
        why: "power cuts and failing disks are made up with it",
    },
    Need {
        package: "faketime",
        probe: &["faketime", "--version"],
        why: "a clock that jumps is made up with it",
    },
    Need {
        package: "postgresql",
        probe: &["sh", "-c", "initdb --version || ls /usr/lib/postgresql/*/bin/initdb"],
        why: "the database engine is tested with it",
    },
];

/// One system package and the command that succeeds when it is there.
pub(crate) struct Need {
    pub(crate) package: &'static str,
    pub(crate) probe: &'static [&'static str],
    pub(crate) why: &'static str,
}

/// The installed tools.
pub(crate) struct Tools {
    programs: PathBuf,
}

impl Tools {
    /// The path of a program that a Python package brought.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }
}

/// Installs what is missing. Quick when nothing is.
pub(crate) fn install(workspace: &Workspace) -> Result<Tools> {
    let root = &workspace.root;
    require_component(root, "rustfmt", &["fmt", "--version"])?;
    require_component(root, "clippy", &["clippy", "--version"])?;
    // Everything that the lock file names, for all platforms: later steps work offline.
    command::run(command::cargo(root).args(["fetch", "--locked"]))?;
    install_system_packages(root, NEEDS)?;
    let programs = install_python_tools(root, &workspace.target.join("tools/venv"))?;
    Ok(Tools { programs })
}

fn require_component(root: &Path, component: &str, probe: &[&str]) -> Result<()> {
    let present = command::succeeds(command::cargo(root).args(probe));
    ensure!(present, "the Rust component {component} is missing: run `rustup component add {component}`");
    Ok(())
}

/// Lets apt install what is missing; fails when only root may and we are not.
pub(crate) fn install_system_packages(root: &Path, needs: &[Need]) -> Result<()> {
    let missing = missing(needs, |need| probe(root, need));
    if missing.is_empty() {
        return Ok(());
    }
    let packages = apt_packages(&missing, is_root(root))?;
    let apt_get = || {
        let mut apt_get = command::program("apt-get", root);
        apt_get.env("DEBIAN_FRONTEND", "noninteractive");
        apt_get
    };
    command::run(apt_get().arg("update"))?;
    command::run(apt_get().args(["install", "--yes", "--no-install-recommends"]).args(&packages))?;
    for need in missing {
        ensure!(
            probe(root, need),
            "apt installed {}, but `{}` still fails",
            need.package,
            need.probe.join(" ")
        );
    }
    Ok(())
}

fn probe(root: &Path, need: &Need) -> bool {
    command::succeeds(command::program(need.probe[0], root).args(&need.probe[1..]))
}

fn missing(needs: &[Need], works: impl Fn(&Need) -> bool) -> Vec<&Need> {
    needs.iter().filter(|need| !works(need)).collect()
}

/// The names for apt, or an error that says what to run, because only root may install.
fn apt_packages(missing: &[&Need], may_install: MayInstall) -> Result<Vec<&'static str>> {
    let packages: Vec<_> = missing.iter().map(|need| need.package).collect();
    if may_install == MayInstall::Yes {
        return Ok(packages);
    }
    let reasons: Vec<_> = missing.iter().map(|need| format!("{} ({})", need.package, need.why)).collect();
    bail!(
        "missing and I am not root: {}. Run `sudo apt-get update && sudo apt-get install --yes {}`",
        reasons.join(", "),
        packages.join(" ")
    )
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum MayInstall {
    Yes,
    No,
}

fn is_root(root: &Path) -> MayInstall {
    let id = command::output(command::program("id", root).arg("-u"));
    if id.is_ok_and(|id| id.trim() == "0") { MayInstall::Yes } else { MayInstall::No }
}

/// Installs the pinned tools into `venv`, unless a stamp says that just these are there; returns their folder.
fn install_python_tools(root: &Path, venv: &Path) -> Result<PathBuf> {
    let programs = venv.join("bin");
    let python = programs.join("python");
    let stamp = venv.join("installed");
    // An environment holds its own path, so one that was moved or copied is made again.
    let wanted = format!("{}\n{REQUIREMENTS}", venv.display());
    let installed = fs::read_to_string(&stamp).is_ok_and(|found| found == wanted);
    if installed && command::succeeds(command::program(&python, root).arg("--version")) {
        return Ok(programs);
    }
    command::run(command::program("python3", root).args(["-m", "venv", "--clear"]).arg(venv))?;
    let mut pip = command::program(&python, root);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    pip.args(["--requirement", "xtask/requirements.txt"]);
    command::run(&mut pip).context("cannot install the Python tools: is PyPI in reach?")?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(programs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEED: Need =
        Need { package: "redis-server", probe: &["redis-server", "-v"], why: "a cache to test with" };

    #[test]
    fn only_what_does_not_work_is_installed() {
        let needs = [NEED];
        assert!(missing(&needs, |_| true).is_empty());
        let missing = missing(&needs, |_| false);
        assert_eq!(apt_packages(&missing, MayInstall::Yes).unwrap(), ["redis-server"]);
    }

    #[test]
    fn who_is_not_root_is_told_what_to_run() {
        let error = apt_packages(&[&NEED], MayInstall::No).unwrap_err().to_string();
        assert!(error.contains("redis-server (a cache to test with)"), "{error}");
        assert!(error.contains("sudo apt-get install --yes redis-server"), "{error}");
    }

    #[test]
    fn a_missing_component_is_named_with_its_command() {
        let error = require_component(Path::new("."), "rustfmt", &["no-such-subcommand"]).unwrap_err();
        assert!(error.to_string().contains("rustup component add rustfmt"), "{error}");
    }

    #[test]
    fn every_python_tool_is_pinned_to_one_version() {
        let mut lines = REQUIREMENTS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        assert!(lines.all(|line| line.contains("==")));
    }
}
