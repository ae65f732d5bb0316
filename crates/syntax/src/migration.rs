//! Migrations: how their files are called, and which belong together.

use std::collections::BTreeMap;

/// A script for all engines, or for one. An engine's own wins over the plain one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variants<T> {
    /// For every engine that has none of its own: `001_boats.up.sql`.
    pub plain: Option<T>,
    /// For SQLite: `001_boats.up.sqlite.sql`.
    pub sqlite: Option<T>,
    /// For PostgreSQL: `001_boats.up.postgres.sql`.
    pub postgres: Option<T>,
}

impl<T> Default for Variants<T> {
    fn default() -> Self {
        Self { plain: None, sqlite: None, postgres: None }
    }
}

impl<T> Variants<T> {
    /// Those there are: plain, SQLite, PostgreSQL.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        [&self.plain, &self.sqlite, &self.postgres].into_iter().flatten()
    }

    /// The same with other contents.
    ///
    /// # Errors
    /// The first of `make`.
    pub fn try_map<U, E>(&self, mut make: impl FnMut(&T) -> Result<U, E>) -> Result<Variants<U>, E> {
        Ok(Variants {
            plain: self.plain.as_ref().map(&mut make).transpose()?,
            sqlite: self.sqlite.as_ref().map(&mut make).transpose()?,
            postgres: self.postgres.as_ref().map(&mut make).transpose()?,
        })
    }

    fn slot(&mut self, engine: Engine) -> &mut Option<T> {
        match engine {
            Engine::Any => &mut self.plain,
            Engine::Sqlite => &mut self.sqlite,
            Engine::Postgres => &mut self.postgres,
        }
    }
}

/// The files of one migration, by their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationFiles {
    /// Its number, from 1.
    pub number: i64,
    /// Its name: a-z, 0-9 and `_`.
    pub name: String,
    /// What makes it. There is at least one.
    pub up: Variants<String>,
    /// What undoes it, if anything can.
    pub down: Variants<String>,
}

/// The migrations of a folder, by their numbers. `001_boats.sql` is the same as `001_boats.up.sql`. Files whose names begin with `.` or `README` are left out; any other
/// must be a migration.
///
/// ```
/// use ketch_syntax::migrations;
/// let found = migrations(["002_log.up.sql", "001_boats.up.sql", "001_boats.down.sql", "README.md"]).unwrap();
/// assert_eq!((found[0].number, found[0].name.as_str()), (1, "boats"));
/// assert_eq!(found[1].down.plain, None);
/// assert!(migrations(["boats.sql"]).unwrap_err()[0].starts_with("`boats.sql` is no migration"));
/// ```
///
/// # Errors
/// Everything that is wrong, a sentence each, in the order of the names.
pub fn migrations<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Vec<MigrationFiles>, Vec<String>> {
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    let mut found: BTreeMap<i64, MigrationFiles> = BTreeMap::new();
    let mut problems = Vec::new();
    for file in names {
        if file.starts_with('.') || file.starts_with("README") {
            continue;
        }
        match parse(file) {
            Ok(parsed) => problems.extend(keep(&mut found, file, &parsed)),
            Err(problem) => problems.push(problem),
        }
    }
    for files in found.values() {
        if let (None, Some(down)) = (files.up.iter().next(), files.down.iter().next()) {
            let up = down.replacen(".down.", ".up.", 1);
            problems.push(format!("`{down}` undoes nothing: there is no `{up}`"));
        }
    }
    if problems.is_empty() { Ok(found.into_values().collect()) } else { Err(problems) }
}

/// Puts a file where it belongs; what is wrong when it belongs nowhere.
fn keep(found: &mut BTreeMap<i64, MigrationFiles>, file: &str, parsed: &Parsed<'_>) -> Option<String> {
    let files = found.entry(parsed.number).or_insert_with(|| MigrationFiles {
        number: parsed.number,
        name: parsed.name.to_owned(),
        up: Variants::default(),
        down: Variants::default(),
    });
    let number = parsed.number;
    if files.name != parsed.name {
        let other = files.up.iter().chain(files.down.iter()).next().map_or("", String::as_str);
        return Some(format!("`{other}` and `{file}` both have the number {number}: give one another"));
    }
    let variants = if parsed.up { &mut files.up } else { &mut files.down };
    let slot = variants.slot(parsed.engine);
    match slot {
        Some(other) => Some(format!("`{other}` and `{file}` are the same migration: remove one")),
        None => {
            *slot = Some(file.to_owned());
            None
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Engine {
    Any,
    Sqlite,
    Postgres,
}

/// A file's name, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Parsed<'a> {
    number: i64,
    name: &'a str,
    up: bool,
    engine: Engine,
}

fn parse(file: &str) -> Result<Parsed<'_>, String> {
    let form = || {
        format!(
            "`{file}` is no migration: write `001_name.sql`, or `001_name.up.sql` and `001_name.down.sql`, or for one engine \
             `001_name.up.sqlite.sql` and `001_name.up.postgres.sql`"
        )
    };
    let stem = file.strip_suffix(".sql").ok_or_else(form)?;
    let (stem, engine) = match stem.rsplit_once('.') {
        Some((stem, "sqlite")) => (stem, Engine::Sqlite),
        Some((stem, "postgres")) => (stem, Engine::Postgres),
        _ => (stem, Engine::Any),
    };
    let (stem, up) = match stem.rsplit_once('.') {
        Some((stem, "up")) => (stem, true),
        Some((stem, "down")) => (stem, false),
        Some(_) => return Err(form()),
        // What says neither makes something.
        None => (stem, true),
    };
    let (digits, name) = stem.split_once('_').ok_or_else(form)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(form());
    }
    let number = match digits.parse::<i64>() {
        Ok(0) => return Err(format!("`{file}`: numbers begin at 1")),
        Ok(number) => number,
        Err(_) => return Err(format!("`{file}`: the number has too many digits, 18 are enough")),
    };
    if !is_name(name) {
        return Err(format!("`{file}`: a name is written with a-z, 0-9 and `_`"));
    }
    Ok(Parsed { number, name, up, engine })
}

/// a-z, 0-9 and `_`.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(names: &[&str]) -> Vec<String> {
        migrations(names.iter().copied()).unwrap_err()
    }

    #[test]
    fn files_of_one_number_belong_together_whatever_their_order() {
        let found = migrations([
            "010_sails.up.sql",
            "2_log.up.postgres.sql",
            "0002_log.up.sqlite.sql",
            "002_log.down.sql",
            ".gitkeep",
            "README",
        ])
        .unwrap();
        let numbers: Vec<i64> = found.iter().map(|it| it.number).collect();
        assert_eq!(numbers, [2, 10], "by number, gaps and zeros allowed");
        let log = &found[0];
        assert_eq!(log.up.plain, None);
        assert_eq!(log.up.sqlite.as_deref(), Some("0002_log.up.sqlite.sql"));
        assert_eq!(log.up.postgres.as_deref(), Some("2_log.up.postgres.sql"));
        assert_eq!(log.down.plain.as_deref(), Some("002_log.down.sql"));
    }

    #[test]
    fn a_file_that_says_neither_up_nor_down_makes_something() {
        let found = migrations(["001_boats.sql", "001_boats.down.sql", "002_log.postgres.sql"]).unwrap();
        assert_eq!(found[0].up.plain.as_deref(), Some("001_boats.sql"));
        assert_eq!(found[0].down.plain.as_deref(), Some("001_boats.down.sql"));
        assert_eq!(found[1].up.postgres.as_deref(), Some("002_log.postgres.sql"));
        assert_eq!(
            problems(&["001_boats.sql", "001_boats.up.sql"]),
            ["`001_boats.sql` and `001_boats.up.sql` are the same migration: remove one"]
        );
    }

    #[test]
    fn every_other_file_is_named() {
        for bad in [
            "boats.sql",
            "001_boats.sql~",
            "001_boats.up.sql~",
            "001_boats.up.mysql.sql",
            "001.up.sql",
            "_boats.up.sql",
            "-1_boats.up.sql",
            "+1_boats.up.sql",
            "001_boats.up.sqlite.sql.orig",
            "sub",
            "٣_boats.up.sql",
        ] {
            let told = problems(&[bad]);
            assert!(told.len() == 1 && told[0].starts_with(&format!("`{bad}` is no migration")), "{told:?}");
        }
        assert_eq!(problems(&["000_boats.up.sql"]), ["`000_boats.up.sql`: numbers begin at 1"]);
        for bad in ["001_Boats.up.sql", "001_.up.sql", "001_a-b.up.sql", "001_a.b.up.sql", "001_é.up.sql"] {
            assert_eq!(problems(&[bad]), [format!("`{bad}`: a name is written with a-z, 0-9 and `_`")]);
        }
        let long = "99999999999999999999_a.up.sql";
        assert_eq!(problems(&[long]), [format!("`{long}`: the number has too many digits, 18 are enough")]);
        assert_eq!(migrations(["20261121124900_a.up.sql"]).unwrap()[0].number, 20_261_121_124_900);
    }

    #[test]
    fn all_problems_are_told_at_once() {
        assert_eq!(
            problems(&["001_a.up.sql", "001_b.up.sql", "1_a.up.sql", "003_c.down.postgres.sql", "notes.txt"]),
            [
                "`001_a.up.sql` and `001_b.up.sql` both have the number 1: give one another",
                "`001_a.up.sql` and `1_a.up.sql` are the same migration: remove one",
                "`notes.txt` is no migration: write `001_name.sql`, or `001_name.up.sql` and `001_name.down.sql`, or for one engine \
                 `001_name.up.sqlite.sql` and `001_name.up.postgres.sql`",
                "`003_c.down.postgres.sql` undoes nothing: there is no `003_c.up.postgres.sql`",
            ]
        );
    }
}
