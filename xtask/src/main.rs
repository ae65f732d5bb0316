//! `cargo xtask`: the checks, tests and long runs of this repository. Here is only which command calls which file.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a developer's tool: it starts programs, reads the environment and prints"
)]

mod bench;
mod browser;
mod check;
mod command;
mod documents;
mod example;
mod fuzz;
mod guests;
mod schemathesis;
mod soak;
mod steps;
mod test;
mod tidy;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use crate::steps::Steps;
use crate::workspace::Workspace;

/// The checks, tests and long runs of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    /// Layout, tidy rules, licences, clippy and rustdoc.
    Check,
    /// The rules of this repository that no other tool knows; part of `check`.
    Tidy,
    /// All that CI runs: installs what is missing, checks, tests, and lets the outside judges test the example.
    Test,
    /// Ketch beside raw axum, into docs/performance.md; for a machine that does nothing else.
    Bench(bench::Options),
    /// Makes up inputs for the parsers, each for a while.
    Fuzz(fuzz::Options),
    /// The long forms of the tests; takes hours.
    Soak(soak::Options),
}

fn main() -> ExitCode {
    let mut steps = Steps::start();
    let outcome = run(&Command::parse(), &mut steps);
    print!("{}", steps.summary());
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command, steps: &mut Steps) -> anyhow::Result<()> {
    let workspace = Workspace::load()?;
    match command {
        Command::Check => check::run(&workspace, steps),
        Command::Tidy => tidy::run(&workspace),
        Command::Test => test::run(&workspace, steps),
        Command::Bench(options) => bench::run(&workspace, steps, options),
        Command::Fuzz(options) => fuzz::run(&workspace, steps, options),
        Command::Soak(options) => soak::run(&workspace, steps, options),
    }
}
