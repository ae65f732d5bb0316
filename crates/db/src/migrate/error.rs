//! Why the schema was not changed.

use std::fmt;
use std::path::PathBuf;

use super::Report;
use crate::error::Error;

/// Why the schema was not changed, or not all of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MigrateError {
    /// The folder of the migrations cannot be used: everything that is wrong with it.
    Files(Vec<String>),
    /// What is asked for does not fit what is there; how.
    Asked(String),
    /// The database and the migrations do not fit together: everything that is wrong. Nothing was changed.
    Refused(Vec<String>),
    /// There is no copy of the data to go back to, so nothing was changed.
    Backup {
        /// Where it was to be.
        to: PathBuf,
        /// Why it is not there.
        why: String,
    },
    /// A migration failed. Nothing of it remains, unless it runs without a transaction.
    Failed(Box<Failure>),
    /// The database cannot be asked what it holds, or not be locked.
    Database(Error),
}

/// A migration that failed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Failure {
    /// Its file.
    pub file: String,
    /// Why.
    pub error: Error,
    /// What was done before it, and stays.
    pub done: Report,
}

impl From<Error> for MigrateError {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl fmt::Display for MigrateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(problems) => list(f, "the migrations cannot be used", problems),
            Self::Asked(why) => f.write_str(why),
            Self::Refused(problems) => list(f, "the schema is left as it is", problems),
            Self::Backup { to, why } => write!(
                f,
                "the schema is left as it is, because no copy of the data could be kept at {}: {why}. Make it \
                 possible, or go on without a copy: `migrate up --without-backup`",
                to.display()
            ),
            Self::Failed(failure) => {
                let Failure { file, error, done } = &**failure;
                write!(f, "`{file}` failed: {}", short(error))?;
                match done.done.len() {
                    0 => Ok(()),
                    1 => f.write_str("; the one before it was applied"),
                    count => write!(f, "; the {count} before it were applied"),
                }
            }
            Self::Database(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for MigrateError {}

fn list(f: &mut fmt::Formatter<'_>, what: &str, problems: &[String]) -> fmt::Result {
    match problems {
        [problem] => write!(f, "{what}: {problem}"),
        problems => {
            write!(f, "{what}:")?;
            problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
        }
    }
}

/// An error of a script, with where it failed but without the rest of the script.
fn short(error: &Error) -> String {
    const MOST: usize = 120;
    let Error::Statement { message, sql } = error else {
        return error.to_string();
    };
    let words: Vec<&str> = sql.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{message} in `{}…`", &line[..end]),
        None => format!("{message} in `{line}`"),
    }
}
