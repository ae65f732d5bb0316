//! JSON Schemas as the types of a manifest: `varchar(1,80)`, `[enum(a,b)]`, and `schema(type/Pet.json)` for what has no
//! word there.

use std::collections::{BTreeMap, BTreeSet};

use ketch_openapi::Named;
use serde_json::{Map, Value, json};

use super::members::followed;

/// How deep types stand in one another, and how long one is written; a manifest has bounds of its own.
const DEEPEST: usize = 12;
const LONGEST: usize = 2_000;
/// Bytes of schemas without a name in one file.
const FILE: usize = 256 << 10;
/// Words that say nothing of what is accepted.
const NOTES: [&str; 8] =
    ["title", "description", "examples", "default", "readOnly", "writeOnly", "deprecated", "$comment"];
/// The pattern by which our own documents say `url`.
const URL: &str = "^https?://(?:[^/?#@]*@)?[^/?#:@]";
/// Formats that say how to show or keep a value.
const ADVICE: [&str; 8] = ["int32", "int64", "float", "double", "password", "byte", "binary", "uint64"];

/// The types of a project that is made, and the schemas that they need.
#[derive(Debug)]
pub(super) struct Types<'s> {
    schemas: &'s BTreeMap<String, Named>,
    /// The schemas with a name that types refer to.
    used: BTreeSet<String>,
    /// Those without a name: in which file, under which name.
    files: Vec<Map<String, Value>>,
    size: usize,
    by_text: BTreeMap<String, String>,
    names: BTreeSet<String>,
}

/// A type, and what it does not say of its schema.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) text: String,
    pub(super) lost: Option<&'static str>,
}

impl<'s> Types<'s> {
    pub(super) fn new(schemas: &'s BTreeMap<String, Named>) -> Self {
        let (used, by_text, names) = Default::default();
        Self { schemas, used, files: vec![Map::new()], size: 0, by_text, names }
    }

    /// The type of a schema. `hint` is what a schema without a name is called.
    pub(super) fn of(&mut self, schema: &Value, hint: &str) -> Written {
        let mut lost = None;
        let text = self.read(schema, hint, 0, &mut lost);
        if text.len() > LONGEST {
            return Written { text: self.inline(schema, hint), lost: None };
        }
        Written { text, lost }
    }

    /// The type of a value that comes as JSON in a text: never one that would be read otherwise.
    pub(super) fn json(&mut self, schema: &Value, hint: &str) -> String {
        match self.of(schema, hint).text {
            text if text.starts_with("schema(") || text.starts_with('<') || text == "any" => text,
            _ => self.inline(schema, hint),
        }
    }

    /// The schemas that a project needs: files below `type/` with what they hold, and for those with a name what that is.
    pub(super) fn files(self) -> Vec<(String, Option<&'s Named>, Value)> {
        let mut left: Vec<String> = self.used.iter().cloned().collect();
        for schema in &self.files {
            schema.values().for_each(|schema| refer(schema, &mut left));
        }
        let mut all: BTreeMap<String, &Named> = BTreeMap::new();
        while let Some(name) = left.pop() {
            if let Some(named) = self.schemas.get(&name)
                && all.insert(name, named).is_none()
            {
                refer(&named.schema, &mut left);
            }
        }
        let mut files: Vec<(String, Option<&Named>, Value)> = all
            .into_iter()
            .map(|(name, named)| (format!("type/{name}.json"), Some(named), named.schema.clone()))
            .collect();
        for (index, definitions) in self.files.into_iter().enumerate().filter(|(_, all)| !all.is_empty()) {
            files.push((file_name(index), None, json!({ "$defs": definitions })));
        }
        files
    }

    fn read(&mut self, schema: &Value, hint: &str, depth: usize, lost: &mut Option<&'static str>) -> String {
        let Some(whole) = schema.as_object() else {
            return if *schema == json!(true) { "any".to_owned() } else { self.inline(schema, hint) };
        };
        let parts: Map<String, Value> = whole
            .iter()
            .filter(|(name, _)| !NOTES.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if parts.is_empty() {
            return "any".to_owned();
        }
        if depth > DEEPEST {
            return self.inline(schema, hint);
        }
        if let Some(inner) = not_null(&parts) {
            let inner = self.read(&inner, hint, depth + 1, lost);
            return if inner == "any" || inner.ends_with("|null") { inner } else { format!("{inner}|null") };
        }
        if let ([Value::Object(only)], 1) = (list(&parts, "allOf"), parts.len()) {
            return self.read(&only.clone().into(), hint, depth + 1, lost);
        }
        if parts.len() == 1
            && let Some(target) = followed(&parts, self.schemas)
        {
            return self.named(&parts, target, hint, depth, lost);
        }
        match self.plain(&parts, hint, depth, lost) {
            Some(text) => text,
            None => self.inline(schema, hint),
        }
    }

    /// The type of a schema that has a name: its own word if it is a single value, else the schema's file.
    fn named(
        &mut self,
        parts: &Map<String, Value>,
        target: &Value,
        hint: &str,
        depth: usize,
        lost: &mut Option<&'static str>,
    ) -> String {
        let parts_of = target.as_object();
        let single = parts_of.is_some_and(|it| {
            it.contains_key("$ref")
                || (it.contains_key("type") || it.contains_key("enum"))
                    && !matches!(kind(it), Some("object" | "array"))
        });
        if single {
            let (files, used) = (self.names.len(), self.used.len());
            let text = self.read(target, hint, depth + 1, lost);
            if self.names.len() == files && self.used.len() == used {
                return text;
            }
        }
        let name = parts["$ref"].as_str().unwrap_or_default().trim_end_matches(".json").to_owned();
        let text = format!("schema(type/{name}.json)");
        self.used.insert(name);
        text
    }

    fn plain(
        &mut self,
        parts: &Map<String, Value>,
        hint: &str,
        depth: usize,
        lost: &mut Option<&'static str>,
    ) -> Option<String> {
        let only = |allowed: &[&str]| parts.keys().all(|name| allowed.contains(&name.as_str()));
        if parts.contains_key("enum") || parts.contains_key("const") {
            return only(&["type", "enum", "const", "format"]).then(|| choices(parts)).flatten();
        }
        match kind(parts)? {
            "boolean" => only(&["type"]).then(|| "bool".to_owned()),
            "integer" if only(&["type", "format", "minimum", "maximum"]) => integer(parts),
            "number" if only(&["type", "format"]) => {
                format(parts).is_none_or(|it| ADVICE.contains(&it)).then(|| "float".to_owned())
            }
            "string" => string(parts, lost),
            "array" if only(&["type", "items"]) => {
                let items = parts.get("items").cloned().unwrap_or_else(|| json!({}));
                Some(format!("[{}]", self.read(&items, hint, depth + 1, lost)))
            }
            "object" if only(&["type", "additionalProperties"]) => match parts.get("additionalProperties") {
                None | Some(Value::Bool(true)) => Some("<:>".to_owned()),
                Some(Value::Bool(false)) => None,
                Some(inner) => {
                    let inner = self.read(inner, hint, depth + 1, lost);
                    Some(format!("<:{}>", if inner == "any" { "" } else { &inner }))
                }
            },
            _ => None,
        }
    }

    /// A schema without a name, in a file with others. The same is there once.
    fn inline(&mut self, schema: &Value, hint: &str) -> String {
        let written = schema.to_string();
        if let Some(known) = self.by_text.get(&written) {
            return known.clone();
        }
        if self.size + written.len() > FILE && self.size > 0 {
            self.files.push(Map::new());
            self.size = 0;
        }
        self.size += written.len();
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
        let base: String = hint.chars().map(plain).take(60).collect();
        let base = base.trim_matches('_');
        let base = if base.is_empty() { "value" } else { base };
        let mut name = base.to_owned();
        let mut again = 2;
        while !self.names.insert(name.clone()) {
            name = format!("{base}_{again}");
            again += 1;
        }
        let index = self.files.len() - 1;
        let text = format!("schema({}#/$defs/{name})", file_name(index));
        self.files[index].insert(name, schema.clone());
        self.by_text.insert(written, text.clone());
        text
    }
}

/// Whether it is a file of a form.
pub(super) fn is_file(schema: &Value) -> bool {
    let said = |name: &str| schema.get(name).and_then(Value::as_str);
    let text = schema.as_object().and_then(kind).is_none_or(|kind| kind == "string");
    text && (said("format") == Some("binary")
        || said("contentMediaType").is_some() && said("contentEncoding").is_none())
}

/// The items of a list.
pub(super) fn items(schema: &Value) -> Option<&Value> {
    (schema.as_object().and_then(kind) == Some("array")).then(|| schema.get("items")).flatten()
}

fn file_name(index: usize) -> String {
    if index == 0 { "type/_inline.json".to_owned() } else { format!("type/_inline_{}.json", index + 1) }
}

/// The names that a schema refers to.
fn refer(schema: &Value, into: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            for (name, value) in members {
                match (name.as_str(), value) {
                    ("$ref", Value::String(name)) => {
                        into.extend(name.strip_suffix(".json").map(str::to_owned))
                    }
                    ("examples" | "default" | "enum" | "const", _) => {}
                    // The names in these are anybody's.
                    (
                        "properties" | "patternProperties" | "dependentSchemas" | "$defs",
                        Value::Object(named),
                    ) => {
                        named.values().for_each(|schema| refer(schema, into));
                    }
                    _ => refer(value, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| refer(item, into)),
        _ => {}
    }
}

fn list<'v>(parts: &'v Map<String, Value>, name: &str) -> &'v [Value] {
    parts.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn kind(parts: &Map<String, Value>) -> Option<&str> {
    parts.get("type").and_then(Value::as_str)
}

fn format(parts: &Map<String, Value>) -> Option<&str> {
    parts.get("format").and_then(Value::as_str)
}

/// The schema without its `null`; none when it takes no null.
fn not_null(parts: &Map<String, Value>) -> Option<Value> {
    let null = json!("null");
    let without = |values: &[Value], gone: &Value| -> Vec<Value> {
        values.iter().filter(|it| *it != gone).cloned().collect()
    };
    if let Some(Value::Array(kinds)) = parts.get("type")
        && kinds.contains(&null)
    {
        let mut rest = without(kinds, &null);
        let mut inner = parts.clone();
        let kinds = if rest.len() == 1 { rest.remove(0) } else { rest.into() };
        inner.insert("type".to_owned(), kinds);
        if let Some(Value::Array(values)) = parts.get("enum") {
            // Without a null among its values it takes none.
            if !values.contains(&Value::Null) {
                return None;
            }
            inner.insert("enum".to_owned(), without(values, &Value::Null).into());
        }
        return Some(inner.into());
    }
    for word in ["anyOf", "oneOf"] {
        if let [one, other] = list(parts, word) {
            let is_null = |schema: &Value| {
                schema.get("type") == Some(&null) && schema.as_object().is_some_and(|it| it.len() == 1)
            };
            let inner = if is_null(one) { other } else { one };
            if parts.len() == 1 && (is_null(one) || is_null(other)) {
                return Some(inner.clone());
            }
        }
    }
    None
}

/// `enum(a,b)`, if its values are texts that can be written so.
fn choices(parts: &Map<String, Value>) -> Option<String> {
    let one: Vec<Value> = parts.get("const").cloned().into_iter().collect();
    let values = if one.is_empty() { list(parts, "enum") } else { &one };
    let texts: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
    let plain = |text: &&str| {
        !text.is_empty()
            && text.chars().all(|c| c.is_alphanumeric() || "_-.+/ @".contains(c))
            && text.trim() == *text
    };
    let fits = kind(parts).is_none_or(|kind| kind == "string")
        && !(parts.contains_key("enum") && parts.contains_key("const"));
    texts
        .filter(|texts| fits && !texts.is_empty() && texts.iter().all(plain))
        .map(|texts| format!("enum({})", texts.join(",")))
}

fn integer(parts: &Map<String, Value>) -> Option<String> {
    if format(parts).is_some_and(|it| !ADVICE.contains(&it)) {
        return None;
    }
    let (least, most) = (parts.get("minimum"), parts.get("maximum"));
    let most_of = |number: u64| most.is_none_or(|most| most.as_u64() == Some(number));
    let largest = u64::try_from(i64::MAX).expect("it is positive");
    match least.map(Value::as_i64) {
        None if most_of(largest) => Some("int".to_owned()),
        Some(Some(i64::MIN)) if most_of(largest) => Some("int".to_owned()),
        Some(Some(0)) if most_of(u64::MAX) => Some("uint".to_owned()),
        Some(Some(1)) if most_of(largest) => Some("id".to_owned()),
        _ => None,
    }
}

fn string(parts: &Map<String, Value>, lost: &mut Option<&'static str>) -> Option<String> {
    let bound = |name: &str| parts.get(name).and_then(Value::as_u64);
    let (least, most) = (bound("minLength"), bound("maxLength"));
    let pattern = parts.get("pattern").and_then(Value::as_str);
    let known =
        ["type", "format", "minLength", "maxLength", "pattern", "contentMediaType", "contentEncoding"];
    if parts.keys().any(|name| !known.contains(&name.as_str())) {
        return None;
    }
    let form = format(parts).filter(|it| !ADVICE.contains(it));
    match (form, pattern, least.unwrap_or(0), most) {
        (Some("uri" | "url"), Some(URL) | None, 0, None) => {
            if pattern.is_none() {
                *lost = Some("only URLs of http and https are taken");
            }
            Some("url".to_owned())
        }
        (Some("uuid"), None, 0 | 36, None | Some(36)) => Some("uuid".to_owned()),
        (Some("email"), None, 0, None) => Some("email".to_owned()),
        (Some("date"), None, 0, None) => Some("date".to_owned()),
        (Some("date-time"), None, 0, None) => Some("datetime".to_owned()),
        (None, None, 0, None) => Some("string".to_owned()),
        (None, None, least, Some(most)) if least <= most && most < u64::from(u32::MAX) => {
            Some(format!("varchar({least},{most})"))
        }
        (None, Some("^[A-Za-z0-9._~+/-]+=*$"), 0, None) => Some("token".to_owned()),
        (None, Some(pattern), 0, None) => {
            let digits = pattern.strip_prefix("^[0-9a-f]{")?.strip_suffix("}$")?;
            let number: usize = digits.parse().ok()?;
            (1..=1024).contains(&number).then(|| format!("digest({number})"))
        }
        _ => None,
    }
}
