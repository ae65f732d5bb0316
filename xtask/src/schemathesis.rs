//! The outside judge of the HTTP surface: schemathesis reads a server's OpenAPI document and calls every endpoint with
//! what the document allows and with what it forbids. One server error, one reply that the document does not describe, or
//! one line at error level in the server's log fails the run. Programs are judged, and a manifest that the stock binary
//! serves. Which checks are left out, and why, is in `xtask/schemathesis.toml` and `xtask/schemathesis-manifest.toml`; which
//! requests, in `xtask/schemathesis_hooks.py`.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

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
    fn examples(self, judged: &Judged) -> u32 {
        match self {
            Self::Short => judged.short,
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

/// A server that is judged.
struct Judged {
    /// The package and its binary.
    name: &'static str,
    /// The manifest that it serves, below the workspace.
    manifest: Option<&'static str>,
    /// What schemathesis is told of it.
    config: &'static str,
    /// What it is told in Python: which requests are none.
    hooks: Option<&'static str>,
    /// Generated requests for each endpoint and phase in a short run.
    short: u32,
}

/// What programs are told.
const PROGRAMS: &str = "xtask/schemathesis.toml";

/// The example, whose endpoints belong together, the kitchen sink, which has all kinds of them, and the kitchen sink of
/// manifests: every source of arguments, every type, and every driver that needs nothing else installed.
const SERVERS: &[Judged] = &[
    Judged { name: "harbour", manifest: None, config: PROGRAMS, hooks: None, short: 300 },
    Judged { name: "sink", manifest: None, config: PROGRAMS, hooks: None, short: 60 },
    Judged {
        name: "ketch",
        manifest: Some("xtask/manifest"),
        config: "xtask/schemathesis-manifest.toml",
        hooks: Some("xtask/schemathesis_hooks.py"),
        short: 30,
    },
];

/// Builds and starts the servers, judges them, and stops them, one after the other.
pub(crate) fn run(workspace: &Workspace, tools: &Tools, effort: Effort) -> Result<()> {
    SERVERS.iter().try_for_each(|server| run_one(workspace, tools, effort, server))
}

fn run_one(workspace: &Workspace, tools: &Tools, effort: Effort, server: &Judged) -> Result<()> {
    let name = server.name;
    command::run(command::cargo(&workspace.root).args(["build", "--package", name]))?;
    let example = Example::serve(workspace, name, server.manifest)?;
    let judged = judge(workspace, tools, effort, server, example.url());
    if judged.is_err() {
        println!("the last lines of {name}:\n{}", example.last_lines());
    }
    let errors = example.errors();
    let stopped = example.stop();
    judged.with_context(|| {
        format!("{name} broke its own OpenAPI document, see above; the seed was {}", effort.seed())
    })?;
    ensure!(errors.is_empty(), "what strangers send is no error of ours, but {name} logged:\n{errors}");
    stopped
}

fn judge(workspace: &Workspace, tools: &Tools, effort: Effort, server: &Judged, url: &str) -> Result<()> {
    let (seed, examples) = (effort.seed(), effort.examples(server));
    // Schemathesis leaves a folder of its own where it runs.
    let folder = workspace.target.join("schemathesis");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let mut st = command::program(tools.program("st"), &folder);
    st.arg("--config-file").arg(workspace.root.join(server.config));
    st.envs(server.hooks.map(|hooks| ("SCHEMATHESIS_HOOKS", workspace.root.join(hooks))));
    st.arg("run").arg(format!("{url}/openapi.json"));
    st.args(["--phases", "examples,coverage,fuzzing,stateful"]);
    st.args(["--max-examples", &examples.to_string(), "--seed", &seed.to_string()]);
    // One worker: with two, Python 3.11 now and then fails to parse its own source (a race in `ast.parse`).
    st.args(["--workers", "1", "--request-timeout", "10", "--continue-on-failure"]);
    st.args(["--generation-database", "none", "--no-color"]);
    command::run_within(&mut st, effort.limit())
}
