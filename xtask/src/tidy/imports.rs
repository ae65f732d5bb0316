//! The import table: a crate of the workspace may depend only on the crates that its row in ARCHITECTURE.md allows,
//! and a row allows only rows above it. Dependencies of tests are free.

use std::collections::BTreeSet;

use super::Problem;
use super::tree::Tree;
use crate::workspace::{Kind, Package, Workspace};

const DOCUMENT: &str = "ARCHITECTURE.md";

/// Folders whose packages are no rooms of the house and may import anything.
const FREE: &[&str] = &["benches/", "examples/", "fuzz/", "xtask/"];

/// A crate of the table and what it may import, as package names.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    package: String,
    may_import: BTreeSet<String>,
}

/// Every import between our crates is in the table.
pub(super) fn only_down_the_table(workspace: &Workspace, tree: &Tree) -> Vec<Problem> {
    let Some(text) = tree.text(DOCUMENT) else {
        return vec![Problem::new(DOCUMENT, "it is missing", "write it, with the table of crates")];
    };
    let (rows, mut problems) = parse(text);
    if rows.is_empty() {
        let what = "it has no table with the columns `crate` and `may import`";
        problems.push(Problem::new(DOCUMENT, what, "add the table of crates"));
        return problems;
    }
    let ours: BTreeSet<_> = workspace.packages.iter().map(|package| package.name.as_str()).collect();
    for package in &workspace.packages {
        let manifest = workspace.relative(&package.manifest_path);
        if !FREE.iter().any(|folder| manifest.starts_with(folder)) {
            problems.extend(beyond_its_row(package, &manifest, &ours, &rows));
        }
    }
    problems
}

fn beyond_its_row(package: &Package, manifest: &str, ours: &BTreeSet<&str>, rows: &[Row]) -> Vec<Problem> {
    let Some(row) = rows.iter().find(|row| row.package == package.name) else {
        let what = format!("`{}` has no row in the table of crates", package.name);
        return vec![Problem::new(DOCUMENT, what, "add a row: what lives there, and what it may import")];
    };
    let imports = package.dependencies.iter().filter(|dependency| dependency.kind != Kind::Dev);
    let names: BTreeSet<_> = imports.map(|dependency| dependency.name.as_str()).collect();
    let beyond = names.into_iter().filter(|name| ours.contains(name) && !row.may_import.contains(*name));
    beyond
        .map(|name| {
            Problem::new(
                manifest,
                format!("`{}` imports `{name}`, which its row in {DOCUMENT} does not allow", package.name),
                "move the code to where it may live, or change the table in the same commit and give the reason",
            )
        })
        .collect()
}

/// Reads the table `| … | crate | … | may import |` and checks that it runs downwards.
fn parse(text: &str) -> (Vec<Row>, Vec<Problem>) {
    let mut lines = (1..).zip(text.lines());
    let header = lines.find_map(|(_, line)| {
        let cells = cells(line)?;
        let column = |title: &str| cells.iter().position(|cell| cell == title);
        Some((column("crate")?, column("may import")?))
    });
    let Some((name, imports)) = header else {
        return (Vec::new(), Vec::new());
    };
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for (number, line) in lines.skip(1) {
        let Some(cells) = cells(line) else { break };
        let (Some(name), Some(imports)) = (cells.get(name), cells.get(imports)) else {
            let place = format!("{DOCUMENT}:{number}");
            problems.push(Problem::new(
                place,
                "the row is too short",
                "give it as many cells as the header has",
            ));
            continue;
        };
        let (may_import, unknown) = allowed(imports, &rows);
        let package = package_of(name);
        problems.extend(unknown.iter().map(|word| {
            Problem::new(
                format!("{DOCUMENT}:{number}"),
                format!("`{package}` may import `{word}`, which is no crate of a row above"),
                "name crates above it, separated by commas, or write `all above` or `–`",
            )
        }));
        rows.push(Row { package, may_import });
    }
    (rows, problems)
}

/// The cells of a table line without their backticks; `None` when the line is no part of a table.
fn cells(line: &str) -> Option<Vec<String>> {
    const BAR_IN_TEXT: &str = "\u{0}";
    let line = line.trim().replace("\\|", BAR_IN_TEXT);
    let inner = line.strip_prefix('|')?;
    let inner = inner.strip_suffix('|').unwrap_or(inner);
    Some(
        inner
            .split('|')
            .map(|cell| cell.replace('`', "").replace(BAR_IN_TEXT, "|").trim().to_owned())
            .collect(),
    )
}

/// What a cell allows, given the rows above it, and the words in it that name none of them.
fn allowed(cell: &str, above: &[Row]) -> (BTreeSet<String>, Vec<String>) {
    let (mut allowed, mut unknown) = (BTreeSet::new(), Vec::new());
    for word in without_parentheses(cell).split(',').map(str::trim) {
        let package = package_of(word);
        if word == "all above" {
            allowed.extend(above.iter().map(|row| row.package.clone()));
        } else if above.iter().any(|row| row.package == package) {
            allowed.insert(package);
        } else if !matches!(word, "" | "-" | "–" | "none") {
            unknown.push(word.to_owned());
        }
    }
    (allowed, unknown)
}

fn without_parentheses(cell: &str) -> String {
    let mut depth = 0_usize;
    let outside = |c: &char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => return depth == 0,
        }
        false
    };
    cell.chars().filter(outside).collect()
}

/// Rooms are packaged as `ketch-<room>`; the crate that users depend on is `ketch`.
fn package_of(name: &str) -> String {
    if name == "ketch" || name.starts_with("ketch-") { name.to_owned() } else { format!("ketch-{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
# Crates

| layer | crate | what lives here | may import |
|---|---|---|---|
| words | `model` | Endpoint \\| Settings | – (`http`, `serde` types) |
| words | `macros` | `#[service]` | – |
| ground | `web` | the pipeline | model, `macros` |
| whole | `server` | the wiring | all above |
| whole | `ketch` | the prelude | server, macros |

| crate | other |
";

    /// A workspace with one package that imports the named ones, besides packages without imports.
    fn workspace(name: &str, folder: &str, imports: &str) -> Workspace {
        let package = |name: &str, folder: &str, dependencies: &str| {
            format!(
                r#"{{"name":"{name}","description":null,"manifest_path":"/r/{folder}/Cargo.toml","targets":[],"dependencies":[{dependencies}]}}"#
            )
        };
        let packages = [
            package("ketch-model", "crates/model", ""),
            package("ketch-macros", "crates/macros", ""),
            package("ketch-server", "crates/server", ""),
            package(name, folder, imports),
        ];
        let json = format!(
            r#"{{"workspace_root":"/r","target_directory":"/r/target","packages":[{}]}}"#,
            packages.join(",")
        );
        serde_json::from_str(&json).unwrap()
    }

    fn check(workspace: &Workspace) -> Vec<String> {
        let tree = Tree::of(&[(DOCUMENT, TABLE)]);
        only_down_the_table(workspace, &tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_table_is_read() {
        let (rows, problems) = parse(TABLE);
        assert_eq!(problems, []);
        let names: Vec<_> = rows.iter().map(|row| row.package.as_str()).collect();
        assert_eq!(names, ["ketch-model", "ketch-macros", "ketch-web", "ketch-server", "ketch"]);
        assert!(rows[0].may_import.is_empty());
        assert_eq!(rows[2].may_import, ["ketch-macros".to_owned(), "ketch-model".to_owned()].into());
        assert_eq!(rows[3].may_import.len(), 3);
    }

    #[test]
    fn an_import_that_the_table_lacks_is_found() {
        let upwards = r#"{"name":"ketch-model","kind":null},{"name":"ketch-server","kind":null}"#;
        let problems = check(&workspace("ketch-web", "crates/web", upwards));
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("crates/web/Cargo.toml: `ketch-web` imports `ketch-server`"));
        let build = r#"{"name":"ketch-server","kind":"build"}"#;
        assert_eq!(check(&workspace("ketch-web", "crates/web", build)).len(), 1);
    }

    #[test]
    fn tests_and_foreign_crates_are_free() {
        let free = r#"{"name":"ketch-server","kind":"dev"},{"name":"serde","kind":null}"#;
        assert!(check(&workspace("ketch-web", "crates/web", free)).is_empty());
    }

    #[test]
    fn examples_are_free_and_need_no_row() {
        let import = r#"{"name":"ketch-server","kind":null}"#;
        assert!(check(&workspace("harbour", "examples/harbour", import)).is_empty());
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        let problems = check(&workspace("ketch-jobs", "crates/jobs", ""));
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains("`ketch-jobs` has no row"), "{problems:?}");
    }

    #[test]
    fn a_row_may_not_name_what_is_below_it_or_unknown() {
        let text =
            "| crate | may import |\n|---|---|\n| `web` | model |\n| `model` | – |\n| `jobs` | wbe |\n";
        let (_, problems) = parse(text);
        let places: Vec<_> = problems.iter().map(|problem| problem.place.as_str()).collect();
        assert_eq!(places, ["ARCHITECTURE.md:3", "ARCHITECTURE.md:5"]);
        assert!(problems[1].what.contains("`wbe`"), "{}", problems[1]);
    }

    #[test]
    fn a_missing_document_or_table_is_found() {
        let workspace = workspace("ketch-web", "crates/web", "");
        assert_eq!(only_down_the_table(&workspace, &Tree::of(&[])).len(), 1);
        assert_eq!(only_down_the_table(&workspace, &Tree::of(&[(DOCUMENT, "# Nothing")])).len(), 1);
    }
}
