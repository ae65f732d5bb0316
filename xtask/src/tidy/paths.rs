//! No file names a place on the machine where it was written: it would mean nothing to a reader.

use super::Problem;
use super::tree::Tree;

/// Absolute folders of build machines. They are glued together here so that this file passes its own rule.
const FOLDERS: &[&str] = &[concat!("/wo", "rk/"), concat!("/fa", "rm/")];

/// Names that mean such a place wherever they stand.
const NAMES: &[&str] = &[concat!(".lib", "rary")];

/// No text file holds an absolute path of a build machine.
pub(super) fn nothing_names_a_machine(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, text) in tree.texts() {
        for (number, line) in text.lines().enumerate() {
            for found in named_in(line) {
                problems.push(Problem::new(
                    format!("{path}:{}", number + 1),
                    format!("it names `{found}`, a place on one machine"),
                    "write a path relative to the repository, or leave it out",
                ));
            }
        }
    }
    problems
}

fn named_in(line: &str) -> impl Iterator<Item = &'static str> {
    let folders = FOLDERS.iter().filter(move |folder| has_absolute(line, folder));
    let names = NAMES.iter().filter(move |name| line.contains(**name));
    folders.chain(names).copied()
}

/// Whether the folder stands in the line as the beginning of a path, not inside one.
fn has_absolute(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && !"._-~/*}>".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absolute_path_of_a_machine_is_found_with_its_line() {
        let text = format!("fine\nsee `{}x.md`\n", FOLDERS[0]);
        let problems = nothing_names_a_machine(&Tree::of(&[("a.md", &text)]));
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].place, "a.md:2");
    }

    #[test]
    fn a_name_is_found_anywhere() {
        let text = format!("in ~/{}/x", NAMES[0]);
        assert_eq!(nothing_names_a_machine(&Tree::of(&[("a.toml", &text)])).len(), 1);
    }

    #[test]
    fn a_folder_inside_a_path_is_not_absolute() {
        let text = format!("docs{0}a.md ..{0}b.md </body>{0}", FOLDERS[0]);
        assert_eq!(nothing_names_a_machine(&Tree::of(&[("a.md", &text)])), []);
    }
}
