//! The dependency floor: no crate is locked below the version that `dependency-floor.toml` asks for.

use semver::Version;
use serde::Deserialize;

use super::Problem;
use super::tree::Tree;

const FLOOR: &str = "dependency-floor.toml";
const LOCK: &str = "Cargo.lock";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Floor {
    floor: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(rename = "crate")]
    name: String,
    minimum: Version,
    advisory: String,
    why: String,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: Version,
}

/// Every locked version of a listed crate is at least its minimum.
pub(super) fn nothing_locked_below(tree: &Tree) -> Vec<Problem> {
    let floor = read::<Floor>(tree, FLOOR, "one `[[floor]]` each with crate, minimum, advisory and why");
    let lock = read::<Lock>(tree, LOCK, "run `cargo generate-lockfile` and commit it");
    match (floor, lock) {
        (Ok(floor), Ok(lock)) => compare(&floor, &lock),
        (floor, lock) => [floor.err(), lock.err()].into_iter().flatten().collect(),
    }
}

fn read<T: for<'de> Deserialize<'de>>(tree: &Tree, path: &str, remedy: &str) -> Result<T, Problem> {
    let text = tree.text(path).ok_or_else(|| Problem::new(path, "it is missing", remedy))?;
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| text[..span.start].lines().count().max(1));
        Problem::new(format!("{path}:{line}"), error.message(), remedy)
    })
}

fn compare(floor: &Floor, lock: &Lock) -> Vec<Problem> {
    let mut problems = Vec::new();
    for entry in &floor.floor {
        if entry.advisory.is_empty() || entry.why.is_empty() {
            let what = format!("`{}` has an empty advisory or why", entry.name);
            problems.push(Problem::new(FLOOR, what, "name the advisory and what it would do to us"));
        }
        let below = |locked: &&Locked| locked.name == entry.name && locked.version < entry.minimum;
        for locked in lock.package.iter().filter(below) {
            let what = format!(
                "{} {} is below the floor {} ({}: {})",
                locked.name, locked.version, entry.minimum, entry.advisory, entry.why
            );
            let remedy = format!("run `cargo update {}@{}`", locked.name, locked.version);
            problems.push(Problem::new(LOCK, what, remedy));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const H2: &str =
        "[[floor]]\ncrate = 'h2'\nminimum = '0.4.18'\nadvisory = 'RUSTSEC-2026-0258'\nwhy = 'floods'\n";

    fn lock(versions: &[&str]) -> String {
        let package = |version| format!("[[package]]\nname = 'h2'\nversion = '{version}'\n");
        versions.iter().map(package).collect()
    }

    #[test]
    fn each_version_below_the_floor_is_found() {
        let lock = lock(&["0.3.27", "0.4.9", "0.4.18", "0.4.20", "0.5.0"]);
        let problems = nothing_locked_below(&Tree::of(&[(FLOOR, H2), (LOCK, &lock)]));
        assert_eq!(problems.len(), 2);
        assert!(problems[0].what.starts_with("h2 0.3.27 is below the floor 0.4.18 (RUSTSEC-2026-0258"));
        assert_eq!(problems[1].remedy, "run `cargo update h2@0.4.9`");
    }

    #[test]
    fn a_prerelease_of_the_minimum_is_below_it() {
        let lock = lock(&["0.4.18-beta.1"]);
        assert_eq!(nothing_locked_below(&Tree::of(&[(FLOOR, H2), (LOCK, &lock)])).len(), 1);
    }

    #[test]
    fn a_crate_that_is_not_locked_is_no_problem() {
        let lock = "[[package]]\nname = 'http'\nversion = '1.0.0'\n";
        assert_eq!(nothing_locked_below(&Tree::of(&[(FLOOR, H2), (LOCK, lock)])), []);
    }

    #[test]
    fn a_missing_or_malformed_file_is_found_with_its_line() {
        let problems =
            nothing_locked_below(&Tree::of(&[(FLOOR, "[[floor]]\ncrate = 'h2'\nminimum = 'new'\n")]));
        assert_eq!(problems.len(), 2);
        assert_eq!(problems[0].place, "dependency-floor.toml:3");
        assert_eq!(problems[1].what, "it is missing");
    }

    #[test]
    fn an_entry_without_a_reason_is_found() {
        let floor = H2.replace("floods", "");
        let problems = nothing_locked_below(&Tree::of(&[(FLOOR, &floor), (LOCK, &lock(&["0.4.18"]))]));
        assert_eq!(problems.len(), 1);
    }
}
