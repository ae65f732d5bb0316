//! Rules about packages: each takes its lints from the workspace, says in one sentence what it is, and its library
//! opens with that sentence.

use super::Problem;
use super::tree::Tree;
use crate::workspace::{Package, Workspace};

/// Every package has `[lints] workspace = true`.
pub(super) fn lints_come_from_the_workspace(workspace: &Workspace, tree: &Tree) -> Vec<Problem> {
    let manifests = workspace.packages.iter().map(|package| workspace.relative(&package.manifest_path));
    manifests.filter_map(|path| without_lints(&path, tree.text(&path)?)).collect()
}

/// Every package has a description, and a library's documentation begins with it.
pub(super) fn the_library_opens_with_its_description(workspace: &Workspace, tree: &Tree) -> Vec<Problem> {
    let problem = |package: &Package| {
        let manifest = workspace.relative(&package.manifest_path);
        let Some(description) = package.description.as_deref().filter(|text| !text.is_empty()) else {
            return Some(Problem::new(
                manifest,
                "it has no `description`",
                "say in one sentence what the package is",
            ));
        };
        let library = package.targets.iter().find(|target| target.is_library())?;
        let path = workspace.relative(&library.src_path);
        differs(&path, tree.text(&path)?, description)
    };
    workspace.packages.iter().filter_map(problem).collect()
}

/// `cargo run` starts the example, in a fresh clone with nothing else done.
pub(super) fn cargo_run_starts_the_example(tree: &Tree) -> Vec<Problem> {
    tree.text("Cargo.toml").and_then(starts_something_else).into_iter().collect()
}

fn starts_something_else(manifest: &str) -> Option<Problem> {
    let table: Option<toml::Table> = manifest.parse().ok();
    let members = table.as_ref().and_then(|table| table.get("workspace")?.get("default-members")?.as_array());
    let names: Option<Vec<_>> = members.map(|list| list.iter().filter_map(toml::Value::as_str).collect());
    if names.as_deref() == Some(&["examples/harbour"]) {
        return None;
    }
    Some(Problem::new(
        "Cargo.toml",
        "`cargo run` does not start the example",
        "write `default-members = [\"examples/harbour\"]`",
    ))
}

fn without_lints(path: &str, manifest: &str) -> Option<Problem> {
    let table: Option<toml::Table> = manifest.parse().ok();
    let inherited = table.as_ref().and_then(|table| table.get("lints")?.get("workspace")?.as_bool());
    if inherited == Some(true) {
        return None;
    }
    Some(Problem::new(
        path,
        "its lints are not those of the workspace",
        "add `[lints]` with `workspace = true`",
    ))
}

/// Compares the first paragraph of the documentation with the description, but for the full stop.
fn differs(path: &str, source: &str, description: &str) -> Option<Problem> {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    let paragraph: Vec<_> = lines.map(str::trim).take_while(|line| !line.is_empty()).collect();
    let opening = paragraph.join(" ");
    if opening.trim_end_matches('.') == description.trim_end_matches('.') {
        return None;
    }
    Some(Problem::new(
        path,
        format!("it opens with \"{opening}\", but the package's description is \"{description}\""),
        "make the first paragraph of the documentation and the description the same sentence",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_that_runs_something_else_is_found() {
        assert!(starts_something_else("[workspace]\nmembers = ['crates/*']\n").is_some());
        assert!(starts_something_else("[workspace]\ndefault-members = ['crates/*']\n").is_some());
        assert_eq!(starts_something_else("[workspace]\ndefault-members = ['examples/harbour']\n"), None);
    }

    #[test]
    fn a_manifest_without_the_lints_of_the_workspace_is_found() {
        assert!(without_lints("Cargo.toml", "[package]\nname = 'a'\n").is_some());
        assert!(without_lints("Cargo.toml", "[lints]\nworkspace = false\n").is_some());
        assert!(without_lints("Cargo.toml", "[lints.rust]\nunsafe_code = 'allow'\n").is_some());
        assert_eq!(without_lints("Cargo.toml", "[lints]\nworkspace = true\n"), None);
    }

    #[test]
    fn a_library_that_opens_with_other_words_is_found() {
        let problem = differs("lib.rs", "//! Other words.\n", "The words").unwrap();
        assert!(problem.what.contains("Other words") && problem.what.contains("The words"), "{problem}");
        assert!(differs("lib.rs", "use std::fmt;\n", "The words").is_some());
    }

    #[test]
    fn the_full_stop_and_the_line_break_do_not_matter() {
        assert_eq!(differs("lib.rs", "//! The words.\n//!\n//! More.\n", "The words"), None);
        assert_eq!(differs("lib.rs", "//! The\n//! words\n", "The words."), None);
    }

    #[test]
    fn a_package_without_a_description_is_found() {
        let mut workspace = Workspace::load().unwrap();
        workspace.packages.retain(|package| package.name == "xtask");
        workspace.packages[0].description = None;
        let problems = the_library_opens_with_its_description(&workspace, &Tree::of(&[]));
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].place, "xtask/Cargo.toml");
    }
}
