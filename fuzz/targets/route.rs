//! Route templates and the route table: what the table finds is what a plain search through all templates finds.
//!
//! An input is text: templates, one a line, `!` before those of POST; an empty line; then paths, one a line.

use std::collections::HashMap;

use http::Method;
use ketch_syntax::{Param, Segment, Template};
use ketch_web::{Match, RouteTable as _, TableEntry, Trie};
use percent_encoding::percent_decode_str;
use regex::Regex;

/// Enough for every way in which entries can meet; few enough that their patterns compile quickly.
const MOST_TEMPLATES: usize = 8;
const MOST_PATHS: usize = 16;

/// Tries the templates alone, then a table of them with each path.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (templates, paths) = text.split_once("\n\n").unwrap_or((text, ""));
    let entries = entries(templates);
    let (trie, entries) = build(entries);
    for (index, entry) in entries.iter().enumerate() {
        if entry.path.params().next().is_none() {
            let found = trie.find(&entry.method, &entry.path.to_string());
            assert_eq!(found, Match::Found(index, Vec::new()), "a literal path finds itself: {}", entry.path);
        }
    }
    let patterns = patterns(&entries);
    for path in paths.lines().take(MOST_PATHS) {
        let path = format!("/{path}");
        let fitting: Vec<usize> =
            (0..entries.len()).filter(|index| fits(&entries[*index].path, &patterns, &path)).collect();
        for method in [Method::GET, Method::POST, Method::HEAD, Method::PUT] {
            compare(&trie, &entries, &fitting, &method, &path);
        }
    }
}

fn entries(templates: &str) -> Vec<TableEntry> {
    let read = |line: &str| {
        let (method, text) = line.strip_prefix('!').map_or((Method::GET, line), |text| (Method::POST, text));
        let path = Template::parse(text).ok()?;
        assert_eq!(Template::parse(&path.to_string()).as_ref(), Ok(&path), "{text} reads the same again");
        Some(TableEntry { method, path, name: String::new() })
    };
    templates.lines().take(MOST_TEMPLATES).filter_map(read).collect()
}

/// The table of the entries that can be in one. What it refuses are bad patterns and later doubles.
fn build(mut entries: Vec<TableEntry>) -> (Trie, Vec<TableEntry>) {
    if let Err(faults) = Trie::build(&entries) {
        let mut index = 0;
        entries.retain(|_| {
            index += 1;
            !faults.iter().any(|(fault, _)| fault + 1 == index)
        });
    }
    let trie = Trie::build(&entries).expect("without the entries that it refuses, a table is built");
    (trie, entries)
}

/// Each pattern, made to match all of a segment.
fn patterns(entries: &[TableEntry]) -> HashMap<&str, Regex> {
    let patterns =
        entries.iter().flat_map(|entry| entry.path.params()).filter_map(|param| param.pattern.as_deref());
    let whole = |pattern| {
        Regex::new(pattern).expect("a pattern in a table is a pattern by itself");
        Regex::new(&format!(r"\A(?:{pattern})\z")).expect("and in a group too")
    };
    patterns.map(|pattern| (pattern, whole(pattern))).collect()
}

fn compare(trie: &Trie, entries: &[TableEntry], fitting: &[usize], method: &Method, path: &str) {
    let answered = if *method == Method::HEAD { &Method::GET } else { method };
    let answering = fitting.iter().copied().filter(|index| entries[*index].method == *answered);
    let best = answering.min_by_key(|index| rank(entries, *index));
    match (trie.find(method, path), best) {
        (Match::Found(found, params), Some(index)) => {
            let entry = &entries[index];
            assert_eq!(found, index, "{method} {path}: found {}, not {}", entries[found].path, entry.path);
            assert_eq!(params.len(), entry.path.params().count(), "{method} {path}: {}", entry.path);
            let mut from = 1;
            for (start, end) in params.iter().map(|(start, end)| (*start as usize, *end as usize)) {
                assert!(
                    from <= start && start < end && path.get(start..end).is_some(),
                    "{path}: {start}..{end}"
                );
                from = end + 1;
            }
        }
        (Match::WrongMethod(methods), None) => {
            let all = |index: &usize| methods.contains(&entries[*index].method);
            assert!(
                !methods.is_empty() && fitting.iter().all(all),
                "{method} {path}: only {methods:?} offered"
            );
        }
        (Match::Missing, None) => {
            assert!(fitting.is_empty(), "{method} {path}: {fitting:?} fit, but none is found")
        }
        (found, best) => panic!("{method} {path}: found {found:?}, but the best is {best:?}"),
    }
}

/// Whether a template has the path, by its definition.
fn fits(template: &Template, patterns: &HashMap<&str, Regex>, path: &str) -> bool {
    if path == "/" {
        return template.segments().is_empty();
    }
    let mut rest = Some(&path[1..]);
    for segment in template.segments() {
        let Some(left) = rest else { return false };
        let (part, after) = left.split_once('/').map_or((left, None), |(part, after)| (part, Some(after)));
        let decoded = percent_decode_str(part).decode_utf8();
        let fits = match segment {
            Segment::Param(Param { catch_all: true, .. }) => return !left.is_empty(),
            Segment::Literal(text) => decoded.is_ok_and(|part| part == text.as_str()),
            Segment::Param(Param { pattern: None, .. }) => !part.is_empty(),
            Segment::Param(Param { pattern: Some(pattern), .. }) => {
                !part.is_empty() && decoded.is_ok_and(|part| patterns[pattern.as_str()].is_match(&part))
            }
        };
        if !fits {
            return false;
        }
        rest = after;
    }
    rest.is_none()
}

/// The smaller, the better: at the first segment that differs a literal, a pattern, a free parameter, the rest. Among
/// patterns the one that was listed first.
fn rank(entries: &[TableEntry], index: usize) -> Vec<(u8, usize)> {
    let segments = entries[index].path.segments();
    let rank = |(at, segment): (usize, &Segment)| match segment {
        Segment::Literal(_) => (0, 0),
        Segment::Param(Param { pattern: Some(_), .. }) => {
            let same = |entry: &TableEntry| {
                let other = entry.path.segments();
                other.len() > at && (0..=at).all(|at| is_same_place(&other[at], &segments[at]))
            };
            (1, entries.iter().position(same).expect("an entry is like itself"))
        }
        Segment::Param(Param { catch_all: false, .. }) => (2, 0),
        Segment::Param(Param { catch_all: true, .. }) => (3, 0),
    };
    segments.iter().enumerate().map(rank).collect()
}

/// Names of parameters make no difference.
fn is_same_place(one: &Segment, other: &Segment) -> bool {
    match (one, other) {
        (Segment::Param(one), Segment::Param(other)) => {
            one.pattern == other.pattern && one.catch_all == other.catch_all
        }
        (one, other) => one == other,
    }
}
