//! Relative links in the documents for people lead to files that exist. Links to the web are not followed, and the
//! part after `#` is not checked.

use super::Problem;
use super::tree::Tree;

/// Every relative link in a Markdown file at the root or under `docs/` resolves.
pub(super) fn every_relative_link_resolves(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    let documents =
        tree.with_extension("md").filter(|(path, _)| !path.contains('/') || path.starts_with("docs/"));
    for (path, text) in documents {
        for (number, target) in links(text) {
            if resolve(path, target).is_none_or(|found| !tree.has(&found)) {
                problems.push(Problem::new(
                    format!("{path}:{number}"),
                    format!("the link `{target}` leads nowhere"),
                    "correct it; it is read relative to the file it stands in",
                ));
            }
        }
    }
    problems
}

/// The relative targets with their line numbers: `[…](target)` and `[…]: target`, outside of code.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            found.extend(targets(line).filter(|target| is_relative(target)).map(|target| (number, target)));
        }
    }
    found
}

fn targets(line: &str) -> impl Iterator<Item = &str> {
    let inline = line.match_indices("](").filter(|(at, _)| !is_in_code(line, *at)).filter_map(|(at, _)| {
        let rest = &line[at + 2..];
        Some(rest[..rest.find(')')?].split(' ').next()?.trim_matches(['<', '>']))
    });
    let definition =
        line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, target)| target.trim());
    inline.chain(definition)
}

/// An odd number of backticks before the place: it stands inside of `code`.
fn is_in_code(line: &str, at: usize) -> bool {
    line[..at].matches('`').count() % 2 == 1
}

fn is_relative(target: &str) -> bool {
    !target.is_empty()
        && !target.starts_with('#')
        && !target.contains("://")
        && !target.starts_with("mailto:")
}

/// The path from the root; `None` when it leaves the repository.
fn resolve(document: &str, target: &str) -> Option<String> {
    let target = target.split('#').next()?;
    let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<_> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(files: &[(&str, &str)]) -> Vec<String> {
        every_relative_link_resolves(&Tree::of(files)).into_iter().map(|problem| problem.place).collect()
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found_with_its_line() {
        assert_eq!(places(&[("README.md", "x\n[a](docs/gone.md)\n")]), ["README.md:2"]);
        assert_eq!(places(&[("docs/a.md", "see [b][1]\n\n[1]: ../gone.md\n")]), ["docs/a.md:3"]);
        assert_eq!(places(&[("README.md", "[up](../other/README.md)")]), ["README.md:1"]);
    }

    #[test]
    fn links_are_read_relative_to_their_file() {
        let files = [
            ("README.md", "[a](docs/a.md#part) and [b](docs/) and ![c](./docs/a.md \"title\")"),
            ("docs/a.md", "[home](../README.md), [self](a.md)"),
        ];
        assert_eq!(places(&files), Vec::<String>::new());
    }

    #[test]
    fn the_web_anchors_and_code_are_left_alone() {
        let text = "[w](https://example.org/x) [h](#top) [m](mailto:a@example.org) `[x](gone)`\n```\n[y](gone)\n```\n";
        assert_eq!(places(&[("README.md", text)]), Vec::<String>::new());
    }

    #[test]
    fn other_folders_are_free() {
        assert_eq!(places(&[("examples/x/README.md", "[a](gone.md)")]), Vec::<String>::new());
    }
}
