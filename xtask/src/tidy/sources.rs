//! Rules about Rust files: each opens by saying what it is, and none is too long to read in one go.

use super::Problem;
use super::tree::Tree;

/// Lines that a file may have before its unit tests.
pub(super) const LONGEST: usize = 400;

/// Every `.rs` file opens with `//!`.
pub(super) fn every_file_says_what_it_is(tree: &Tree) -> Vec<Problem> {
    let silent = tree.with_extension("rs").filter(|(_, text)| !text.starts_with("//! "));
    silent
        .map(|(path, _)| {
            Problem::new(
                path,
                "it does not open with `//! `",
                "say in its first line what is here, and what is deliberately not",
            )
        })
        .collect()
}

/// No file is longer than [`LONGEST`] before its unit tests. Files that are tests themselves are free, and so are the
/// exempted ones; an exemption that is not needed is a problem.
pub(super) fn no_file_is_long(tree: &Tree, exempt: &[(&str, &str)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, text) in tree.with_extension("rs") {
        let lines = lines_before_tests(text);
        if lines > LONGEST && !is_test(path) && !exempt.iter().any(|(free, _)| *free == path) {
            problems.push(Problem::new(
                path,
                format!("{lines} lines before its tests, more than {LONGEST}"),
                "split it by subject, or exempt it with a reason in xtask/src/tidy.rs",
            ));
        }
    }
    for (path, _) in exempt {
        if tree.text(path).is_none_or(|text| lines_before_tests(text) <= LONGEST) {
            problems.push(Problem::new(
                *path,
                "it is exempt from the length rule, but is gone or short enough",
                "remove it from LONG_FILES in xtask/src/tidy.rs",
            ));
        }
    }
    problems
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// The lines above a `#[cfg(test)]` that opens a module in place; `mod tests;` at the top ends nothing.
fn lines_before_tests(text: &str) -> usize {
    let lines: Vec<_> = text.lines().collect();
    let opens_tests = |at: usize| {
        let module = lines[at + 1..].iter().find(|line| !line.starts_with("#["));
        lines[at] == "#[cfg(test)]" && module.is_some_and(|line| line.contains("mod ") && line.ends_with('{'))
    };
    (0..lines.len()).find(|at| opens_tests(*at)).unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long_file() -> String {
        "//! Long.\n".repeat(LONGEST + 1)
    }

    #[test]
    fn a_file_that_opens_with_code_is_found() {
        let tree = Tree::of(&[
            ("a.rs", "use std::fmt;\n"),
            ("b.rs", "//! Words.\n"),
            ("c.rs", "//!\n"),
            ("d.md", ""),
        ]);
        let problems = every_file_says_what_it_is(&tree);
        let places: Vec<_> = problems.iter().map(|problem| problem.place.as_str()).collect();
        assert_eq!(places, ["a.rs", "c.rs"]);
    }

    #[test]
    fn a_long_file_is_found_and_tests_do_not_count() {
        let long = long_file();
        let with_tests = format!("//! Short.\n\n#[cfg(test)]\n#[expect(x)]\nmod tests {{\n{long}}}\n");
        let tree = Tree::of(&[("a.rs", &long), ("b.rs", &with_tests), ("crates/x/tests/it/c.rs", &long)]);
        let problems = no_file_is_long(&tree, &[]);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].place, "a.rs");
        assert!(problems[0].what.starts_with("401 lines"), "{}", problems[0]);
    }

    #[test]
    fn a_test_module_declared_at_the_top_hides_nothing() {
        let text = format!("//! Long.\n#[cfg(test)]\nmod tests;\n{}", long_file());
        assert_eq!(no_file_is_long(&Tree::of(&[("a.rs", &text)]), &[]).len(), 1);
    }

    #[test]
    fn an_exemption_frees_a_long_file_and_is_itself_checked() {
        let tree = Tree::of(&[("a.rs", &long_file()), ("b.rs", "//! Short.\n")]);
        assert_eq!(no_file_is_long(&tree, &[("a.rs", "a table")]), []);
        let stale =
            no_file_is_long(&tree, &[("a.rs", "a table"), ("b.rs", "was long"), ("gone.rs", "moved")]);
        let places: Vec<_> = stale.iter().map(|problem| problem.place.as_str()).collect();
        assert_eq!(places, ["b.rs", "gone.rs"]);
    }
}
