//! A run as named steps: each prints its name and its duration, and a summary closes the run.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// The steps of one run so far.
pub(crate) struct Steps {
    started: Instant,
    done: Vec<Step>,
}

struct Step {
    name: String,
    took: Duration,
    outcome: Outcome,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
}

impl Steps {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), done: Vec::new() }
    }

    /// Runs one step; the first that fails ends the run.
    pub(crate) fn run<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        println!("\n== {name}");
        let started = Instant::now();
        let result = work();
        let took = started.elapsed();
        let outcome = if result.is_ok() { Outcome::Passed } else { Outcome::Failed };
        println!("-- {name}: {} in {}", outcome.word(), seconds(took));
        self.done.push(Step { name: name.to_owned(), took, outcome });
        result.with_context(|| format!("step `{name}` failed"))
    }

    /// One line a step and the total; empty when the command had no steps.
    pub(crate) fn summary(&self) -> String {
        let mut text = String::new();
        if self.done.is_empty() {
            return text;
        }
        let width = self.done.iter().map(|step| step.name.len()).max().unwrap_or_default();
        text.push('\n');
        for step in &self.done {
            let line = format!("{:<width$}  {}  {:>9}", step.name, step.outcome.word(), seconds(step.took));
            writeln!(text, "{line}").expect("a String takes every write");
        }
        let failed = self.done.iter().filter(|step| step.outcome == Outcome::Failed).count();
        let total = seconds(self.started.elapsed());
        let count = self.done.len();
        writeln!(text, "{count} steps, {failed} failed, {total}").expect("a String takes every write");
        text
    }
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_names_every_step_and_counts_the_failed_ones() {
        let mut steps = Steps::start();
        steps.run("layout", || Ok(())).unwrap();
        let error = steps.run::<()>("clippy", || anyhow::bail!("a lint")).unwrap_err();
        assert_eq!(format!("{error:#}"), "step `clippy` failed: a lint");
        let summary = steps.summary();
        assert!(summary.contains("layout  passed"), "{summary}");
        assert!(summary.contains("clippy  FAILED"), "{summary}");
        assert!(summary.contains("2 steps, 1 failed"), "{summary}");
    }

    #[test]
    fn a_command_without_steps_has_no_summary() {
        assert_eq!(Steps::start().summary(), "");
    }
}
