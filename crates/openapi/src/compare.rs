//! Two OpenAPI documents side by side: what a client that was written for the earlier one would trip over.
//!
//! What counts as breaking: an endpoint, a success status, a media type or a member of a reply that is gone; what must be
//! sent and was not needed; a request that is taken less often; a reply that holds what it could not before (a type, a
//! null, a value of an enumeration); a caller who may call no more.
//! Notes are everything else: what is new, an optional query parameter that is not read any more (unknown ones are
//! ignored), errors and their codes, lengths and ranges of replies. A parameter of the path may change its name: the URL
//! stays what it was.

mod limits;
mod schema;
mod shape;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::schema::{Schemas, Side};
use self::shape::followed;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// One difference between two documents.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// The endpoint, as `GET /boats/{id}`.
    pub place: String,
    /// Whether a client that was written for the earlier document may fail.
    pub breaking: bool,
    /// What is different.
    pub what: String,
}

/// What differs between two OpenAPI 3.1 documents, by path and method, what breaks first.
///
/// Whatever the values are, this ends: references are followed a bounded number of times, and what is larger than any
/// document is called breaking because nobody can tell. What is no OpenAPI document has no endpoints.
pub fn compare(before: &Value, after: &Value) -> Vec<Change> {
    let mut comparison =
        Comparison { before, after, schemas: Schemas::new(before, after), found: BTreeSet::new() };
    let (old, new) = (operations(before), operations(after));
    for (key, operation) in &old {
        match new.get(key) {
            None => comparison.add(operation, true, "is gone".to_owned()),
            Some(other) => comparison.operation(operation, other),
        }
    }
    for operation in new.iter().filter(|(key, _)| !old.contains_key(*key)).map(|(_, operation)| operation) {
        comparison.add(operation, false, "is new".to_owned());
    }
    comparison.found.into_iter().map(|(_, _, _, change)| change).collect()
}

/// One operation of a document.
struct Operation<'d> {
    path: &'d str,
    method: &'static str,
    item: &'d Value,
    own: &'d Value,
}

/// By path, with its parameters' names replaced by their turn, and method.
fn operations(document: &Value) -> BTreeMap<(String, &'static str), Operation<'_>> {
    let mut all = BTreeMap::new();
    for (path, item) in members(&document["paths"]) {
        let item = followed(document, item);
        for method in METHODS {
            if let Some(own) = item.get(method) {
                let operation = Operation { path, method, item, own };
                // A document that says a path twice is at fault; both are kept.
                let plain = (anonymous(path), method);
                let key = if all.contains_key(&plain) { (path.clone(), method) } else { plain };
                all.insert(key, operation);
            }
        }
    }
    all
}

/// A path without the names of its parameters.
fn anonymous(path: &str) -> String {
    let is_parameter = |segment: &&str| segment.starts_with('{') && segment.ends_with('}');
    path.split('/')
        .map(|segment| if is_parameter(&segment) { "{}" } else { segment })
        .collect::<Vec<_>>()
        .join("/")
}

impl Operation<'_> {
    fn place(&self) -> String {
        format!("{} {}", self.method.to_ascii_uppercase(), self.path)
    }

    /// The parameters by place and name; those of the path by their turn, so that they may be renamed.
    fn parameters<'a>(&'a self, document: &'a Value) -> BTreeMap<(String, String), &'a Value> {
        let turn = |name: &str| {
            let wanted = format!("{{{name}}}");
            self.path.split('/').position(|segment| segment == wanted)
        };
        let mut all = BTreeMap::new();
        for parameter in items(&self.item["parameters"]).chain(items(&self.own["parameters"])) {
            let parameter = followed(document, parameter);
            let (place, name) = (text(&parameter["in"]), text(&parameter["name"]));
            let name = match place {
                "path" => turn(name).map_or_else(|| name.to_owned(), |turn| format!("{turn:09}")),
                "header" => name.to_ascii_lowercase(),
                _ => name.to_owned(),
            };
            all.insert((place.to_owned(), name), parameter);
        }
        all
    }

    /// Who may call, as alternatives of which each is a set of scopes. An empty one is everybody.
    fn security(&self, document: &Value) -> BTreeSet<BTreeSet<String>> {
        let said = self.own.get("security").or_else(|| document.get("security"));
        let clause = |requirement: &Value| {
            let mut names = BTreeSet::new();
            for (scheme, scopes) in members(requirement) {
                names.insert(format!("`{scheme}`"));
                names.extend(items(scopes).map(|scope| format!("`{}`", text(scope))));
            }
            names
        };
        let clauses: BTreeSet<_> = said.map(|said| items(said).map(clause).collect()).unwrap_or_default();
        if clauses.is_empty() { BTreeSet::from([BTreeSet::new()]) } else { clauses }
    }
}

struct Comparison<'d> {
    before: &'d Value,
    after: &'d Value,
    schemas: Schemas<'d>,
    /// By path, method and weight.
    found: BTreeSet<(String, &'static str, u8, Change)>,
}

impl Comparison<'_> {
    fn add(&mut self, operation: &Operation<'_>, breaking: bool, what: String) {
        let change = Change { place: operation.place(), breaking, what };
        self.found.insert((operation.path.to_owned(), operation.method, u8::from(!breaking), change));
    }

    fn operation(&mut self, one: &Operation<'_>, other: &Operation<'_>) {
        self.schemas.forget();
        self.parameters(one, other);
        self.body(one, other);
        self.responses(one, other);
        self.security(one, other);
        let deprecated = |operation: &Operation<'_>| operation.own["deprecated"] == true;
        match (deprecated(one), deprecated(other)) {
            (false, true) => self.add(one, false, "is deprecated now".to_owned()),
            (true, false) => self.add(one, false, "is not deprecated any more".to_owned()),
            _ => {}
        }
    }

    fn parameters(&mut self, one: &Operation<'_>, other: &Operation<'_>) {
        let (old, new) = (one.parameters(self.before), other.parameters(self.after));
        let name = |parameter: &Value| format!("{} `{}`", text(&parameter["in"]), text(&parameter["name"]));
        for (key, before) in &old {
            let name = name(before);
            let Some(after) = new.get(key) else {
                self.add(one, false, format!("{name} is not read any more"));
                continue;
            };
            match (before["required"] == true, after["required"] == true) {
                (false, true) => self.add(one, true, format!("{name} is required now")),
                (true, false) => self.add(one, false, format!("{name} is optional now")),
                _ => {}
            }
            if before["name"] != after["name"] && key.0 == "path" {
                self.add(one, false, format!("{name} is called `{}` now", text(&after["name"])));
            }
            self.schema(one, Side::Request, &name, &schema_of(before), &schema_of(after));
        }
        for (_, after) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
            let required = after["required"] == true;
            let more = if required { " and required" } else { "" };
            self.add(one, required, format!("{} is new{more}", name(after)));
        }
    }

    fn body(&mut self, one: &Operation<'_>, other: &Operation<'_>) {
        let body = |operation: &Operation<'_>, document| {
            operation.own.get("requestBody").map(|body| followed(document, body).clone())
        };
        match (body(one, self.before), body(other, self.after)) {
            (None, None) => {}
            (Some(_), None) => self.add(one, false, "the body is not read any more".to_owned()),
            (None, Some(after)) => {
                let required = after["required"] == true;
                let more = if required { " and required" } else { "" };
                self.add(one, required, format!("the body is new{more}"));
            }
            (Some(before), Some(after)) => {
                match (before["required"] == true, after["required"] == true) {
                    (false, true) => self.add(one, true, "the body is required now".to_owned()),
                    (true, false) => self.add(one, false, "the body is optional now".to_owned()),
                    _ => {}
                }
                self.content(one, Side::Request, "body", &before["content"], &after["content"]);
            }
        }
    }

    fn responses(&mut self, one: &Operation<'_>, other: &Operation<'_>) {
        for (status, before) in members(&one.own["responses"]) {
            let success = status.starts_with('2');
            let Some(after) = other.own["responses"].get(status) else {
                self.add(one, success, format!("the status {status} is gone"));
                continue;
            };
            let (before, after) = (followed(self.before, before), followed(self.after, after));
            if success {
                let what = format!("reply {status}");
                self.content(one, Side::Reply, &what, &before["content"], &after["content"]);
            }
            self.codes(one, status, before, after);
            let headers =
                |response: &Value| members(&response["headers"]).map(|(name, _)| name.clone()).collect();
            let (old, new): (BTreeSet<String>, BTreeSet<String>) = (headers(before), headers(after));
            for name in old.difference(&new) {
                self.add(one, false, format!("reply {status}: the header `{name}` is gone"));
            }
            for name in new.difference(&old) {
                self.add(one, false, format!("reply {status}: the header `{name}` is new"));
            }
        }
        for (status, _) in members(&other.own["responses"]) {
            if one.own["responses"].get(status).is_none() {
                self.add(one, false, format!("the status {status} is new"));
            }
        }
    }

    /// The codes of errors. Programs may go by them, but an error that is answered no more breaks nobody.
    fn codes(&mut self, one: &Operation<'_>, status: &str, before: &Value, after: &Value) {
        let codes = |response: &Value| {
            items(&response["x-ketch-errors"]).map(|error| text(&error["code"]).to_owned()).collect()
        };
        let (old, new): (BTreeSet<String>, BTreeSet<String>) = (codes(before), codes(after));
        for code in old.difference(&new) {
            self.add(one, false, format!("the error {status} `{code}` is gone"));
        }
        for code in new.difference(&old) {
            self.add(one, false, format!("the error {status} `{code}` is new"));
        }
    }

    fn content(&mut self, one: &Operation<'_>, side: Side, what: &str, before: &Value, after: &Value) {
        for (media_type, media) in members(before) {
            match after.get(media_type) {
                None => self.add(one, true, format!("{what}: the media type `{media_type}` is gone")),
                Some(other) => self.schema(one, side, what, &schema_of(media), &schema_of(other)),
            }
        }
        for (media_type, _) in
            members(after).filter(|(media_type, _)| before.get(media_type.as_str()).is_none())
        {
            self.add(one, false, format!("{what}: the media type `{media_type}` is new"));
        }
    }

    fn schema(&mut self, one: &Operation<'_>, side: Side, what: &str, before: &Value, after: &Value) {
        for (breaking, what) in self.schemas.compare(side, what, before, after) {
            self.add(one, breaking, what);
        }
    }

    /// Whoever could call must still be able to: each alternative is at least as much as one of the later ones.
    fn security(&mut self, one: &Operation<'_>, other: &Operation<'_>) {
        let (old, new) = (one.security(self.before), other.security(self.after));
        let words = |clauses: &BTreeSet<BTreeSet<String>>| {
            let one = |clause: &BTreeSet<String>| match clause.len() {
                0 => "nothing".to_owned(),
                _ => clause.iter().cloned().collect::<Vec<_>>().join(" and "),
            };
            clauses.iter().map(one).collect::<Vec<_>>().join(", or ")
        };
        if old == new {
            return;
        }
        let enough = |clause: &BTreeSet<String>| new.iter().any(|other| other.is_subset(clause));
        let tightened = !old.iter().all(enough);
        self.add(one, tightened, format!("a caller needed {} and needs {} now", words(&old), words(&new)));
    }
}

/// The schema of a parameter, a header or a body; anything where there is none.
fn schema_of(holder: &Value) -> Value {
    let content = || members(&holder["content"]).next().and_then(|(_, media)| media.get("schema"));
    holder.get("schema").or_else(content).cloned().unwrap_or(Value::Bool(true))
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
