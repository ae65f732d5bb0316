//! `docs/performance.md`: each group writes what stands between its own two markers.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Replaces what stands between the markers of a group.
pub(super) fn write(path: &Path, group: &str, text: &str) -> Result<()> {
    let page = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let page = replaced(&page, group, text)
        .with_context(|| format!("{} has lost the markers of {group}", path.display()))?;
    fs::write(path, page).with_context(|| format!("cannot write {}", path.display()))
}

fn replaced(page: &str, group: &str, text: &str) -> Option<String> {
    let [begin, end] =
        ["begin", "end"].map(|side| format!("<!-- {side} {group}: written by `cargo xtask bench` -->"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n\n{}\n\n{end}{after}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_of_a_group_is_replaced() {
        let part = |group: &str, text: &str| {
            let side = |side: &str| format!("<!-- {side} {group}: written by `cargo xtask bench` -->");
            format!("{}\n\n{text}\n\n{}\n", side("begin"), side("end"))
        };
        let page = |one: &str| format!("before\n{}between\n{}after\n", part("one", one), part("two", "kept"));
        assert_eq!(replaced(&page("old"), "one", "new\n").unwrap(), page("new"));
        assert_eq!(replaced(&page("old"), "three", "new"), None);
    }
}
