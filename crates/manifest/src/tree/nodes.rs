//! Nodes and methods.

use http::Method;
use ketch_model::{Inferred, Level, Leveled, Op, Place, Problem, Settings, resolve};
use ketch_syntax::{Template, closest};
use regex::Regex;

use super::{Declared, METHODS, Param, Tree, params, settings, together};
use crate::drivers::Tabled;
use crate::fields::{Fields, Spelling};
use crate::keys::{METHOD, NODE, Which};
use crate::project::ProjectFile;
use crate::source::{Json, Spanned};
use crate::types::Types;

/// The drivers that have options, by the names under which these stand.
pub(crate) const DRIVERS: [&str; 3] = ["exec", "sql", "wasm"];

/// Reads an API file.
pub(super) fn read(api: &Spanned, file: &ProjectFile, problems: &mut Vec<Problem>) -> Tree {
    let spelling = if file.seed { Spelling::Seed } else { Spelling::Exact };
    let tree = Tree { complete: true, ..Tree::default() };
    let types = Types::of(file);
    let mut reader = Reader { file, types, spelling, problems, tree };
    let node = Node { above: vec![file.settings.clone()], ..Node::default() };
    reader.node(api, &node);
    reader.tree
}

struct Reader<'p> {
    file: &'p ProjectFile,
    types: Types,
    spelling: Spelling,
    problems: &'p mut Vec<Problem>,
    tree: Tree,
}

/// What a node is within.
#[derive(Clone, Default)]
struct Node {
    path: Vec<String>,
    above: Vec<Settings>,
    options: Vec<(String, Spanned)>,
    about: Option<String>,
}

impl Node {
    fn subject(&self) -> String {
        format!("/{}", self.path.join("/"))
    }
}

impl Reader<'_> {
    fn node(&mut self, value: &Spanned, parent: &Node) {
        let subject = parent.subject();
        let Some(fields) = Fields::by(&NODE, value, subject.as_str(), self.problems) else {
            self.tree.complete = false;
            return;
        };
        let mut fields = fields.spelled(self.spelling);
        let _editors = fields.get("$schema");
        let mut node = parent.clone();
        node.about = fields.text("info", self.problems).map(str::to_owned);
        node.above.push(settings(&mut fields, Which::Inherited, self.spelling, self.problems));
        self.check_settings(&subject, &levels(&node.above));
        self.tree.tables.extend(Tabled::read(&mut fields, &node.path, &node.above, self.problems));
        for driver in DRIVERS {
            if let Some(value) = fields.options(driver, self.problems) {
                inherit(&mut node.options, driver, value);
            }
        }
        for name in METHODS {
            if let Some(value) = fields.get(name) {
                self.method(name, value, &node);
            }
        }
        let children = fields.get("/");
        self.strangers(&mut fields);
        fields.finish(self.problems);
        let Some(mut children) = children.and_then(|it| Fields::of(it, subject, self.problems)) else {
            return;
        };
        for (name, place, child) in children.others() {
            self.child(name, place, child, &node);
        }
    }

    fn child(&mut self, name: &str, place: &Place, value: &Spanned, parent: &Node) {
        let mut node = parent.clone();
        node.path.push(name.to_owned());
        let read = (self.tree.endpoints.len(), self.tree.tables.len());
        let fault = segment(name)
            .or_else(|| Template::parse(&node.path.join("/")).err().map(|it| it.to_string()))
            .or_else(|| pattern(name));
        let fits = fault.is_none();
        if let Some(message) = fault {
            self.problems.push(Problem::new(Some(place.clone()), parent.subject(), message));
        }
        self.node(value, &node);
        if !fits {
            // What is below is read for its own problems, and has no path to be served at.
            self.tree.endpoints.truncate(read.0);
            self.tree.tables.truncate(read.1);
            self.tree.complete = false;
        }
    }

    /// Members that are no keys, but mean something to whoever wrote them.
    fn strangers<'a>(&mut self, fields: &mut Fields<'a>) {
        if self.spelling == Spelling::Seed {
            return;
        }
        let strangers: Vec<_> = fields.left().collect();
        for (name, place, value) in strangers {
            let upper = name.to_ascii_uppercase();
            let bare = name.trim_matches('/');
            let is_object = matches!(value.value, Json::Object(_));
            let message = if METHODS.contains(&upper.as_str()) {
                format!("`{name}` is no key here: methods are written in capitals, `{upper}`")
            } else if ["HEAD", "OPTIONS"].contains(&upper.as_str()) {
                format!("`{name}` is no key here: {upper} is answered by itself, so leave it out")
            } else if let (true, Some(near)) = (is_object, closest(&upper, METHODS)) {
                format!("`{name}` is no key here; did you mean `{near}`?")
            } else if is_object && (name.starts_with('/') || closest(name, DRIVERS).is_none()) {
                format!(
                    "`{name}` is no key here: paths below stand under `/`, so write `\"/\": {{ \"{bare}\": … }}`"
                )
            } else {
                continue;
            };
            self.problems.push(Problem::new(Some(place.clone()), fields.subject(), message));
            self.tree.complete = false;
            fields.take(name);
        }
    }

    /// What the innermost of the levels comes to, so that a fault of it is told once and by the name of its own.
    fn check_settings(&mut self, subject: &str, levels: &[Leveled<'_>]) {
        let Some(Leveled(_, own)) = levels.last() else { return };
        // What is dropped may stand at a level that is not known here.
        let kept: Vec<_> =
            levels.iter().map(|Leveled(level, settings)| (*level, without_drops(settings))).collect();
        let kept: Vec<_> = kept.iter().map(|(level, settings)| Leveled(*level, settings)).collect();
        let Err(faults) = resolve(subject, Inferred { root: "", route: "" }, &kept) else { return };
        let is_own =
            |fault: &Problem| own.entries().iter().any(|entry| Some(&entry.place) == fault.place.as_ref());
        self.problems.extend(faults.into_iter().filter(is_own));
    }

    fn method(&mut self, name: &str, value: &Spanned, node: &Node) {
        let subject = format!("{name} {}", node.subject());
        let Some(fields) = Fields::by(&METHOD, value, subject.as_str(), self.problems) else {
            self.tree.complete = false;
            return;
        };
        let mut fields = fields.spelled(self.spelling);
        let info = fields.text("info", self.problems).map(str::to_owned);
        if self.file.seed && info.as_deref().unwrap_or_default().trim().is_empty() {
            let message = "has no `info`: say what it does";
            self.problems.push(Problem::new(Some(value.place.clone()), subject.as_str(), message));
        }
        let method = Method::from_bytes(name.as_bytes()).expect("the names are methods");
        let told = self.problems.len();
        let takes = fields.get("in").map(|it| self.params(it, &subject, &node.path)).unwrap_or_default();
        let gives = fields.get("out").map(|it| self.outputs(it, &subject)).unwrap_or_default();
        let faulty = self.problems.len() > told;
        let run = fields.text("run", self.problems).map(str::to_owned);
        let own = settings(&mut fields, Which::All, self.spelling, self.problems);
        let mut options = node.options.clone();
        for driver in DRIVERS {
            if let Some(value) = fields.options(driver, self.problems) {
                inherit(&mut options, driver, value);
            }
        }
        // What the driver `sql` is to give, beside `run`.
        options.extend(fields.get("returns").map(|value| ("returns".to_owned(), value.clone())));
        let _unused = fields.get("download");
        fields.finish(self.problems);
        let mut all = levels(&node.above);
        all.push(Leveled(Level::Method, &own));
        self.check_settings(&subject, &all);
        let mut declared = Declared {
            path: node.path.clone(),
            method,
            info,
            about: node.about.clone(),
            takes,
            gives,
            above: node.above.clone(),
            settings: own,
            run,
            options,
            faulty,
            place: value.place.clone(),
        };
        let told = self.problems.len();
        together::check(&declared, self.spelling, self.problems);
        declared.faulty |= self.problems.len() > told;
        self.tree.endpoints.push(declared);
    }

    fn params(&mut self, value: &Spanned, subject: &str, path: &[String]) -> Vec<Param> {
        let reader = (&self.types, self.spelling);
        params::read(value, subject, path, reader, self.problems)
    }

    /// What old projects say of their outputs nobody ever read, so nothing of it can be wrong.
    fn outputs(&mut self, value: &Spanned, subject: &str) -> Vec<Param> {
        match self.spelling {
            Spelling::Exact => params::outputs(value, subject, &self.types, self.problems),
            Spelling::Seed => params::outputs(value, subject, &self.types, &mut Vec::new()),
        }
    }
}

fn without_drops(settings: &Settings) -> Settings {
    let kept = settings.entries().iter().filter(|entry| entry.op != Op::Drop).cloned();
    kept.fold(Settings::new(), |all, it| all.with(it.key, it.op, it.value, it.place))
}

fn levels(above: &[Settings]) -> Vec<Leveled<'_>> {
    above.iter().map(|settings| Leveled(Level::Node, settings)).collect()
}

/// Why a name is no single segment of a path.
fn segment(name: &str) -> Option<String> {
    let bare = name.trim_matches('/');
    if name.is_empty() || bare.is_empty() {
        return Some("a segment of a path has a name, and this has none".to_owned());
    }
    if bare != name {
        return Some(format!("`{name}` has a slash, which stands between segments only: write `{bare}`"));
    }
    if let Some((first, rest)) = name.split_once('/').filter(|_| !name.contains('{')) {
        return Some(format!(
            "`{name}` is more than one segment: write `\"{first}\": {{ \"/\": {{ \"{rest}\": … }} }}`"
        ));
    }
    if let Some(name) = name.strip_prefix(':') {
        let name = name.trim_end_matches(':');
        return Some(format!("`:{name}` is another framework's syntax: write `{{{name}}}`"));
    }
    None
}

/// Why the pattern of a capture is none.
fn pattern(name: &str) -> Option<String> {
    let template = Template::parse(name).ok()?;
    let pattern = template.params().next()?.pattern.clone()?;
    let fault = Regex::new(&pattern).err()?.to_string();
    // The rest of it draws the pattern over several lines.
    let fault = fault.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
    Some(format!("`{pattern}` is no regular expression: {fault}"))
}

/// Adds what an inner level says for a driver: its members win over those of the same name.
fn inherit(options: &mut Vec<(String, Spanned)>, driver: &str, inner: &Spanned) {
    let Some((_, outer)) = options.iter_mut().find(|(name, _)| name == driver) else {
        options.push((driver.to_owned(), inner.clone()));
        return;
    };
    let mut merged = inner.clone();
    if let (Json::Object(members), Json::Object(inherited)) = (&mut merged.value, &outer.value) {
        for (name, place, value) in inherited {
            if !members.iter().any(|(known, _, _)| known == name) {
                members.push((name.clone(), place.clone(), value.clone()));
            }
        }
    }
    *outer = merged;
}
