//! What a run of the cases came to.

use std::fmt;

/// What one case came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// As it should be.
    Passed,
    /// What was expected, what was found, and where.
    Failed(String),
    /// The engine says that it cannot do what it may do without; what.
    NotSupported(String),
}

/// What all cases came to, in their order. It is shown as a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    cases: Vec<(&'static str, Outcome)>,
}

impl Report {
    /// Adds what a case came to: for cases of other crates, which are shown in the same way.
    pub fn add(&mut self, name: &'static str, outcome: Outcome) {
        self.cases.push((name, outcome));
    }

    /// Every case and what it came to.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'static str, &Outcome)> {
        self.cases.iter().map(|(name, outcome)| (*name, outcome))
    }

    /// The names of the cases that passed.
    pub fn passed(&self) -> Vec<&'static str> {
        self.those(|outcome| matches!(outcome, Outcome::Passed))
    }

    /// The names of the cases that failed.
    pub fn failed(&self) -> Vec<&'static str> {
        self.those(|outcome| matches!(outcome, Outcome::Failed(_)))
    }

    /// The names of the cases that the engine does not support, and need not.
    pub fn not_supported(&self) -> Vec<&'static str> {
        self.those(|outcome| matches!(outcome, Outcome::NotSupported(_)))
    }

    fn those(&self, wanted: impl Fn(&Outcome) -> bool) -> Vec<&'static str> {
        self.iter().filter(|(_, outcome)| wanted(outcome)).map(|(name, _)| name).collect()
    }

    /// Ends the test with the whole table when a case failed, or when none was run.
    ///
    /// # Panics
    /// When a case failed. What is not supported is no failure; a test that wants all asks
    /// [`not_supported`](Self::not_supported) too.
    #[track_caller]
    pub fn assert_all_pass(&self) {
        assert!(!self.cases.is_empty(), "no case was run: which ones were wanted?");
        assert!(self.failed().is_empty(), "{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.cases.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        for (name, outcome) in &self.cases {
            match outcome {
                Outcome::Passed => writeln!(f, "{name:width$}  passed")?,
                Outcome::Failed(why) => writeln!(f, "{name:width$}  FAILED: {why}")?,
                Outcome::NotSupported(what) => writeln!(f, "{name:width$}  not supported: {what}")?,
            }
        }
        let (passed, failed) = (self.passed().len(), self.failed().len());
        write!(f, "{passed} passed, {failed} failed, {} not supported", self.not_supported().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Report {
        let mut report = Report::default();
        report.add("a/good", Outcome::Passed);
        report.add("a/bad", Outcome::Failed("expected 1, found 2".to_owned()));
        report.add("a/other", Outcome::NotSupported("copies".to_owned()));
        report
    }

    #[test]
    fn a_report_is_a_table() {
        assert_eq!(
            three().to_string(),
            "a/good   passed\n\
             a/bad    FAILED: expected 1, found 2\n\
             a/other  not supported: copies\n\
             1 passed, 1 failed, 1 not supported"
        );
    }

    #[test]
    #[should_panic(expected = "a/bad    FAILED: expected 1, found 2")]
    fn a_failed_case_fails_the_test() {
        three().assert_all_pass();
    }

    #[test]
    #[should_panic(expected = "no case was run")]
    fn no_case_is_no_success() {
        Report::default().assert_all_pass();
    }
}
