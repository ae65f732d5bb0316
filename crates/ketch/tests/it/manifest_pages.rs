//! What newcomers read on manifests is true: the guide, the README, and what `ketch new --manifest` writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::walk::walk;

/// A file of this repository.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The part of a page below a heading, up to the next one of its rank.
fn section(page: &str, heading: &str) -> String {
    let (_, from) = page.split_once(&format!("\n## {heading}\n")).expect("the page has this heading");
    from.split("\n## ").next().unwrap().to_owned()
}

/// The files below a folder with their texts, but for what a server has made.
fn files(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_owned();
            if path.is_dir() && name != Path::new("data") {
                open.push(path);
            } else if path.is_file() {
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn the_guide_leads_from_an_empty_folder_to_todos_per_user() {
    let page = fs::read_to_string(file("docs/guide/manifest.md")).unwrap();
    let made = walk("guide-manifest", &page);
    let (mut made, mut example) = (files(&made.path("todos")), files(&file("examples/todos")));
    // What only one of them is for.
    for name in ["README.md", ".gitignore"] {
        made.remove(Path::new(name));
        example.remove(Path::new(name));
    }
    let names = |files: &BTreeMap<PathBuf, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&made), names(&example), "the guide's project is examples/todos");
    for (name, text) in &made {
        assert_eq!(text, &example[name], "{}", name.display());
    }
}

#[test]
fn the_readme_s_section_without_rust_is_true() {
    let page = fs::read_to_string(file("README.md")).unwrap();
    walk("readme-manifest", &section(&page, "Without Rust"));
}

#[test]
fn a_new_project_of_a_manifest_serves_what_its_readme_says() {
    let readme = fs::read_to_string(file("examples/todos/README.md")).unwrap();
    let page = format!("```console\n$ ketch new --manifest notes && cd notes\n```\n{readme}");
    let made = walk("new-manifest", &page);
    let readme = fs::read_to_string(made.path("notes/README.md")).unwrap();
    assert!(readme.starts_with("# notes\n"), "{readme}");
}
