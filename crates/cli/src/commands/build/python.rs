//! Python: a component with CPython in it, by componentize-py.

use std::fs;

use anyhow::{Context, Result, bail};

use super::tool::Tool;
use super::{Job, Made, wit};

const GET: &str = "`pip install componentize-py`, in the virtual environment that `ketch build` runs in or anywhere on \
                   the PATH. A main.py that can be executed (`chmod +x`) is run as it is, by the Python that is here, \
                   and is not built";

/// The folder's modules are there for `main`, and those of the project's `lib/`.
pub(super) fn build(job: &Job<'_>) -> Result<Made> {
    let (interface, made) = (job.between("ketch.wit"), job.between("made.wasm"));
    fs::write(&interface, wit()?).context("cannot write the interface")?;
    if !Tool::new("componentize-py", &job.folder(), GET).arg("--version").works() {
        bail!("there is no `componentize-py` here: {GET}");
    }
    let mut tool = Tool::new("componentize-py", &job.folder(), GET).arg("--wit-path").arg(&interface).args([
        "--world",
        &job.world,
        "componentize",
        "main",
        "--python-path",
        ".",
    ]);
    let lib = job.root.join("lib");
    if lib.is_dir() {
        tool = tool.arg("--python-path").arg(lib);
    }
    tool.arg("--output").arg(&made).run(job)?;
    Ok(Made::Component(made))
}
