//! JSON Schemas of a project's files as types: `schema(type/point.json)`, `schema(type/all.json#/$defs/point)`.
//!
//! References lead to files of the project only. Patterns are matched in linear time, so that none can be made to run
//! long; those that need more (look-around, references back) are refused when the project is loaded.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::{Draft, PatternOptions, Registry, Retrieve, Uri, Validator};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use referencing::Resolver;
use serde_json::{Map, Value, json};

use super::bundle::bundle;
use super::{Type, Wrong, step};
use crate::source::Source;

/// Where the files of a project are, for references.
const BASE: &str = "project:///";
/// What a path in a reference cannot hold as it is.
const PATH: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'?').add(b'`').add(b'%');

/// Values of a schema as documents show it, and references within references, at most.
const MOST_SHOWN: usize = 2_000;
const DEEPEST_SHOWN: usize = 24;

/// A JSON Schema that was read, with all that it refers to.
#[derive(Clone)]
pub struct Schema(Arc<Inner>);

struct Inner {
    reference: String,
    validator: Validator,
    shown: Value,
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.0.reference).finish()
    }
}

impl PartialEq for Schema {
    /// Schemas of the same text are the same.
    fn eq(&self, other: &Self) -> bool {
        self.0.reference == other.0.reference && self.0.shown == other.0.shown
    }
}

impl Schema {
    /// Reads a schema: a path below the project's folder, and a JSON Pointer or an anchor after `#`.
    ///
    /// # Errors
    /// When there is no such file or place, or it is no schema.
    pub(super) fn read(files: &Files, reference: &str) -> Result<Self, String> {
        let (path, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        if path.trim().is_empty() {
            return Err("`schema` names no file: write `schema(type/point.json)`".to_owned());
        }
        let files = files.clone();
        files.read(path)?;
        let options = || {
            jsonschema::options()
                .with_base_uri(BASE)
                .with_retriever(files.clone())
                .should_validate_formats(true)
                .with_pattern_options(PatternOptions::regex())
        };
        let failed = |why: &dyn fmt::Display| format!("the schema `{reference}` cannot be used: {why}");
        let together =
            bundle(path, fragment, &mut |path| files.read(path).ok()).and_then(|(mut whole, at)| {
                let shown = shown(&whole, &at, files.clone()).ok()?;
                whole["$ref"] = at.into();
                Some((options().build(&whole).ok()?, shown))
            });
        // What cannot be put together is read as it is, which also says what is wrong with it.
        let (validator, mut shown) = match together {
            Some(together) => together,
            None => {
                let at = format!("{BASE}{}#{fragment}", utf8_percent_encode(path, PATH));
                let pointer = json!({ "$ref": at });
                let validator = options().build(&pointer).map_err(|error| failed(&error))?;
                let shown = shown(&pointer, &at, files.clone()).map_err(|error| failed(&error))?;
                (validator, shown)
            }
        };
        alone(&mut shown);
        Ok(Self(Arc::new(Inner { reference: reference.to_owned(), validator, shown })))
    }

    /// What documents show: references are followed; one that leads in a circle, or beyond a bound, is left open.
    pub(super) fn shown(&self) -> &Value {
        &self.0.shown
    }

    pub(super) fn accepts(&self, value: &Value) -> bool {
        self.0.validator.is_valid(value)
    }

    pub(super) fn walk(&self, value: &Value, at: &str, wrongs: &mut Vec<Wrong>, most: usize) {
        let room = most.saturating_sub(wrongs.len());
        for error in self.0.validator.iter_errors(value).take(room) {
            let mut at = at.to_owned();
            for name in error.instance_path().as_str().split('/').skip(1) {
                step(&mut at, &name.replace("~1", "/").replace("~0", "~"));
            }
            let rule = error.kind().keyword() != "type";
            // The value itself is the sender's, and stays out.
            let message = format!("does not fit its schema: {}", error.masked_with("it"));
            wrongs.push(Wrong { at, rule, message });
        }
    }
}

impl Type {
    /// The schema's file and pointer, for messages; none when it is no such type.
    pub fn reference(&self) -> Option<&str> {
        if let Self::Schema(schema) = self { Some(&schema.0.reference) } else { None }
    }
}

/// A schema with what it refers to in its place.
///
/// Of schemas that refer to one another in many ways that would be more than any document holds: there are as many
/// places as ways. So there is a bound, beyond which references stay.
fn shown(whole: &Value, reference: &str, files: Files) -> Result<Value, referencing::Error> {
    let draft = Draft::Draft202012;
    let registry = Registry::new().retriever(files).draft(draft).add(BASE, whole)?.prepare()?;
    let base = referencing::uri::from_str(BASE)?;
    let reference = json!({ "$ref": reference });
    Showing { open: Vec::new(), left: MOST_SHOWN }.value(&reference, draft, &registry.resolver(base))
}

struct Showing {
    /// The schemas that are being followed.
    open: Vec<String>,
    left: usize,
}

impl Showing {
    fn value(
        &mut self,
        value: &Value,
        draft: Draft,
        resolver: &Resolver<'_>,
    ) -> Result<Value, referencing::Error> {
        self.left = self.left.saturating_sub(1);
        let members = match value {
            Value::Object(members) => members,
            Value::Array(items) => {
                return items.iter().map(|item| self.value(item, draft, resolver)).collect();
            }
            other => return Ok(other.clone()),
        };
        let resolver = resolver.in_subresource(draft.create_resource_ref(value))?;
        let Some(reference) = members.get("$ref").and_then(Value::as_str) else {
            let shown =
                |(name, value): (&String, &Value)| Ok((name.clone(), self.value(value, draft, &resolver)?));
            return members.iter().map(shown).collect::<Result<Map<_, _>, _>>().map(Value::Object);
        };
        let (target, inner, inner_draft) = resolver.lookup(reference)?.into_inner();
        let fragment = reference.split_once('#').map_or("", |(_, fragment)| fragment);
        let name = format!("{}#{fragment}", inner.base_uri());
        if self.left == 0 || self.open.len() >= DEEPEST_SHOWN || self.open.contains(&name) {
            return Ok(value.clone());
        }
        self.open.push(name);
        let shown = self.value(target, inner_draft, &inner);
        self.open.pop();
        let Value::Object(mut shown) = shown? else { return Ok(target.clone()) };
        for (name, value) in members {
            if name != "$ref" && !shown.contains_key(name) {
                shown.insert(name.clone(), self.value(value, draft, &resolver)?);
            }
        }
        Ok(shown.into())
    }
}

/// Makes a schema stand in a document of its own: what names or keeps other schemas goes, and so do references that
/// were left because they lead in a circle.
fn alone(schema: &mut Value) {
    if let Value::Object(members) = schema {
        for name in ["$schema", "$id", "$defs", "definitions", "$anchor"] {
            if members.get(name).is_none_or(|value| value.get("type").is_none()) {
                members.remove(name);
            }
        }
    }
    open_circles(schema);
}

fn open_circles(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("$ref").is_some_and(Value::is_string) {
                members.remove("$ref");
            }
            members.values_mut().for_each(open_circles);
        }
        Value::Array(items) => items.iter_mut().for_each(open_circles),
        _ => {}
    }
}

/// Gives schemas the files of the project that they refer to.
#[derive(Clone, Debug)]
pub(super) struct Files {
    root: PathBuf,
    /// Those that have been read: schemas refer to the same ones again and again.
    known: Arc<Mutex<BTreeMap<String, Result<Value, String>>>>,
}

impl Files {
    pub(super) fn of(root: &Path) -> Self {
        Self { root: root.to_owned(), known: Arc::default() }
    }

    fn read(&self, path: &str) -> Result<Value, String> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(path.to_owned()).or_insert_with(|| self.open(path)).clone()
    }

    fn open(&self, path: &str) -> Result<Value, String> {
        let outside = || format!("`{path}` is not below the project's folder, where its schemas are");
        let root = self.root.canonicalize().map_err(|error| format!("the project's folder: {error}"))?;
        let joined = if Path::new(path).is_absolute() { return Err(outside()) } else { root.join(path) };
        let file = joined.canonicalize().map_err(|error| format!("`{path}` cannot be read: {error}"))?;
        if !file.starts_with(&root) {
            return Err(outside());
        }
        let mut problems = Vec::new();
        let source = Source::read(&file, path).and_then(|source| {
            let value = source.parse(&mut problems).filter(|_| problems.is_empty());
            value.ok_or_else(|| problems.swap_remove(0))
        });
        source.map(|spanned| spanned.plain()).map_err(|problem| problem.to_string())
    }
}

impl Retrieve for Files {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn StdError + Send + Sync>> {
        let Some(path) = uri.as_str().strip_prefix(BASE) else {
            return Err(format!("{uri} is not a file of the project").into());
        };
        let path = path.split('#').next().unwrap_or_default();
        Ok(self.read(&percent_decode_str(path).decode_utf8()?)?)
    }
}
