//! Go: a program for the driver `exec`.

use anyhow::{Result, ensure};

use super::tool::Tool;
use super::{Job, Made};

const GET: &str = "install Go from https://go.dev/dl/, or `apt install golang-go`";

/// A folder of a module is built as its package; without a `go.mod` up to the project's folder, its files are the program.
pub(super) fn build(job: &Job<'_>) -> Result<Made> {
    let folder = job.folder();
    let program = job.between("program");
    let inside = folder.ancestors().take_while(|above| above.starts_with(job.root));
    let is_module = inside.into_iter().any(|above| above.join("go.mod").is_file());
    let go = Tool::new("go", &folder, GET).args(["build", "-trimpath", "-o"]).arg(&program);
    if is_module {
        go.arg(".").run(job)?;
    } else {
        let mut files = job.files("go")?;
        files.retain(|file| !file.to_string_lossy().ends_with("_test.go"));
        go.args(files).run(job)?;
    }
    ensure!(program.is_file(), "go has built no program: is the package of main.go called `main`?");
    Ok(Made::Program(program))
}
