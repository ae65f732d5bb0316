//! The outside judge of the HTTP surface: schemathesis reads the example's OpenAPI document and calls every endpoint
//! with what the document allows and with what it forbids. One server error or one reply that the document does not
//! describe fails the run.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::command;
use crate::example::Example;
use crate::tools::Tools;
use crate::workspace::Workspace;

/// How much is tried.
#[derive(Clone, Copy)]
pub(crate) enum Effort {
    /// About a minute, the same requests every time.
    Short,
    /// Hours, with requests of their own each time.
    Long { seed: u64 },
}

impl Effort {
    fn seed(self) -> u64 {
        match self {
            Self::Short => 1,
            Self::Long { seed } => seed,
        }
    }

    /// Generated requests for each endpoint and phase.
    fn examples(self) -> u32 {
        match self {
            Self::Short => 300,
            Self::Long { .. } => 20_000,
        }
    }

    /// No run may hang: far above what a healthy run takes.
    fn limit(self) -> Duration {
        match self {
            Self::Short => Duration::from_secs(10 * 60),
            Self::Long { .. } => Duration::from_secs(12 * 60 * 60),
        }
    }
}

/// Builds and starts the example, judges it, and stops it.
pub(crate) fn run(workspace: &Workspace, tools: &Tools, effort: Effort) -> Result<()> {
    command::run(command::cargo(&workspace.root).args(["build", "--package", "harbour"]))?;
    let example = Example::start(Command::new(workspace.target.join("debug/harbour")).args([
        "serve",
        "--listen",
        "127.0.0.1:0",
    ]))?;
    let judged = judge(workspace, tools, effort, example.url());
    if judged.is_err() {
        println!("the last lines of the example server:\n{}", example.last_lines());
    }
    let stopped = example.stop();
    judged.with_context(|| {
        format!("the example broke its own OpenAPI document, see above; the seed was {}", effort.seed())
    })?;
    stopped
}

fn judge(workspace: &Workspace, tools: &Tools, effort: Effort, url: &str) -> Result<()> {
    // Schemathesis leaves a folder of its own where it runs.
    let folder = workspace.target.join("schemathesis");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let mut st = command::program(tools.program("st"), &folder);
    st.arg("run").arg(format!("{url}/openapi.json"));
    st.args(["--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"]);
    // Left out: that whatever fits the schema is accepted. A schema cannot say that a boat exists (422), and counts
    // 1.0 as an integer, which serde does not (400).
    st.args(["--exclude-checks", "positive_data_acceptance"]);
    st.args(["--max-examples", &effort.examples().to_string(), "--seed", &effort.seed().to_string()]);
    // One worker: with two, Python 3.11 now and then fails to parse its own source (a race in `ast.parse`).
    st.args(["--workers", "1", "--request-timeout", "10", "--continue-on-failure"]);
    st.args(["--generation-database", "none", "--no-color"]);
    command::run_within(&mut st, effort.limit())
}
