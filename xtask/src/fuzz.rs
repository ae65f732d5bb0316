//! `cargo xtask fuzz`: libFuzzer makes up inputs for the targets under `fuzz/`, each for a bounded time.
//!
//! Stable Rust is enough: the instrumentation is LLVM's, asked for with flags. There is no address sanitizer, which
//! would need nightly and has little to find where `unsafe` is forbidden; a panic, a hang and too much memory count.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::command;
use crate::steps::Steps;
use crate::tools::{Need, install_system_packages};
use crate::workspace::Workspace;

/// Counters at every branch, and the operands of comparisons: how libFuzzer learns which input leads further.
const INSTRUMENTATION: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];
/// The longest input, in bytes: long enough for every form, short enough for thousands of tries a second.
const LONGEST_INPUT: u32 = 4096;
/// Seconds that one input may take. Healthy ones take less than a thousandth.
const SLOWEST_INPUT: u32 = 10;
/// Mebibytes that the process may hold.
const MEMORY: u32 = 1024;
/// How long a run may go on past its time.
const GRACE: Duration = Duration::from_secs(120);
/// Lines of libFuzzer's output that are shown after a failure.
const SHOWN_LINES: usize = 60;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The targets, files of fuzz/targets without `.rs`; all when none is named.
    targets: Vec<String>,
    /// How long to try each target.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

impl Options {
    /// Every target for so many seconds.
    pub(crate) fn all(seconds: u64) -> Self {
        Self { targets: Vec::new(), seconds }
    }
}

/// What libFuzzer says of a run.
#[derive(Debug, PartialEq)]
struct Report {
    runs: u64,
    /// Branches that were reached, in our code and in that of the libraries below it.
    coverage: u64,
}

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps, options: &Options) -> Result<()> {
    let known = targets(&workspace.root)?;
    if let Some(unknown) = options.targets.iter().find(|name| !known.contains(name)) {
        bail!("there is no fuzz target `{unknown}`; there is: {}", known.join(", "));
    }
    let program = steps.run("fuzz: build", || build(workspace))?;
    for target in known {
        if options.targets.is_empty() || options.targets.contains(&target) {
            steps.run(&format!("fuzz: {target}"), || fuzz(workspace, &program, &target, options.seconds))?;
        }
    }
    Ok(())
}

/// The names of the files under `fuzz/targets`, sorted. That each is in the program, a test in `fuzz/` holds.
fn targets(root: &Path) -> Result<Vec<String>> {
    let folder = root.join("fuzz/targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        names.extend(entry?.file_name().to_string_lossy().strip_suffix(".rs").map(str::to_owned));
    }
    ensure!(!names.is_empty(), "{} holds no target", folder.display());
    names.sort();
    Ok(names)
}

fn build(workspace: &Workspace) -> Result<PathBuf> {
    let root = &workspace.root;
    let probe = &["c++", "--version"];
    install_system_packages(root, &[Need { package: "g++", probe, why: "libFuzzer is C++" }])?;
    let version = command::output(command::program("rustc", root).arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("`rustc -vV` names no host")?;
    let mut cargo = command::cargo(root);
    // With a target that is named, the flags are not for build scripts and macros, which run in the compiler.
    cargo.args(["build", "--profile", "fuzz", "--target", host]);
    cargo.args(["--package", "ketch-fuzz", "--features", "engine", "--bin", "ketch-fuzz"]);
    command::run(cargo.env("RUSTFLAGS", INSTRUMENTATION.join(" ")))?;
    Ok(workspace.target.join(host).join("fuzz/ketch-fuzz"))
}

fn fuzz(workspace: &Workspace, program: &Path, target: &str, seconds: u64) -> Result<()> {
    let folder = workspace.target.join("fuzzing").join(target);
    let (corpus, crashes, log) = (folder.join("corpus"), folder.join("crashes"), folder.join("log"));
    for folder in [&corpus, &crashes] {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let said = File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
    let mut command = fuzzer(program, target, seconds, &crashes);
    command.current_dir(&workspace.root).stderr(Stdio::from(said));
    // What it finds goes into the first folder; the seeds are only read.
    command.arg(&corpus).arg(workspace.root.join("fuzz/seeds").join(target));
    let outcome = command::run_within(&mut command, Duration::from_secs(seconds) + GRACE);
    let text = fs::read(&log).with_context(|| format!("cannot read {}", log.display()))?;
    let text = String::from_utf8_lossy(&text);
    if outcome.is_err() {
        println!("{}", last_lines(&text));
    }
    outcome.with_context(|| {
        format!(
            "the target `{target}` broke; the input is in {}: copy it to fuzz/seeds/{target}/, run \
             `cargo test --package ketch-fuzz`, and write a unit test beside the fault",
            crashes.display()
        )
    })?;
    let report = parse(&text)?;
    println!("{target}: {} runs, {} branches reached", report.runs, report.coverage);
    Ok(())
}

fn fuzzer(program: &Path, target: &str, seconds: u64, crashes: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg(format!("--target={target}"));
    command.args([
        format!("-max_total_time={seconds}"),
        format!("-max_len={LONGEST_INPUT}"),
        format!("-timeout={SLOWEST_INPUT}"),
        format!("-rss_limit_mb={MEMORY}"),
        "-print_final_stats=1".to_owned(),
    ]);
    // libFuzzer puts the name of a file right behind the prefix.
    command.arg(format!("-artifact_prefix={}/", crashes.display()));
    command
}

fn parse(text: &str) -> Result<Report> {
    let runs = text.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    let coverage = text.lines().rev().find_map(|line| line.split_once(" cov: "));
    let (Some(runs), Some((_, coverage))) = (runs, coverage) else {
        bail!("libFuzzer printed no number of runs and no coverage:\n{}", last_lines(text));
    };
    let coverage = coverage.split(' ').next().unwrap_or(coverage);
    let report = Report { runs: runs.trim().parse()?, coverage: coverage.parse()? };
    ensure!(report.runs > 1 && report.coverage > 1, "libFuzzer tried nothing: {report:?}");
    Ok(report)
}

fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "INFO: Seed: 1\n#2\tINITED cov: 80 ft: 81 corp: 1/1b\n#99\tNEW    cov: 95 ft: 120 corp: 7\n\
        #1234\tDONE   cov: 97 ft: 130 corp: 9/1b lim: 4096 exec/s: 77 rss: 31Mb\n\
        Done 1234 runs in 16 second(s)\nstat::number_of_executed_units: 1234\nstat::peak_rss_mb:              31\n";

    #[test]
    fn the_last_coverage_and_the_number_of_runs_are_read() {
        assert_eq!(parse(GOOD).unwrap(), Report { runs: 1234, coverage: 97 });
    }

    #[test]
    fn a_run_that_tried_nothing_fails() {
        assert!(parse("").is_err());
        let blind = GOOD.replace("cov: 97", "cov: 0");
        assert!(parse(&blind).unwrap_err().to_string().contains("tried nothing"));
    }

    #[test]
    fn a_target_that_breaks_fails_the_run_and_says_where_the_input_is() {
        let workspace = Workspace::load().unwrap();
        let error = fuzz(&workspace, Path::new("false"), "no_such_target", 1).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("copy it to fuzz/seeds/no_such_target/"), "{text}");
    }

    #[test]
    fn the_targets_are_the_files() {
        let workspace = Workspace::load().unwrap();
        assert!(targets(&workspace.root).unwrap().contains(&"route".to_owned()));
    }
}
