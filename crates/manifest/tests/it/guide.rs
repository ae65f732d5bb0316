//! What the guide's page on access says is so: its files are a project, and its table of requests holds.

use std::fs;
use std::path::Path;

use axum::body::Body;
use http::Method;

use crate::place::Place;

const PAGE: &str = "../../docs/guide/manifest-access.md";

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE)).expect("the page can be read")
}

/// Blocks whose first line names a file after the language.
fn files(page: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let text: String =
            lines.by_ref().take_while(|line| *line != "```").flat_map(|line| [line, "\n"]).collect();
        files.extend(info.split_once(' ').map(|(_, name)| (name.to_owned(), text)));
    }
    files
}

#[tokio::test]
async fn the_page_on_access_is_true() {
    let page = page();
    let files = files(&page);
    let place =
        Place::new(&files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>());
    let client = place.client();
    let (_, table) = page.split_once("| request | `x-key` |").expect("the page has the table");
    let mut tried = 0;
    for row in table.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> =
            row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [request, key, status, contains] = cells[..] else { panic!("a row of four: {row}") };
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let headers = [("x-key", key)];
        let headers = if key.is_empty() { &[][..] } else { &headers[..] };
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let answer = client.send(method, path, headers, Body::empty()).await;
        assert_eq!(answer.status.as_str(), status, "{row}: {}", answer.text());
        assert!(answer.text().contains(contains), "{row}: {}", answer.text());
        assert_eq!(answer.header("x-who"), (key == "ada").then_some("ada"), "{row}");
        tried += 1;
    }
    assert_eq!(tried, 9);
}
