//! Values that schemas accept, for stubs: what the document has for an example, else something of the right kind.

use std::collections::BTreeMap;

use ketch_openapi::Named;
use serde_json::{Map, Value, json};

/// How deep values stand in one another, and how many there are, at most.
const DEEPEST: usize = 16;
const MOST: usize = 2_000;

/// A value of a schema. Rules that go together in odd ways may be broken by it.
pub(super) fn example(schema: &Value, schemas: &BTreeMap<String, Named>) -> Value {
    let mut making = Making { schemas, open: Vec::new(), left: MOST };
    making.value(schema).unwrap_or(Value::Null)
}

struct Making<'s> {
    schemas: &'s BTreeMap<String, Named>,
    /// The references that are being followed: one that leads back is left out.
    open: Vec<String>,
    left: usize,
}

impl Making<'_> {
    fn value(&mut self, schema: &Value) -> Option<Value> {
        if self.open.len() > DEEPEST {
            return None;
        }
        self.left = self.left.checked_sub(1)?;
        let Some(parts) = schema.as_object() else { return Some(json!({})) };
        for name in ["examples", "enum"] {
            if let Some(first) = parts.get(name).and_then(Value::as_array).and_then(|values| values.first()) {
                return Some(first.clone());
            }
        }
        for name in ["default", "const"] {
            if let Some(value) = parts.get(name) {
                return Some(value.clone());
            }
        }
        self.open.push(String::new());
        let made = self.made(parts);
        self.open.pop();
        made
    }

    fn made(&mut self, parts: &Map<String, Value>) -> Option<Value> {
        if let Some(reference) = parts.get("$ref").and_then(Value::as_str) {
            if self.open.iter().any(|open| open == reference) {
                return None;
            }
            let schemas = self.schemas;
            let target = &schemas.get(reference.strip_suffix(".json")?)?.schema;
            self.open.push(reference.to_owned());
            let made = self.value(target);
            self.open.pop();
            return made;
        }
        for word in ["oneOf", "anyOf"] {
            if let Some(variants) = parts.get(word).and_then(Value::as_array)
                && !parts.contains_key("properties")
                && !parts.contains_key("allOf")
                && let Some(made) =
                    variants.iter().find_map(|variant| self.value(variant).filter(|it| !it.is_null()))
            {
                return Some(made);
            }
        }
        if let Some(all) = parts.get("allOf").and_then(Value::as_array) {
            return self.all(all, parts);
        }
        match kind(parts) {
            "string" => Some(text(parts).into()),
            "integer" | "number" => Some(number(parts)),
            "boolean" => Some(json!(true)),
            "array" => self.list(parts),
            "null" => Some(Value::Null),
            _ => self.object(parts),
        }
    }

    /// What fits every one of several schemas, as far as they are objects.
    fn all(&mut self, all: &[Value], parts: &Map<String, Value>) -> Option<Value> {
        let mut members = Map::new();
        let mut other = None;
        for part in all {
            match self.value(part) {
                Some(Value::Object(more)) => members.extend(more),
                Some(value) => other = other.or(Some(value)),
                None => {}
            }
        }
        if let Some(Value::Object(more)) = self.object(parts) {
            members.extend(more);
        }
        if members.is_empty() { other.or(Some(json!({}))) } else { Some(members.into()) }
    }

    fn list(&mut self, parts: &Map<String, Value>) -> Option<Value> {
        let least = parts.get("minItems").and_then(Value::as_u64).unwrap_or(1).clamp(1, 5);
        let Some(items) = parts.get("items") else { return Some(json!([])) };
        // A list that comes round to itself is empty.
        Some((0..least).filter_map(|_| self.value(items)).collect())
    }

    fn object(&mut self, parts: &Map<String, Value>) -> Option<Value> {
        let mut members = Map::new();
        for (name, schema) in parts.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if schema.get("writeOnly").is_some() {
                continue;
            }
            if let Some(value) = self.value(schema) {
                members.insert(name.clone(), value);
            }
        }
        if let Some(more) =
            parts.get("additionalProperties").filter(|it| it.is_object() && members.is_empty())
            && let Some(value) = self.value(more)
        {
            members.insert("name".to_owned(), value);
        }
        Some(members.into())
    }
}

/// What kind of value a schema is for: the first that is not `null`.
fn kind(parts: &Map<String, Value>) -> &str {
    match parts.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("null")
        }
        _ if parts.contains_key("items") => "array",
        _ if parts.contains_key("format")
            || parts.contains_key("pattern")
            || parts.contains_key("maxLength") =>
        {
            "string"
        }
        _ => "object",
    }
}

fn text(parts: &Map<String, Value>) -> String {
    let format = parts.get("format").and_then(Value::as_str).unwrap_or_default();
    let text = match format {
        "uuid" => "2f0c5f5e-8c1c-4c0e-9d5e-3b1d2a4f6c7b",
        "email" => "ada@site.example",
        "uri" | "url" | "iri" => "https://site.example/",
        "uri-reference" => "/",
        "date" => "2026-01-31",
        "date-time" => "2026-01-31T12:00:00Z",
        "time" => "12:00:00Z",
        "duration" => "PT1H",
        "hostname" => "site.example",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "byte" => "dGV4dA==",
        _ => "text",
    };
    let bound = |name: &str| parts.get(name).and_then(Value::as_u64).and_then(|it| usize::try_from(it).ok());
    let (least, most) =
        (bound("minLength").unwrap_or(0).min(1_000), bound("maxLength").unwrap_or(usize::MAX));
    if text != "text" {
        return text.to_owned();
    }
    text.chars().cycle().take(least.max(text.len()).min(most)).collect()
}

fn number(parts: &Map<String, Value>) -> Value {
    let of = |name: &str| parts.get(name).cloned();
    let whole = parts.get("type").is_some_and(|kind| kind.to_string().contains("integer"));
    let least = of("minimum").filter(|it| it.as_i64() != Some(i64::MIN));
    match (least, of("exclusiveMinimum"), of("maximum").or(of("exclusiveMaximum"))) {
        (Some(least), _, _) => least,
        (None, Some(above), _) if above.as_i64().is_some_and(|it| it < i64::MAX) => {
            json!(above.as_i64().unwrap_or_default() + 1)
        }
        (None, _, Some(most)) if most.as_f64().is_some_and(|it| it < 1.0) => {
            most.as_i64().map_or(json!(most), |most| json!(most.saturating_sub(1)))
        }
        _ if whole => json!(1),
        _ => json!(1.5),
    }
}
