//! Paths as the tree of an API file. OpenAPI's templates become segments: one that is text and parameter (`{id}.json`)
//! becomes a parameter with a pattern, and parameters get names that no member of a body has.

use std::collections::BTreeSet;

use ketch_syntax::Template;

use super::text::{Entry, Text, file};

/// A node's text beyond this goes into files of its own, in bytes.
const LARGEST: usize = 256 << 10;

/// Where a node stands: the turns from the root.
pub(super) type Way = Vec<usize>;

/// A node of paths.
#[derive(Debug, Default)]
pub(super) struct Tree {
    segment: Segment,
    children: Vec<Tree>,
    /// Names that its parameter must not have.
    forbidden: BTreeSet<String>,
    methods: Vec<(&'static str, Option<Entry>)>,
    info: Option<String>,
}

/// A segment of a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Segment {
    /// The root.
    #[default]
    None,
    Literal(String),
    /// A parameter: its name, and what its text must match.
    Param {
        name: String,
        pattern: Option<String>,
        catch_all: bool,
    },
}

impl Segment {
    /// Whether two stand for the same part of a path, whatever their parameter is called.
    fn is_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Param { pattern, catch_all, .. }, Self::Param { pattern: other, catch_all: rest, .. }) => {
                pattern == other && catch_all == rest
            }
            (one, other) => one == other,
        }
    }

    fn key(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Literal(text) => text.clone(),
            Self::Param { name, catch_all: true, .. } => format!("{{*{name}}}"),
            Self::Param { name, pattern: Some(pattern), .. } => format!("{{{name}:{pattern}}}"),
            Self::Param { name, .. } => format!("{{{name}}}"),
        }
    }
}

/// A place in the tree for an operation.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) way: Way,
    /// What is different from the path as it was written.
    pub(super) changed: Vec<String>,
    /// The parameters of the path as written, in their order.
    pub(super) params: Vec<String>,
}

impl Tree {
    /// Makes a place for an operation. `members` are the names in its body, and `catch_all` says which parameter is the
    /// rest of the path.
    ///
    /// # Errors
    /// Why the path can be none here.
    pub(super) fn place(
        &mut self,
        path: &str,
        method: &'static str,
        members: &BTreeSet<String>,
        catch_all: &dyn Fn(&str) -> bool,
    ) -> Result<Placed, String> {
        let path = path.trim();
        if path.contains(['?', '#']) {
            return Err("a path with `?` or `#` is none".to_owned());
        }
        let (mut segments, mut params, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        for part in path.split('/').filter(|part| !part.is_empty()) {
            segments.push(segment(part, &mut params, &mut changed, catch_all)?);
        }
        if segments.len() > 32 {
            return Err("a path has at most 32 segments".to_owned());
        }
        if path.len() > 1 && path.ends_with('/') {
            changed.push("the slash at the end is left out".to_owned());
        }
        let (mut here, mut way) = (self, Vec::new());
        for segment in segments {
            let known = here.children.iter().position(|child| child.segment.is_as(&segment));
            let at = known.unwrap_or_else(|| {
                here.children.push(Self { segment, ..Self::default() });
                here.children.len() - 1
            });
            way.push(at);
            here = &mut here.children[at];
            here.forbidden.extend(members.iter().cloned());
        }
        if here.methods.iter().any(|(known, _)| *known == method) {
            return Err(
                "another path that differs in the names of parameters only has this method too".to_owned()
            );
        }
        here.methods.push((method, None));
        Ok(Placed { way, changed, params })
    }

    /// Gives parameters their names: no two on one path have the same, and none that of a member of a body.
    pub(super) fn name(&mut self, above: &BTreeSet<String>) {
        let mut above = above.clone();
        if let Segment::Param { name, .. } = &mut self.segment {
            let plain = identifier(name);
            let mut tried = plain.clone();
            let mut again = 1;
            while above.contains(&tried) || self.forbidden.contains(&tried) {
                tried = if again == 1 { format!("path_{plain}") } else { format!("path_{plain}_{again}") };
                again += 1;
            }
            above.insert(tried.clone());
            *name = tried;
        }
        for child in &mut self.children {
            child.name(&above);
        }
    }

    /// The parameters on the way to a node, and the segments as a file may be called.
    pub(super) fn names(&self, way: &[usize]) -> (Vec<String>, Vec<String>) {
        let (mut here, mut params, mut parts) = (self, Vec::new(), Vec::new());
        for turn in way {
            here = &here.children[*turn];
            match &here.segment {
                Segment::Param { name, .. } => {
                    params.push(name.clone());
                    parts.push(format!("by-{name}"));
                }
                other => parts.push(other.key()),
            }
        }
        (params, parts)
    }

    /// Says what the nodes with this segment directly below the root are.
    pub(super) fn describe(&mut self, segment: &str, about: &str) {
        let wanted = Segment::Literal(segment.to_owned());
        for child in self.children.iter_mut().filter(|child| child.segment == wanted) {
            child.info = Some(about.to_owned());
        }
    }

    fn node(&mut self, way: &[usize]) -> &mut Self {
        way.iter().fold(self, |here, turn| &mut here.children[*turn])
    }

    pub(super) fn set(&mut self, way: &[usize], method: &'static str, entry: Entry) {
        let node = self.node(way);
        if let Some((_, there)) = node.methods.iter_mut().find(|(known, _)| *known == method) {
            *there = Some(entry);
        }
    }

    /// The members of the node. What is large goes to `files`, and is included.
    pub(super) fn write(
        &self,
        name: &str,
        files: &mut Vec<(String, String)>,
        taken: &mut BTreeSet<String>,
    ) -> Vec<Entry> {
        let mut entries: Vec<Entry> =
            self.info.iter().map(|info| Entry::line("info", info.as_str())).collect();
        entries.extend(self.methods.iter().filter_map(|(_, entry)| entry.clone()));
        let mut children: Vec<(Entry, usize, String)> = Vec::new();
        for child in &self.children {
            let key = child.segment.key();
            let name = format!("{name}-{}", key.trim_matches(['{', '}']));
            let members = child.write(&name, files, taken);
            let size = file(&[], &members).len();
            children.push((Entry::new(key, Text::Object(members)), size, name));
        }
        let whole: usize = children.iter().map(|(_, size, _)| size).sum();
        if whole > LARGEST {
            // The largest first, until what is left is small.
            let mut order: Vec<usize> = (0..children.len()).collect();
            order.sort_by_key(|at| std::cmp::Reverse(children[*at].1));
            let mut left = whole;
            for at in order {
                if left <= LARGEST || children[at].1 < 2_000 {
                    break;
                }
                let (entry, size, name) = &mut children[at];
                left -= *size;
                let path =
                    format!("api/{}.json", ketch_openapi::file_name(name.trim_start_matches('-'), taken));
                let included = Text::Object(vec![Entry::line("$include", path.as_str())]);
                let Text::Object(members) = std::mem::replace(&mut entry.value, included) else { continue };
                // What is included within is relative to the file that names it.
                files.push((path, file(&[], &beside(members))));
            }
        }
        let children: Vec<Entry> = children.into_iter().map(|(entry, ..)| entry).collect();
        if !children.is_empty() {
            entries.push(Entry::new("/", Text::Object(children)));
        }
        entries
    }
}

/// Members as they stand in a file of the folder `api`, beside those that they include.
fn beside(members: Vec<Entry>) -> Vec<Entry> {
    let moved = |entry: Entry| match entry.value {
        Text::Line(value) if entry.key == "$include" => {
            let path = value.as_str().unwrap_or_default();
            Entry::line("$include", path.strip_prefix("api/").unwrap_or(path))
        }
        Text::Object(members) => Entry { value: Text::Object(beside(members)), ..entry },
        _ => entry,
    };
    members.into_iter().map(moved).collect()
}

/// A name that a parameter may have.
fn identifier(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).take(60).collect();
    let plain = plain.trim_matches('_');
    match plain.chars().next() {
        None => "value".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("p{plain}"),
        Some(_) => plain.to_owned(),
    }
}

fn segment(
    part: &str,
    params: &mut Vec<String>,
    changed: &mut Vec<String>,
    catch_all: &dyn Fn(&str) -> bool,
) -> Result<Segment, String> {
    if !part.contains(['{', '}']) {
        return match Template::parse(part) {
            Ok(_) => Ok(Segment::Literal(part.to_owned())),
            Err(fault) => Err(fault.to_string()),
        };
    }
    let (mut pattern, mut names, mut rest) = (String::new(), Vec::new(), part);
    while let Some((text, after)) = rest.split_once('{') {
        let (name, after) =
            after.split_once('}').ok_or_else(|| format!("`{part}`: a `{{` without its `}}`"))?;
        pattern.push_str(&escaped(text));
        pattern.push_str(".+");
        names.push(name.to_owned());
        rest = after;
    }
    if rest.contains('}') {
        return Err(format!("`{part}`: a `}}` without its `{{`"));
    }
    pattern.push_str(&escaped(rest));
    let name = names.join("_");
    if pattern == ".+" {
        let catch_all = catch_all(&name);
        params.push(name.clone());
        return Ok(Segment::Param { name, pattern: None, catch_all });
    }
    changed.push(format!("`{part}` is one argument with a pattern here: take it apart in the controller"));
    params.push(String::new());
    let pattern = Some(pattern);
    Ok(Segment::Param { name, pattern, catch_all: false })
}

/// Text as it stands in a pattern.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if !c.is_alphanumeric() && !"_-~@:,;=!&'%".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
