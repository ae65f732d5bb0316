//! SQLite called directly, by `benches/direct`: what a server cannot beat, and what a commit costs on this disk.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::lab::Lab;
use super::side::Sync;
use crate::command;

pub(in super::super) const PACKAGE: &str = "bench-direct";

/// A slice.
const MILLIS: &str = "1000";

/// What is done on one thread, without a server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direct {
    Rows,
    Lists,
    /// So many inserts in each commit.
    Inserts {
        sync: Sync,
        group: u32,
    },
}

impl Direct {
    pub(super) fn name(self) -> String {
        match self {
            Self::Rows => "one row, read into a struct".to_owned(),
            Self::Lists => "20 rows, read into structs".to_owned(),
            Self::Inserts { sync, group: 1 } => format!("insert, {}, a commit each", sync.shown()),
            Self::Inserts { sync, group } => format!("insert, {}, {group} to a commit", sync.shown()),
        }
    }

    /// How many a second, during one; of lists, lists.
    pub(super) fn slice(self, lab: &Lab<'_>, file: &Path) -> Result<f64> {
        let mut program = lab.direct();
        match self {
            Self::Rows => program.arg("reads").arg(file).arg(MILLIS),
            Self::Lists => program.arg("lists").arg(file).arg(MILLIS),
            Self::Inserts { sync, group } => {
                program.arg("inserts").arg(file).args([MILLIS, sync.name(), &group.to_string()])
            }
        };
        let said = command::output(&mut program)?;
        said.trim().parse().with_context(|| format!("`{}` is no number", said.trim()))
    }
}
