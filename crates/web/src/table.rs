//! The route table: method and path to one endpoint.
//!
//! A trie over segments. At each segment a literal beats a regular expression, which beats a free parameter, which
//! beats a catch-all; when the better way leads nowhere the next one is tried. Every node of the trie is visited at
//! most once for a path, so a request costs at most as many steps as there are nodes. The reason for a trie of our own
//! is in `docs/decisions/003-route-table.md`.

use std::fmt;

use fnv::FnvHashMap;
use http::Method;
use ketch_model::Endpoint;
use ketch_syntax::{Segment, Template};
use percent_encoding::percent_decode_str;
use regex::{Regex, RegexBuilder};

use crate::exchange::Params;

/// Finds the endpoint for a method and a path. An application may replace the one that ships.
pub trait RouteTable: fmt::Debug + Send + Sync + 'static {
    /// The endpoint for a request. `path` begins with a slash and is as it came, not decoded. GET endpoints are found
    /// for HEAD.
    fn find(&self, method: &Method, path: &str) -> Match;
}

/// What a method and a path come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// The entry with this index, and its parameters as ranges of the path, in the order of its template.
    Found(usize, Params),
    /// The path exists under these methods only.
    WrongMethod(Vec<Method>),
    /// No entry has the path.
    Missing,
}

/// What a table is built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableEntry {
    /// The method.
    pub method: Method,
    /// The path.
    pub path: Template,
    /// Whose it is, for messages: `HolaService::say_hola (src/hola.rs:7:5)`.
    pub name: String,
}

impl TableEntry {
    /// The entry of an endpoint.
    pub fn of(endpoint: &Endpoint) -> Self {
        let place = endpoint.place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
        let name = format!("{}{place}", endpoint.names.full());
        Self { method: endpoint.method.clone(), path: endpoint.path.clone(), name }
    }
}

/// The table that ships.
#[derive(Debug)]
pub struct Trie {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// Strangers ask for keys but add none, so the hash need not withstand them.
    literals: FnvHashMap<String, usize>,
    patterns: Vec<(Regex, usize)>,
    free: Option<usize>,
    catch_all: Vec<(Method, usize)>,
    here: Vec<(Method, usize)>,
}

/// How large a compiled pattern may be, in bytes.
const PATTERN_LIMIT: usize = 1 << 20;

impl Trie {
    /// A table of these entries; a match names an entry by its index.
    ///
    /// # Errors
    /// For each entry that cannot be in the table its index and the reason: a bad pattern, or another entry that
    /// answers the same.
    pub fn build(entries: &[TableEntry]) -> Result<Self, Vec<(usize, String)>> {
        let mut trie = Self { nodes: vec![Node::default()] };
        let mut faults = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            if let Err(fault) = trie.insert(index, entry, entries) {
                faults.push((index, fault));
            }
        }
        if faults.is_empty() { Ok(trie) } else { Err(faults) }
    }

    fn insert(&mut self, index: usize, entry: &TableEntry, entries: &[TableEntry]) -> Result<(), String> {
        let mut at = 0;
        let mut leaf = None;
        for segment in entry.path.segments() {
            match segment {
                Segment::Literal(text) => at = self.literal(at, text),
                Segment::Param(param) if param.catch_all => leaf = Some(at),
                Segment::Param(param) => match &param.pattern {
                    None => at = self.free(at),
                    Some(pattern) => at = self.pattern(at, pattern)?,
                },
            }
        }
        let leaf = match leaf {
            Some(node) => &mut self.nodes[node].catch_all,
            None => &mut self.nodes[at].here,
        };
        if let Some((_, other)) = leaf.iter().find(|(method, _)| *method == entry.method) {
            let other = &entries[*other];
            return Err(format!(
                "{} {} is already answered as {} by {}",
                entry.method, entry.path, other.path, other.name
            ));
        }
        leaf.push((entry.method.clone(), index));
        Ok(())
    }

    fn literal(&mut self, at: usize, text: &str) -> usize {
        if let Some(&next) = self.nodes[at].literals.get(text) {
            return next;
        }
        let next = self.grow();
        self.nodes[at].literals.insert(text.to_owned(), next);
        next
    }

    fn free(&mut self, at: usize) -> usize {
        if let Some(next) = self.nodes[at].free {
            return next;
        }
        let next = self.grow();
        self.nodes[at].free = Some(next);
        next
    }

    fn pattern(&mut self, at: usize, pattern: &str) -> Result<usize, String> {
        let whole = format!("^(?:{pattern})$");
        if let Some((_, next)) = self.nodes[at].patterns.iter().find(|(regex, _)| regex.as_str() == whole) {
            return Ok(*next);
        }
        // By itself first: `a)|(?:b` is no pattern, but would be one inside of the group, and match what it likes.
        let compile = |text| RegexBuilder::new(text).size_limit(PATTERN_LIMIT).build();
        let regex = compile(pattern)
            .and_then(|_| compile(&whole))
            .map_err(|fault| format!("the pattern `{pattern}` cannot be used: {fault}"))?;
        let next = self.grow();
        self.nodes[at].patterns.push((regex, next));
        Ok(next)
    }

    fn grow(&mut self) -> usize {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }
}

impl RouteTable for Trie {
    fn find(&self, method: &Method, path: &str) -> Match {
        let mut search = Search { trie: self, method, path, params: Params::new(), allowed: Vec::new() };
        match search.node(0, 1) {
            Some(index) => Match::Found(index, search.params),
            None if search.allowed.is_empty() => Match::Missing,
            None => Match::WrongMethod(search.allowed),
        }
    }
}

struct Search<'a> {
    trie: &'a Trie,
    method: &'a Method,
    path: &'a str,
    params: Params,
    /// The methods of entries that have the path but not the method.
    allowed: Vec<Method>,
}

impl Search<'_> {
    /// Looks below a node for what starts at byte `start` of the path: the byte after a slash, or one past the end.
    fn node(&mut self, node: usize, start: usize) -> Option<usize> {
        let node = &self.trie.nodes[node];
        if start > self.path.len() || self.path.len() <= 1 {
            return self.leaf(&node.here);
        }
        let end =
            memchr::memchr(b'/', &self.path.as_bytes()[start..]).map_or(self.path.len(), |at| start + at);
        let raw = &self.path[start..end];
        let decoded;
        let segment = if raw.contains('%') {
            decoded = percent_decode_str(raw).decode_utf8();
            decoded.as_deref().ok()
        } else {
            Some(raw)
        };
        if let Some(&next) = segment.and_then(|segment| node.literals.get(segment))
            && let Some(found) = self.node(next, end + 1)
        {
            return Some(found);
        }
        if raw.is_empty() {
            return self.rest(node, start);
        }
        for (regex, next) in &node.patterns {
            if segment.is_some_and(|segment| regex.is_match(segment))
                && let Some(found) = self.param(*next, start, end)
            {
                return Some(found);
            }
        }
        if let Some(next) = node.free
            && let Some(found) = self.param(next, start, end)
        {
            return Some(found);
        }
        self.rest(node, start)
    }

    fn param(&mut self, next: usize, start: usize, end: usize) -> Option<usize> {
        self.params.push(range(start, end));
        let found = self.node(next, end + 1);
        if found.is_none() {
            self.params.pop();
        }
        found
    }

    fn rest(&mut self, node: &Node, start: usize) -> Option<usize> {
        if node.catch_all.is_empty() || start >= self.path.len() {
            return None;
        }
        let found = self.leaf(&node.catch_all)?;
        self.params.push(range(start, self.path.len()));
        Some(found)
    }

    fn leaf(&mut self, entries: &[(Method, usize)]) -> Option<usize> {
        let has =
            |method: &Method| entries.iter().find(|(known, _)| known == method).map(|(_, index)| *index);
        let found =
            has(self.method).or_else(|| if *self.method == Method::HEAD { has(&Method::GET) } else { None });
        if found.is_none() {
            for (method, _) in entries {
                if !self.allowed.contains(method) {
                    self.allowed.push(method.clone());
                }
            }
        }
        found
    }
}

/// A path is never longer than a `u32` can tell: hyper refuses one past 65,534 bytes.
fn range(start: usize, end: usize) -> (u32, u32) {
    let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    (narrow(start), narrow(end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(routes: &[&str]) -> Result<Trie, Vec<(usize, String)>> {
        let entries: Vec<TableEntry> = routes
            .iter()
            .map(|route| {
                let (method, path) = route.split_once(' ').unwrap();
                TableEntry {
                    method: method.parse().unwrap(),
                    path: Template::parse(path).unwrap(),
                    name: route.to_string(),
                }
            })
            .collect();
        Trie::build(&entries)
    }

    /// The index that was found and the values of its parameters, or the methods that are allowed.
    fn find(table: &Trie, request: &str) -> Result<(usize, Vec<String>), Vec<String>> {
        let (method, path) = request.split_once(' ').unwrap();
        match table.find(&method.parse().unwrap(), path) {
            Match::Found(index, params) => {
                Ok((index, params.iter().map(|(a, b)| path[*a as usize..*b as usize].to_owned()).collect()))
            }
            Match::WrongMethod(methods) => Err(methods.iter().map(ToString::to_string).collect()),
            Match::Missing => Err(Vec::new()),
        }
    }

    #[test]
    fn literal_beats_regex_beats_free_beats_catch_all() {
        let table = table(&[
            "GET /users/{*rest}",
            "GET /users/{id}",
            "GET /users/{id:[0-9]+}",
            "GET /users/me",
            "DELETE /users/{id}",
            "GET /",
        ])
        .unwrap();
        let cases = [
            ("GET /users/me", Ok((3, vec![]))),
            ("GET /users/42", Ok((2, vec!["42"]))),
            ("GET /users/ada", Ok((1, vec!["ada"]))),
            ("GET /users/a/b", Ok((0, vec!["a/b"]))),
            ("HEAD /users/me", Ok((3, vec![]))),
            ("DELETE /users/me", Ok((4, vec!["me"]))),
            ("GET /", Ok((5, vec![]))),
            ("PUT /users/42", Err(vec!["GET", "DELETE"])),
            ("GET /users", Err(vec![])),
            ("GET /users/", Err(vec![])),
            ("GET /users/m%65", Ok((3, vec![]))),
            ("GET /users/a%2Fb", Ok((1, vec!["a%2Fb"]))),
            ("GET /users/%ff", Ok((1, vec!["%ff"]))),
            ("GET //", Err(vec![])),
            ("GET //users/me", Err(vec![])),
        ];
        for (request, expected) in cases {
            let owned = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect::<Vec<_>>();
            let expected = expected.map(|(index, params)| (index, owned(params))).map_err(owned);
            assert_eq!(find(&table, request), expected, "{request}");
        }
    }

    #[test]
    fn a_better_way_that_leads_nowhere_gives_way() {
        let table =
            table(&["GET /u/me/{n:[0-9]+}", "GET /u/{id}/{tab}", "GET /u/{id:[a-z]+}/x/y", "GET /{*all}"])
                .unwrap();
        assert_eq!(find(&table, "GET /u/me/7"), Ok((0, vec!["7".to_owned()])));
        assert_eq!(find(&table, "GET /u/me/seven"), Ok((1, vec!["me".to_owned(), "seven".to_owned()])));
        assert_eq!(find(&table, "GET /u/ada/x"), Ok((1, vec!["ada".to_owned(), "x".to_owned()])));
        assert_eq!(find(&table, "GET /u/ada/x/z"), Ok((3, vec!["u/ada/x/z".to_owned()])));
    }

    #[test]
    fn conflicts_are_values() {
        let faults =
            table(&["GET /a/{x}", "GET /a/{y}", "GET /b/{n:[}", "POST /a/{x}", "GET /f/{*a}", "GET /f/{*b}"]);
        let faults = faults.unwrap_err();
        assert_eq!(faults.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1, 2, 5]);
        assert!(faults[0].1.contains("already answered as /a/{x}"), "{}", faults[0].1);
        assert!(faults[1].1.contains("cannot be used"), "{}", faults[1].1);
    }

    #[test]
    fn a_pattern_cannot_leave_its_group() {
        let faults = table(&["GET /a/{x:b)|(?:c}"]).unwrap_err();
        assert!(faults[0].1.contains("cannot be used"), "{}", faults[0].1);
    }

    /// What the trie should find, the slow way: of all entries that fit, the one whose segments are best, first first.
    fn by_rank(routes: &[(Template, usize)], path: &str) -> Option<usize> {
        let parts: Vec<&str> = path[1..].split('/').collect();
        let rank = |template: &Template| {
            let mut ranks = Vec::new();
            for (at, segment) in template.segments().iter().enumerate() {
                let part = parts.get(at)?;
                match segment {
                    Segment::Literal(text) if text == part => ranks.push(0),
                    Segment::Literal(_) => return None,
                    Segment::Param(param) if param.catch_all => {
                        ranks.push(3);
                        return Some(ranks);
                    }
                    Segment::Param(param) => match &param.pattern {
                        Some(_) if part.chars().all(|c| c.is_ascii_digit()) => ranks.push(1),
                        Some(_) => return None,
                        None => ranks.push(2),
                    },
                }
            }
            (template.segments().len() == parts.len()).then_some(ranks)
        };
        routes
            .iter()
            .filter_map(|(template, index)| Some((rank(template)?, *index)))
            .min()
            .map(|(_, index)| index)
    }

    proptest! {
        #[test]
        fn finds_what_a_search_by_rank_finds(
            shapes in prop::collection::btree_set(prop::collection::vec(0..5_usize, 1..4), 1..12),
            path in prop::collection::vec(prop::sample::select(vec!["a", "b", "7", "zz"]), 1..5),
        ) {
            let mut routes = Vec::new();
            for shape in &shapes {
                let mut text = String::new();
                for (at, kind) in shape.iter().enumerate() {
                    let last = at + 1 == shape.len();
                    text += &match kind { 0 => "/a".to_owned(), 1 => "/b".to_owned(), 2 => format!("/{{p{at}:[0-9]+}}"),
                        4 if last => format!("/{{*p{at}}}"), _ => format!("/{{p{at}}}") };
                }
                let template = Template::parse(&text).unwrap();
                if !routes.iter().any(|(known, _): &(Template, usize)| *known == template) {
                    routes.push((template, routes.len()));
                }
            }
            let entries: Vec<_> = routes.iter().map(|(path, _)| TableEntry { method: Method::GET, path: path.clone(), name: path.to_string() }).collect();
            let trie = Trie::build(&entries).unwrap();
            let path = format!("/{}", path.join("/"));
            let found = match trie.find(&Method::GET, &path) { Match::Found(index, _) => Some(index), _ => None };
            prop_assert_eq!(found, by_rank(&routes, &path), "{:?} {}", entries, path);
        }
    }
}
