//! `cargo xtask tidy`: the rules of this repository that no other tool knows. One file a rule under `tidy/`; here are
//! only the list of rules and the exemptions.
//!
//! A rule is a function from the files to the problems it finds. Its unit tests feed it a violation, so that it can
//! fail; the last test here runs all of them on the real files.

mod floor;
mod imports;
mod links;
mod manifests;
mod paths;
mod sources;
mod tree;

use std::fmt;

use anyhow::{Result, bail};

use crate::workspace::Workspace;
use tree::Tree;

/// Files that may be longer than [`sources::LONGEST`] lines, each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// One violation: where, what, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
struct Problem {
    place: String,
    what: String,
    remedy: String,
}

impl Problem {
    fn new(place: impl Into<String>, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.what, self.remedy)
    }
}

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let tree = Tree::read(&workspace.root)?;
    let problems = problems(workspace, &tree);
    if problems.is_empty() {
        println!("tidy: {} files, no problem", tree.len());
        return Ok(());
    }
    for problem in &problems {
        println!("{problem}");
    }
    bail!("tidy found {} problems in {} files, listed above", problems.len(), tree.len())
}

fn problems(workspace: &Workspace, tree: &Tree) -> Vec<Problem> {
    [
        imports::only_down_the_table(workspace, tree),
        floor::nothing_locked_below(tree),
        sources::every_file_says_what_it_is(tree),
        sources::no_file_is_long(tree, LONG_FILES),
        manifests::cargo_run_starts_the_example(tree),
        manifests::lints_come_from_the_workspace(workspace, tree),
        manifests::the_library_opens_with_its_description(workspace, tree),
        paths::nothing_names_a_machine(tree),
        links::every_relative_link_resolves(tree),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_where_what_and_what_to_do() {
        let problem = Problem::new("a/b.rs", "it is long", "split it");
        assert_eq!(problem.to_string(), "a/b.rs: it is long; split it");
    }

    #[test]
    fn this_repository_is_tidy() {
        let workspace = Workspace::load().unwrap();
        let tree = Tree::read(&workspace.root).unwrap();
        let problems = problems(&workspace, &tree);
        let listed: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert!(listed.is_empty(), "{}", listed.join("\n"));
    }
}
