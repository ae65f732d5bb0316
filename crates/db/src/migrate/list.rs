//! The migrations that a program brings: of a folder, read while it is compiled or while it runs.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use ketch_syntax::{MigrationFiles, Variants, migrations};
use sha2::{Digest, Sha256};

use super::MigrateError;
use crate::driver::Dialect;

/// The largest file that is read, in bytes.
const MOST_BYTES: u64 = 16 << 20;

/// The byte order mark.
const MARK: char = '\u{feff}';

/// The migrations of one part of a program: the application's own, or those of a part of Ketch.
///
/// They are made by [`migrations!`](crate::migrations), or from a folder while the program runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Migrations {
    part: Cow<'static, str>,
    folder: String,
    list: Vec<Migration>,
}

/// One migration.
#[derive(Clone, Debug, PartialEq)]
pub struct Migration {
    number: i64,
    name: Cow<'static, str>,
    up: Variants<Script>,
    down: Variants<Script>,
}

/// A file, with its text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Script {
    pub(crate) file: Cow<'static, str>,
    pub(crate) text: Cow<'static, str>,
}

impl Migrations {
    /// None.
    pub fn empty() -> Self {
        Self::of("", Vec::new())
    }

    fn of(folder: &str, list: Vec<Migration>) -> Self {
        Self { part: Cow::Borrowed("app"), folder: folder.to_owned(), list }
    }

    /// What `migrations!` expands to.
    #[doc(hidden)]
    pub fn __embedded(folder: &str, list: Vec<Migration>) -> Self {
        Self::of(folder, list)
    }

    /// Those of a folder, read now. Files whose names begin with `.` or `README` are left out; any other must be a
    /// migration. A file has 16 MiB at most.
    ///
    /// # Errors
    /// [`MigrateError::Files`], with everything that is wrong.
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Self, MigrateError> {
        let folder = folder.as_ref();
        let shown = folder.display().to_string();
        let unreadable = |error: std::io::Error| {
            MigrateError::Files(vec![format!("cannot read the folder `{shown}`: {error}")])
        };
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            names.push(entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned());
        }
        let found = migrations(names.iter().map(String::as_str)).map_err(MigrateError::Files)?;
        let mut problems = Vec::new();
        let mut read = |files: &Variants<String>| {
            let made = files.try_map(|file| script(folder, file));
            made.map_err(|problem| problems.push(problem)).unwrap_or_default()
        };
        let list = found
            .into_iter()
            .map(|MigrationFiles { number, name, up, down }| Migration {
                number,
                name: name.into(),
                up: read(&up),
                down: read(&down),
            })
            .collect();
        if problems.is_empty() { Ok(Self::of(&shown, list)) } else { Err(MigrateError::Files(problems)) }
    }

    /// The same for a part of the program that is not the application itself: a-z, 0-9 and `_`. Each part counts its
    /// own numbers.
    #[must_use]
    pub fn for_part(mut self, part: impl Into<Cow<'static, str>>) -> Self {
        self.part = part.into();
        self
    }

    /// The part they belong to: `app` unless something else was said.
    pub fn part(&self) -> &str {
        &self.part
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The folder they come from, as it was written.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// By their numbers.
    pub(crate) fn list(&self) -> &[Migration] {
        &self.list
    }

    /// A file, as people look for it.
    pub(super) fn path(&self, file: &str) -> String {
        if self.folder.is_empty() { file.to_owned() } else { format!("{}/{file}", self.folder) }
    }
}

fn script(folder: &Path, file: &str) -> Result<Script, String> {
    let path = folder.join(file);
    let unreadable = |why: String| format!("`{}`: {why}", path.display());
    let mut text = String::new();
    let opened = File::open(&path).map_err(|error| unreadable(error.to_string()))?;
    let mut bounded = opened.take(MOST_BYTES + 1);
    bounded.read_to_string(&mut text).map_err(|error| unreadable(error.to_string()))?;
    if bounded.limit() == 0 {
        return Err(unreadable(format!("it is larger than {} MiB", MOST_BYTES >> 20)));
    }
    Ok(Script::new(file.to_owned().into(), text.into()))
}

/// What `migrations!` expands to: file names and texts.
#[doc(hidden)]
pub fn migration(
    number: i64,
    name: &'static str,
    up: Variants<(&'static str, &'static str)>,
    down: Variants<(&'static str, &'static str)>,
) -> Migration {
    let of = |(file, text): (&'static str, &'static str)| Script::new(file.into(), text.into());
    let all = |them: Variants<(&'static str, &'static str)>| Variants {
        plain: them.plain.map(of),
        sqlite: them.sqlite.map(of),
        postgres: them.postgres.map(of),
    };
    Migration { number, name: name.into(), up: all(up), down: all(down) }
}

impl Migration {
    pub(super) fn number(&self) -> i64 {
        self.number
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What makes it on this engine.
    pub(crate) fn up(&self, dialect: Dialect) -> Option<&Script> {
        chosen(&self.up, dialect)
    }

    /// What undoes it on this engine.
    pub(super) fn down(&self, dialect: Dialect) -> Option<&Script> {
        chosen(&self.down, dialect)
    }

    /// Any of its files, to name it by.
    pub(super) fn any_file(&self) -> &str {
        self.up.iter().chain(self.down.iter()).next().map_or("", |script| &script.file)
    }
}

/// An engine's own wins.
fn chosen(scripts: &Variants<Script>, dialect: Dialect) -> Option<&Script> {
    let own = match dialect {
        Dialect::Sqlite => &scripts.sqlite,
        Dialect::Postgres => &scripts.postgres,
    };
    own.as_ref().or(scripts.plain.as_ref())
}

impl Script {
    /// The mark that some editors put at the beginning is left out: to PostgreSQL it is no white space.
    fn new(file: Cow<'static, str>, mut text: Cow<'static, str>) -> Self {
        match &mut text {
            Cow::Borrowed(text) => *text = text.strip_prefix(MARK).unwrap_or(text),
            Cow::Owned(text) if text.starts_with(MARK) => drop(text.drain(..MARK.len_utf8())),
            Cow::Owned(_) => {}
        }
        Self { file, text }
    }

    /// SHA-256 of its text, in hexadecimal. Line endings do not count: checkouts differ in them.
    pub(super) fn checksum(&self) -> String {
        let digest = Sha256::digest(self.text.replace("\r\n", "\n").as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether it runs in a transaction: unless its first line is `-- no transaction`.
    pub(super) fn in_transaction(&self) -> bool {
        let first = self.text.lines().next().unwrap_or_default();
        first.trim_start().strip_prefix("--").is_none_or(|rest| rest.trim() != "no transaction")
    }
}

/// The migrations of a folder, read while the program is compiled: `migrations!("migrations")`. The path is relative to
/// the folder of the `Cargo.toml` of the crate that says it.
///
/// A file that changes is compiled anew. A file that is *added* is not seen by Cargo unless the package has a `build.rs`
/// that says so:
///
/// ```text
/// // build.rs
/// fn main() {
///     println!("cargo::rerun-if-changed=migrations");
/// }
/// ```
#[macro_export]
macro_rules! migrations {
    ($folder:tt) => {
        $crate::__private::migrations!($crate, $folder)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &'static str) -> Script {
        Script::new("a".into(), text.into())
    }

    #[test]
    fn an_engines_own_file_wins_over_the_plain_one() {
        let up = Variants { plain: Some(("p", "plain")), sqlite: Some(("s", "sqlite")), postgres: None };
        let it = migration(1, "a", up, Variants::default());
        assert_eq!(it.up(Dialect::Sqlite).unwrap().text, "sqlite");
        assert_eq!(it.up(Dialect::Postgres).unwrap().text, "plain");
        assert_eq!(it.down(Dialect::Sqlite), None);
    }

    #[test]
    fn line_endings_do_not_change_a_checksum_and_everything_else_does() {
        let sum = script("create table a (b);\n").checksum();
        assert_eq!(sum, script("create table a (b);\r\n").checksum());
        assert_ne!(sum, script("create table a (b); \n").checksum());
        assert_eq!(
            sum,
            script("\u{feff}create table a (b);\n").checksum(),
            "nor does a byte order mark, which is not run either"
        );
        assert_eq!(
            script("").checksum(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "as `sha256sum` says it"
        );
    }

    #[test]
    fn only_the_first_line_can_leave_the_transaction() {
        assert!(!script("-- no transaction\ncreate index").in_transaction());
        assert!(!script("--no transaction").in_transaction());
        assert!(!script("\u{feff}-- no transaction\r\ncreate index").in_transaction());
        assert!(script("create index;\n-- no transaction").in_transaction());
        assert!(script("-- no transaction please").in_transaction());
        assert!(script("").in_transaction());
    }
}
