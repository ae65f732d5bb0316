//! What is known of the database before it is opened: the schema that the migrations make.

use std::borrow::Cow;

use ketch_db::sqlite::BadMigration;
use ketch_db::{Dialect, MigrateError, Migrations, Schema};
use ketch_model::{Place, Problem};

use crate::drivers::is_sql;
use crate::folder::{self, Found};
use crate::project::Project;

/// What the database of a server has beside a project's tables.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a> {
    /// Which SQL it speaks.
    pub dialect: Dialect,
    /// The migrations that are not the project's, which come first.
    pub migrations: &'a [Migrations],
}

impl Default for Stored<'_> {
    fn default() -> Self {
        Self { dialect: Dialect::Sqlite, migrations: &[] }
    }
}

/// What is known of the database.
#[derive(Debug)]
pub struct Known {
    /// Its schema. Nothing when no SQL is in the project, when a migration cannot be applied, or when one has no script
    /// for SQLite: then only the database itself can say.
    pub schema: Option<Schema>,
    /// Which SQL it speaks.
    pub dialect: Dialect,
    /// Whether a migration cannot be applied, which is told already.
    pub(crate) failed: bool,
}

impl Default for Known {
    fn default() -> Self {
        Self { schema: None, dialect: Dialect::Sqlite, failed: false }
    }
}

impl Known {
    pub(crate) fn of(project: &Project, stored: &Stored<'_>, problems: &mut Vec<Problem>) -> Self {
        let nothing = Self { schema: None, dialect: stored.dialect, failed: false };
        let own = match project.migrations() {
            Ok(own) => own,
            Err(found) => {
                problems.extend(found);
                return Self { failed: true, ..nothing };
            }
        };
        if !project.needs_database() {
            return nothing;
        }
        match Schema::of(stored.migrations.iter().chain(&own)) {
            Ok(schema) => Self { schema, ..nothing },
            Err(bad) => {
                problems.push(told(project, bad));
                Self { failed: true, ..nothing }
            }
        }
    }
}

impl Project {
    /// The migrations in its folder; nothing when there is no such folder.
    ///
    /// # Errors
    /// Every file that is no migration.
    pub fn migrations(&self) -> Result<Option<Migrations>, Vec<Problem>> {
        let folder = self.file.root.join(&self.file.folders.migrations);
        if !folder.is_dir() {
            return Ok(None);
        }
        let shown = self.file.folders.migrations.display().to_string();
        let read = Migrations::from_folder(&folder);
        match read {
            Ok(read) => Ok(Some(read.for_part(self.file.part.clone()))),
            Err(MigrateError::Files(all)) => {
                Err(all.into_iter().map(|message| Problem::new(None, shown.as_str(), message)).collect())
            }
            Err(other) => Err(vec![Problem::new(None, shown, other.to_string())]),
        }
    }

    /// Whether it needs a database: it has tables, migrations, or controllers of SQL.
    pub fn needs_database(&self) -> bool {
        let runs_sql = |endpoint| {
            let endpoint: &crate::tree::Declared = endpoint;
            match &endpoint.run {
                Some(run) => is_sql(run.as_ref()),
                None => match folder::controller(&self.file, endpoint) {
                    Found::One(file) => is_sql(&file),
                    Found::Several(files) => files.iter().any(|file| is_sql(file)),
                    Found::None { .. } => false,
                },
            }
        };
        !self.tables.is_empty()
            || self.file.root.join(&self.file.folders.migrations).is_dir()
            || self.endpoints.iter().any(runs_sql)
    }
}

fn told(project: &Project, bad: BadMigration) -> Problem {
    let BadMigration { part, file, error, at, .. } = bad;
    let why = match error {
        ketch_db::Error::Statement { message, .. } => message,
        other => other.to_string(),
    };
    if part != project.file.part {
        return Problem::new(
            None,
            "migrations",
            format!("`{file}` of the part `{part}` cannot be applied: {why}"),
        );
    }
    let file = project.file.folders.migrations.join(file).display().to_string();
    let (line, column) = at.unwrap_or((1, 1));
    let place = Place { file: Cow::Owned(file), line, column };
    Problem::new(Some(place), "migrations", format!("cannot be applied: {why}"))
}
