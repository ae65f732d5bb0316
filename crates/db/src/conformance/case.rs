//! What a case is.

use crate::db::Db;
use crate::driver::{Dialect, Pending};
use crate::options::Options;

use super::check::Checked;

/// What an engine may do without. A case that needs it counts as not supported when the engine answers
/// [`Error::Unsupported`](crate::Error::Unsupported); everything else is asked of every engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capability {
    /// Copies of all data in a file.
    Backup,
    /// Saying what a statement is without running it.
    Describe,
    /// Telling and hearing notices.
    Notices,
}

/// A case: an async function on an empty database.
pub(super) struct Case {
    /// Its file and its function.
    pub(super) name: &'static str,
    pub(super) needs: Option<Capability>,
    /// The only dialect that knows such a thing.
    pub(super) only: Option<Dialect>,
    /// What the database is opened with.
    pub(super) options: fn(&mut Options),
    pub(super) run: fn(Db) -> Pending<Checked>,
}

impl Case {
    pub(super) const fn new(name: &'static str, run: fn(Db) -> Pending<Checked>) -> Self {
        Self { name, needs: None, only: None, options: |_| {}, run }
    }

    pub(super) const fn needs(mut self, capability: Capability) -> Self {
        self.needs = Some(capability);
        self
    }

    pub(super) const fn only(mut self, dialect: Dialect) -> Self {
        self.only = Some(dialect);
        self
    }

    pub(super) const fn with(mut self, options: fn(&mut Options)) -> Self {
        self.options = options;
        self
    }
}

/// A case whose name is its group and its function.
macro_rules! case {
    ($group:literal, $function:ident) => {
        $crate::conformance::case::Case::new(concat!($group, "/", stringify!($function)), |db| {
            Box::pin($function(db))
        })
    };
}
pub(super) use case;
