//! Broken manifests: each file beside this one is a project, and what is wrong with it.
//!
//! A file of `cases/` is a project: the parts that begin with `==> name` are its files, and the last part, `==> problems`,
//! is all that is said of it. `UPDATE_EXPECT=1` writes that part anew. Every problem is said at a place that exists, and a
//! mark says at which: a line that ends with `//!` must be the place of a problem, and each problem's line must end so. Of files
//! that cannot hold comments, and of problems without a line, the golden alone decides.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect_file;

use crate::place::Place;

/// The mark of a line that has a problem.
const MARK: &str = "//!";

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/broken/cases");
    let entries = fs::read_dir(&folder).expect("the folder of cases can be read");
    let mut cases: Vec<_> = entries.map(|entry| entry.expect("an entry can be read").path()).collect();
    cases.sort();
    cases
}

/// The files of a case and its last part.
fn parts(text: &str) -> (Vec<(String, String)>, &str) {
    let mut files = Vec::new();
    for part in text.split("==> ").skip(1) {
        let (name, text) = part.split_once('\n').unwrap_or((part, ""));
        files.push((name.trim().to_owned(), text.to_owned()));
    }
    files.retain(|(name, _)| name != "problems");
    let kept = text.split("==> problems\n").next().unwrap_or_default();
    (files, kept)
}

/// A case: its name, its files, and what is said of it.
pub(crate) type Case = (String, Vec<(String, String)>, Vec<String>);

/// Every case.
pub(crate) fn all() -> Vec<Case> {
    let read = |case: PathBuf| {
        let text = fs::read_to_string(&case).expect("a case can be read");
        let told =
            text.split("==> problems\n").nth(1).unwrap_or_default().lines().map(str::to_owned).collect();
        (case.display().to_string(), parts(&text).0, told)
    };
    cases().into_iter().map(read).collect()
}

#[test]
fn there_are_at_least_forty_broken_manifests() {
    assert!(cases().len() >= 40, "{} are too few", cases().len());
}

#[test]
fn every_problem_of_a_broken_manifest_is_found_at_its_line_and_none_else() {
    let mut faults = Vec::new();
    for case in cases() {
        let name = case.file_name().and_then(|name| name.to_str()).expect("cases have names").to_owned();
        let text = fs::read_to_string(&case).expect("a case can be read");
        let (files, kept) = parts(&text);
        let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let place = Place::new(&files);
        let problems = place.problems();
        if problems.is_empty() {
            faults.push(format!("{name} is not broken"));
        }
        let folder = place.path().display().to_string();
        let told: String = problems.iter().map(|it| format!("{it}\n").replace(&folder, "PROJECT")).collect();
        expect_file![&case].assert_eq(&format!("{kept}==> problems\n{told}"));
        let marked: BTreeSet<_> = files.iter().flat_map(|(name, text)| marks(name, text)).collect();
        let lines = problems.iter().filter_map(|it| it.place.as_ref());
        let found: BTreeSet<_> = lines.map(|at| (at.file.to_string(), at.line)).collect();
        if found != marked {
            faults.push(format!("{name}: problems stand at {found:?}, and marks at {marked:?}"));
        }
        assert_eq!(problems, place.problems(), "{name}: the same, in the same order, every time");
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

fn marks(name: &str, text: &str) -> Vec<(String, u32)> {
    let marked = text.lines().zip(1..).filter(|(line, _)| line.trim_end().ends_with(MARK));
    marked.map(|(_, line)| (name.to_owned(), line)).collect()
}
