//! Reading an OpenAPI document of anybody's, 3.0 or 3.1: what it says in one form, and a list of what has none.
//!
//! References are followed, parameters of paths are given to their operations, and schemas become JSON Schemas (2020-12)
//! of which each that has a name stands alone. What becomes of it is the caller's. Nothing here opens a file: the caller
//! is asked for those that the document refers to.
//!
//! Whatever the document is, reading it ends: values are walked once, references are followed a bounded number of
//! times, and there is a bound for operations, schemas and files.

mod library;
mod operations;
mod parameters;
mod replies;
mod schemas;

use std::collections::{BTreeMap, BTreeSet};

use ketch_model::In;
use serde_json::Value;

use self::library::{Library, Place};
use self::schemas::Schemas;

/// The operations of a document, at most.
pub const MOST_OPERATIONS: usize = 5_000;
/// The named schemas of a document, at most.
const MOST_SCHEMAS: usize = 10_000;

/// What a document says.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// Its title.
    pub title: Option<String>,
    /// The version of the API.
    pub version: Option<String>,
    /// What the API is.
    pub description: Option<String>,
    /// The path of its first server, without slashes around it; empty when that has none.
    pub prefix: String,
    /// What its tags say of themselves.
    pub tags: BTreeMap<String, String>,
    /// The operations, by path and method.
    pub operations: Vec<Operation>,
    /// The schemas that operations and other schemas refer to, as `Name.json`, by name.
    pub schemas: BTreeMap<String, Named>,
    /// What could not be said in this form, in the order found.
    pub told: Vec<Told>,
}

/// A schema with a name.
#[derive(Clone, Debug)]
pub struct Named {
    /// Where it stands: a JSON Pointer, after the name of another file.
    pub at: String,
    /// The JSON Schema (2020-12); references in it are `Name.json`.
    pub schema: Value,
}

/// Something that could not be carried over, or not as it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    /// Where it stands: a JSON Pointer (RFC 6901) after `#`, and before it the name of another file.
    pub at: String,
    /// What it is, and what became of it.
    pub what: String,
}

/// One method of one path.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Where it stands.
    pub at: String,
    /// The method, in capitals.
    pub method: &'static str,
    /// The path, as written.
    pub path: String,
    /// Its `operationId`.
    pub id: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// What it does, in short.
    pub summary: Option<String>,
    /// What it does.
    pub description: Option<String>,
    /// Whether callers are told to move on.
    pub deprecated: bool,
    /// What it takes outside of the body.
    pub parameters: Vec<Parameter>,
    /// What it takes in the body.
    pub body: Option<Body>,
    /// What it answers when all is well.
    pub reply: Reply,
    /// Other replies: their status and what they mean.
    pub others: Vec<(String, String)>,
    /// Where it stands who may call: at the operation, or for all of them.
    pub needs_at: String,
    /// Who may call: one of these lists of needs must be met; none when everybody may.
    pub needs: Vec<Vec<Need>>,
    /// What could not be said in this form.
    pub told: Vec<Told>,
}

/// An argument outside of the body.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Where it stands.
    pub at: String,
    /// Its name in the request.
    pub name: String,
    /// Where it comes from; never the body.
    pub place: In,
    /// Whether it must be there.
    pub required: bool,
    /// What it is.
    pub description: Option<String>,
    /// What it accepts.
    pub schema: Value,
    /// How it is written.
    pub style: Style,
    /// A value of it.
    pub example: Option<Value>,
    /// Whether it is the rest of the path, slashes and all: what this server says of its own documents.
    pub catch_all: bool,
}

/// How a parameter is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// One value; a list is its name several times, an object each member under its own name.
    Plain,
    /// The members of an object as `name[member]`.
    Deep,
    /// JSON.
    Json,
    /// A list in one text, with this between its values.
    Joined(&'static str),
    /// In a way that has no word here.
    Odd,
}

/// What a request's body is.
#[derive(Clone, Debug)]
pub struct Body {
    /// Where its schema stands.
    pub at: String,
    /// Whether there must be one; none when the document does not say.
    pub required: Option<bool>,
    /// What it is.
    pub description: Option<String>,
    /// The media type that was chosen: JSON, else a form, else the first.
    pub media_type: String,
    /// What it accepts.
    pub schema: Value,
}

/// The reply when all is well.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Where it stands.
    pub at: String,
    /// Its status.
    pub status: u16,
    /// Its media type; none when it has no body.
    pub media_type: Option<String>,
    /// What it holds.
    pub schema: Value,
    /// The document's example of it.
    pub example: Option<Value>,
}

/// Credentials that a caller needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// The name of the security scheme.
    pub scheme: String,
    /// What it is: `header X-Key`.
    pub how: String,
    /// The scopes that it must bring.
    pub scopes: Vec<String>,
}

/// Reads a document. `file` is asked for another file of the document, by its path below the document's folder: it has no
/// `..` and is not absolute.
///
/// # Errors
/// Why it is no OpenAPI 3 document, or that it is beyond a bound.
pub fn read(
    document: Value,
    file: &mut dyn FnMut(&str) -> Result<Value, String>,
) -> Result<Description, String> {
    let version = version(&document)?;
    let library = Library::new(document, file);
    let mut reading =
        Reading { schemas: Schemas::new(&library, version), shelf: &library, told: Notes::default() };
    for (at, what) in library.refused() {
        reading.told.add(at, what.clone());
    }
    let mut description = reading.document()?;
    let (schemas, extensions) = reading.schemas.finish(&mut reading.told)?;
    description.schemas = schemas;
    for (name, (count, at)) in extensions {
        let times = if count == 1 { String::new() } else { format!(", {count} times") };
        reading.told.add(&at, format!("the extension `{name}` is left out{times}"));
    }
    description.told = reading.told.list;
    Ok(description)
}

/// Which of the two languages of schemas it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    /// OpenAPI 3.0: its own words, such as `nullable`.
    Own,
    /// OpenAPI 3.1: JSON Schema.
    JsonSchema,
}

fn version(document: &Value) -> Result<Version, String> {
    if document.get("swagger").is_some() {
        return Err("is a Swagger 2.0 document, and OpenAPI 3.0 and 3.1 are read: convert it first, for example with \
                    `npx swagger2openapi`"
            .to_owned());
    }
    // YAML takes `3.0` for a number.
    let said = match document.get("openapi") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => return Err("is no OpenAPI document: it has no `openapi: 3.1.0`".to_owned()),
    };
    match said.split('.').take(2).collect::<Vec<_>>().as_slice() {
        ["3", "0"] => Ok(Version::Own),
        ["3", "1"] => Ok(Version::JsonSchema),
        _ => Err(format!("is OpenAPI {said:.20}, and 3.0 and 3.1 are read")),
    }
}

/// Whether a schema takes a value. One that refers to others, or is none, takes nothing.
pub fn accepts(schema: &Value, value: &Value) -> bool {
    schemas::accepts(schema, value)
}

/// A name for a file, whatever is wanted: ASCII letters, digits, `_`, `-` and `.`, but no `.` at its beginning, and no
/// name that is taken, in whatever case. It is taken then.
pub fn file_name(wanted: &str, taken: &mut BTreeSet<String>) -> String {
    schemas::free(wanted, taken)
}

/// What is told, each thing once.
#[derive(Debug, Default)]
struct Notes {
    list: Vec<Told>,
    known: BTreeSet<Told>,
}

impl Notes {
    fn add(&mut self, at: &Place, what: impl Into<String>) {
        let told = Told { at: at.to_string(), what: what.into() };
        if self.known.insert(told.clone()) {
            self.list.push(told);
        }
    }
}

struct Reading<'l> {
    shelf: &'l Library,
    schemas: Schemas<'l>,
    told: Notes,
}

impl Reading<'_> {
    fn document(&mut self) -> Result<Description, String> {
        let root = Place::root();
        let info = root.member("info");
        let text = |name: &str| self.shelf.get(&info.member(name)).and_then(text);
        let (title, version, description) = (text("title"), text("version"), text("description"));
        for name in ["contact", "license", "termsOfService", "summary"] {
            if self.shelf.get(&info.member(name)).is_some() {
                self.told.add(&info.member(name), format!("`{name}` is left out"));
            }
        }
        for name in ["webhooks", "externalDocs", "jsonSchemaDialect"] {
            if self.shelf.get(&root.member(name)).is_some_and(|it| !is_empty(it)) {
                self.told.add(&root.member(name), format!("`{name}` is left out"));
            }
        }
        let prefix = self.prefix(&root.member("servers"));
        let tags = self.tags(&root.member("tags"));
        let operations = self.operations()?;
        Ok(Description { title, version, description, prefix, tags, operations, ..Description::default() })
    }

    /// The path of the first server. Others are told of unless they have the same.
    fn prefix(&mut self, at: &Place) -> String {
        let mut prefixes = Vec::new();
        for (index, _) in items(self.shelf.get(at)).enumerate() {
            let server = at.member(&index.to_string());
            let Some(mut url) = self.shelf.get(&server.member("url")).and_then(text) else { continue };
            let variables = server.member("variables");
            for (name, variable) in members(self.shelf.get(&variables)) {
                url = url.replace(
                    &format!("{{{name}}}"),
                    &variable.get("default").and_then(text).unwrap_or_default(),
                );
                self.told.add(&variables.member(name), "the variable of the server's URL has its default");
            }
            let path = match url.split_once("://") {
                Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
                // A host without a scheme is no URL; what begins with a slash is a path.
                None => url.as_str(),
            };
            let path = path.split(['?', '#']).next().unwrap_or_default().trim_matches('/').to_owned();
            if prefixes.first().is_some_and(|first| *first != path) {
                self.told.add(&server, "only the path of the first server is used");
            }
            prefixes.push(path);
        }
        prefixes.into_iter().next().unwrap_or_default()
    }

    fn tags(&mut self, at: &Place) -> BTreeMap<String, String> {
        let mut tags = BTreeMap::new();
        for (index, tag) in items(self.shelf.get(at)).enumerate() {
            if tag.get("externalDocs").is_some() {
                self.told
                    .add(&at.member(&index.to_string()).member("externalDocs"), "`externalDocs` is left out");
            }
            if let (Some(name), Some(about)) =
                (tag.get("name").and_then(text), tag.get("description").and_then(text))
            {
                tags.insert(name, about);
            }
        }
        tags
    }
}

/// A text that says something. YAML makes numbers and days of what was meant as text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(said) => Some(said.to_string()),
        _ => None,
    }
}

fn is_true(value: Option<&Value>) -> bool {
    value.and_then(Value::as_bool).unwrap_or_default()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

fn members(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}
