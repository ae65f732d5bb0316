//! Schemas of OpenAPI as JSON Schemas (2020-12) that a validator takes: words of 3.0 are said in those of today, what
//! no validator would take is left out and told, and references are `Name.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use jsonschema::PatternOptions;
use serde_json::{Map, Value, json};

use super::library::{Library, Place};
use super::{MOST_SCHEMAS, Named, Notes, Version, is_true, members};

/// How deep schemas stand in one another, references not counted.
const DEEPEST: usize = 48;
const PATTERN: &str =
    "the pattern cannot be matched in linear time (look-around, references back) or is none, and is left out";
const TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "array", "object", "null"];

/// Extensions by name: how often each is there, and where first.
pub(super) type Extensions = BTreeMap<String, (usize, Place)>;

/// The schemas of a document, as they are asked for.
#[derive(Debug)]
pub(super) struct Schemas<'l> {
    shelf: &'l Library,
    version: Version,
    /// The names of those that are referred to.
    names: BTreeMap<Place, String>,
    taken: BTreeSet<String>,
    /// Those that have a name and have not been read.
    left: Vec<Place>,
    extensions: Extensions,
    patterns: BTreeMap<String, bool>,
}

impl<'l> Schemas<'l> {
    pub(super) fn new(library: &'l Library, version: Version) -> Self {
        let (names, taken, extensions, patterns) = Default::default();
        Self { shelf: library, version, names, taken, left: Vec::new(), extensions, patterns }
    }

    /// The schema at a place; what accepts anything where there is none.
    pub(super) fn read(&mut self, at: &Place, told: &mut Notes) -> Value {
        self.schema(at, told, 0)
    }

    /// Reads those that were referred to, however far around.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn finish(
        mut self,
        told: &mut Notes,
    ) -> Result<(BTreeMap<String, Named>, Extensions), String> {
        let mut all = BTreeMap::new();
        while let Some(place) = self.left.pop() {
            if all.len() >= MOST_SCHEMAS {
                return Err(format!("has more than {MOST_SCHEMAS} schemas"));
            }
            let schema = self.schema(&place, told, 0);
            let name = self.names[&place].clone();
            all.insert(name, Named { at: place.to_string(), schema });
        }
        Ok((all, self.extensions))
    }

    /// Counts an extension (`x-…`).
    pub(super) fn extension(&mut self, name: &str, at: &Place) {
        self.extensions.entry(name.to_owned()).or_insert_with(|| (0, at.member(name))).0 += 1;
    }

    fn schema(&mut self, at: &Place, told: &mut Notes, depth: usize) -> Value {
        let library = self.shelf;
        let Some(value) = library.get(at) else { return json!({}) };
        let members = match value {
            Value::Bool(said) => return json!(said),
            Value::Object(members) => members,
            _ => {
                told.add(at, "is no schema, and accepts anything now");
                return json!({});
            }
        };
        if depth > DEEPEST {
            told.add(at, format!("stands more than {DEEPEST} schemas deep, and accepts anything now"));
            return json!({});
        }
        let mut out = Map::new();
        if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
            match library.target(at, reference) {
                Ok(target) => {
                    drop(out.insert("$ref".to_owned(), json!(format!("{}.json", self.name(&target)))))
                }
                // A reference that is refused has been told of.
                Err(why) if library.refused().iter().any(|(place, _)| place == at) => drop(why),
                Err(why) => told.add(at, format!("{why}, and accepts anything now")),
            }
            // In 3.0 nothing beside a reference counts.
            if self.version == Version::Own {
                out.extend(
                    members
                        .get("description")
                        .filter(|it| it.is_string())
                        .map(|it| ("description".to_owned(), it.clone())),
                );
                return out.into();
            }
        }
        for (name, value) in members {
            self.keyword(name, value, at, &mut out, told, depth);
        }
        bounds(members, &mut out);
        if is_true(members.get("nullable")) && self.version == Version::Own {
            return nullable(out);
        }
        out.into()
    }

    /// The name of a schema that is referred to. It is read when all operations are.
    fn name(&mut self, target: &Place) -> &str {
        if !self.names.contains_key(target) {
            let name = free(&target.name(), &mut self.taken);
            self.names.insert(target.clone(), name);
            self.left.push(target.clone());
        }
        &self.names[target]
    }

    fn keyword(
        &mut self,
        name: &str,
        value: &Value,
        at: &Place,
        out: &mut Map<String, Value>,
        told: &mut Notes,
        depth: usize,
    ) {
        let here = at.member(name);
        let mut put = |name: &str, value: Value| drop(out.insert(name.to_owned(), value));
        match plain(name, value) {
            Plain::Kept(value) => return put(name, value),
            Plain::Nothing => return,
            Plain::Wrong => {
                return told.add(&here, format!("`{name}` is {}, which is left out", kind(value)));
            }
            Plain::Other => {}
        }
        match name {
            // Said elsewhere.
            "$ref" | "nullable" | "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum"
            | "$defs" | "definitions" => {}
            "type" => match types(value) {
                Some(types) => put(name, types),
                None => told.add(&here, "is no type of JSON Schema, and is left out"),
            },
            "pattern" if self.matches(value.as_str().unwrap_or_default()) => put(name, value.clone()),
            "pattern" => told.add(&here, PATTERN),
            "example" => drop(out.entry("examples").or_insert_with(|| json!([value]))),
            "items" if value.is_array() => put("prefixItems", self.list(&here, told, depth)),
            "items"
            | "contains"
            | "additionalProperties"
            | "propertyNames"
            | "not"
            | "if"
            | "then"
            | "else"
            | "unevaluatedProperties"
            | "unevaluatedItems" => put(name, self.schema(&here, told, depth + 1)),
            "allOf" | "anyOf" | "oneOf" | "prefixItems" => put(name, self.list(&here, told, depth)),
            "properties" | "patternProperties" | "dependentSchemas" => {
                put(name, self.map(name, &here, told, depth));
            }
            "discriminator" => told.add(&here, "`discriminator` is left out: every alternative is tried"),
            "xml" => told.add(&here, "`xml` is left out: bodies are JSON or forms"),
            name if name.starts_with("x-") => self.extension(name, at),
            _ => told.add(&here, format!("`{name:.60}` is left out")),
        }
    }

    fn list(&mut self, at: &Place, told: &mut Notes, depth: usize) -> Value {
        let count = self.shelf.get(at).and_then(Value::as_array).map_or(0, Vec::len);
        (0..count).map(|index| self.schema(&at.member(&index.to_string()), told, depth + 1)).collect()
    }

    fn map(&mut self, keyword: &str, at: &Place, told: &mut Notes, depth: usize) -> Value {
        let library = self.shelf;
        let mut out = Map::new();
        for (name, _) in members(library.get(at)) {
            let here = at.member(name);
            if keyword == "patternProperties" && !self.matches(name) {
                told.add(&here, "the pattern cannot be matched in linear time, and its schema is left out");
                continue;
            }
            out.insert(name.clone(), self.schema(&here, told, depth + 1));
        }
        out.into()
    }

    /// Whether a validator that matches in linear time takes a pattern.
    fn matches(&mut self, pattern: &str) -> bool {
        if let Some(known) = self.patterns.get(pattern) {
            return *known;
        }
        let fits = jsonschema::options()
            .with_pattern_options(PatternOptions::regex())
            .build(&json!({ "pattern": pattern }))
            .is_ok();
        self.patterns.insert(pattern.to_owned(), fits);
        fits
    }
}

/// `exclusiveMinimum: true` was how 3.0 said that the minimum is not one of the values.
fn bounds(members: &Map<String, Value>, out: &mut Map<String, Value>) {
    for (bound, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
        let number = |name: &str| members.get(name).filter(|it| it.is_number()).cloned();
        match (number(bound), is_true(members.get(exclusive))) {
            (Some(number), true) => drop(out.insert(exclusive.to_owned(), number)),
            (Some(number), false) => drop(out.insert(bound.to_owned(), number)),
            (None, _) => {}
        }
        if let Some(number) = number(exclusive) {
            out.insert(exclusive.to_owned(), number);
        }
    }
}

/// A word whose value is no schema.
enum Plain {
    Kept(Value),
    /// It says what holds anyway.
    Nothing,
    /// No validator takes it.
    Wrong,
    /// Another word.
    Other,
}

fn plain(name: &str, value: &Value) -> Plain {
    let kept = |fits: bool| if fits { Plain::Kept(value.clone()) } else { Plain::Wrong };
    match name {
        "title" | "description" | "format" | "$comment" | "contentEncoding" | "contentMediaType" => {
            kept(value.is_string())
        }
        "uniqueItems" | "readOnly" | "writeOnly" | "deprecated" => match value {
            Value::Bool(false) => Plain::Nothing,
            _ => kept(value.is_boolean()),
        },
        "maxLength" | "minLength" | "maxItems" | "minItems" | "maxProperties" | "minProperties"
        | "maxContains" | "minContains" => {
            whole(value).map_or(Plain::Wrong, |number| Plain::Kept(json!(number)))
        }
        "multipleOf" => kept(value.as_f64().is_some_and(|number| number > 0.0)),
        "enum" => match value.as_array() {
            Some(values) if !values.is_empty() => Plain::Kept(distinct(values)),
            _ => Plain::Wrong,
        },
        "const" | "default" => kept(true),
        "examples" => match value.as_array() {
            Some(values) if values.is_empty() => Plain::Nothing,
            values => kept(values.is_some()),
        },
        // In old documents `required` is `true` in a property.
        "required" => match value.as_array() {
            Some(names) if names.is_empty() => Plain::Nothing,
            Some(names) if names.iter().all(Value::is_string) => Plain::Kept(distinct(names)),
            _ => Plain::Wrong,
        },
        "dependentRequired" => {
            let names =
                |value: &Value| value.as_array().is_some_and(|names| names.iter().all(Value::is_string));
            kept(value.as_object().is_some_and(|members| members.values().all(names)))
        }
        "allOf" | "anyOf" | "oneOf" | "prefixItems" if value.as_array().is_none_or(Vec::is_empty) => {
            Plain::Wrong
        }
        "properties" | "patternProperties" | "dependentSchemas" if !value.is_object() => Plain::Wrong,
        "pattern" if !value.is_string() => Plain::Wrong,
        _ => Plain::Other,
    }
}

/// Whether a schema takes a value; one with references does not.
pub(super) fn accepts(schema: &Value, value: &Value) -> bool {
    fn refers(schema: &Value) -> bool {
        match schema {
            Value::Object(members) => {
                members.get("$ref").is_some_and(Value::is_string) || members.values().any(refers)
            }
            Value::Array(items) => items.iter().any(refers),
            _ => false,
        }
    }
    let options =
        jsonschema::options().with_pattern_options(PatternOptions::regex()).should_validate_formats(true);
    !refers(schema) && options.build(schema).is_ok_and(|validator| validator.is_valid(value))
}

/// A name for a file of its own: letters, digits, `_`, `-` and `.`, not at its beginning. No other has it, in whatever case.
pub(super) fn free(wanted: &str, taken: &mut BTreeSet<String>) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '_' };
    let mut name: String = wanted.trim_start_matches(['.', '-']).chars().map(plain).take(80).collect();
    while name.contains("..") {
        name = name.replace("..", "_");
    }
    if name.is_empty() {
        name.push_str("schema");
    }
    // The files of schemas without a name are called so.
    if name.starts_with("_inline") {
        name.insert(0, 'x');
    }
    let mut tried = name.clone();
    let mut again = 2;
    while !taken.insert(tried.to_ascii_lowercase()) {
        tried = format!("{name}_{again}");
        again += 1;
    }
    tried
}

/// The schema or `null`.
fn nullable(mut out: Map<String, Value>) -> Value {
    if let Some(Value::Array(values)) = out.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    if let Some(kinds) = out.get_mut("type") {
        match kinds {
            Value::Array(kinds) if kinds.contains(&json!("null")) => {}
            Value::Array(kinds) => kinds.push(json!("null")),
            one => *one = json!([mem::take(one), "null"]),
        }
        return out.into();
    }
    // Without any of these it takes everything already.
    if !["$ref", "allOf", "anyOf", "oneOf", "not"].iter().any(|name| out.contains_key(*name)) {
        return out.into();
    }
    let about = out.remove("description");
    let mut either = json!({ "anyOf": [out, { "type": "null" }] });
    if let Some(about) = about {
        either["description"] = about;
    }
    either
}

fn types(value: &Value) -> Option<Value> {
    let known = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
    match value {
        Value::String(_) if known(value) => Some(value.clone()),
        Value::Array(names) if !names.is_empty() && names.iter().all(known) => match distinct(names) {
            Value::Array(mut names) if names.len() == 1 => names.pop(),
            names => Some(names),
        },
        _ => None,
    }
}

fn distinct(values: &[Value]) -> Value {
    let mut known: Vec<Value> = Vec::new();
    let mut seen = BTreeSet::new();
    for value in values {
        if seen.insert(value.to_string()) {
            known.push(value.clone());
        }
    }
    known.into()
}

fn whole(value: &Value) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole, and below 2^53"
    )]
    let of = |double: f64| (double >= 0.0 && double.fract() == 0.0 && double < 9e15).then_some(double as u64);
    value.as_u64().or_else(|| value.as_f64().and_then(of))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "such a number",
        Value::String(_) => "such a text",
        Value::Array(_) => "such a list",
        Value::Object(_) => "such an object",
    }
}
