//! Objects as lists of members, which is how a manifest writes bodies and outputs.

use std::cell::Cell;
use std::collections::BTreeMap;

use ketch_openapi::Named;
use serde_json::{Map, Value, json};

/// How deep schemas are looked into, and how many members are taken.
const DEEPEST: usize = 24;
const MOST: usize = 1_000;

/// How many schemas are looked into: a web of them may come by the same one often.
const MOST_READ: usize = 5_000;

struct Known<'s> {
    schemas: &'s BTreeMap<String, Named>,
    left: Cell<usize>,
}

/// The members of an object.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) list: Vec<Member>,
    /// What of the schema the list does not say.
    pub(super) lost: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) schema: Value,
    pub(super) required: bool,
}

impl Members {
    /// The members of what a schema accepts; none when that is no object, or one of any members.
    pub(super) fn of(schema: &Value, schemas: &BTreeMap<String, Named>) -> Option<Self> {
        let mut found = Self::default();
        found.read(schema, &Known { schemas, left: Cell::new(MOST_READ) }, 0);
        (!found.list.is_empty()).then_some(found)
    }

    fn read(&mut self, schema: &Value, known: &Known<'_>, depth: usize) {
        let left = known.left.get();
        known.left.set(left.saturating_sub(1));
        if depth > DEEPEST || left == 0 {
            self.lose("what stands too deep is left out");
            return;
        }
        let Some(parts) = schema.as_object() else { return };
        if let Some(target) = followed(parts, known.schemas) {
            self.read(target, known, depth + 1);
        }
        let required: Vec<&str> = parts
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if let Some(properties) = parts.get("properties").and_then(Value::as_object) {
            for (name, schema) in properties {
                self.add(Member { name: name.clone(), schema: schema.clone(), required: false });
            }
        }
        for part in parts.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.read(part, known, depth + 1);
        }
        for word in ["oneOf", "anyOf"] {
            if let Some(Value::Array(variants)) = parts.get(word) {
                self.variants(word, variants, known, depth);
            }
        }
        for name in required {
            match self.list.iter_mut().find(|member| member.name == name) {
                Some(member) => member.required = true,
                None if parts.contains_key("properties") => {
                    self.add(Member { name: name.to_owned(), schema: json!({}), required: true });
                }
                None => {}
            }
        }
        self.unsaid(parts);
    }

    /// What an object says that a list of members does not.
    fn unsaid(&mut self, parts: &Map<String, Value>) {
        match parts.get("additionalProperties") {
            Some(Value::Bool(false)) => {
                self.lose("members that are not declared are passed over, and were refused")
            }
            Some(_) if parts.contains_key("properties") => {
                self.lose("members that are not declared are passed over, and were taken")
            }
            _ => {}
        }
        for name in [
            "patternProperties",
            "minProperties",
            "maxProperties",
            "dependentRequired",
            "dependentSchemas",
            "not",
            "if",
            "propertyNames",
            "unevaluatedProperties",
        ] {
            if parts.contains_key(name) {
                self.lose(format!("`{name}` is not checked"));
            }
        }
    }

    /// The members of any of several objects: those that all of them need are needed.
    fn variants(&mut self, word: &str, variants: &[Value], known: &Known<'_>, depth: usize) {
        let real: Vec<&Value> = variants.iter().filter(|it| it.get("type") != Some(&json!("null"))).collect();
        let mut all: Vec<Self> = Vec::new();
        for variant in &real {
            let mut found = Self::default();
            found.read(variant, known, depth + 1);
            all.push(found);
        }
        if let ([only], true) = (all.as_slice(), variants.len() == 2) {
            if !only.list.is_empty() {
                self.lose("it could be null");
            }
            only.list.iter().cloned().for_each(|member| self.add(member));
            return;
        }
        if all.iter().any(|found| found.list.is_empty()) {
            // Lists of what is required together are no members.
            self.lose(format!("`{word}` is not checked"));
        } else {
            self.lose(format!("it is one of {} (`{word}`), whose members stand together here", real.len()));
        }
        let needed =
            |name: &str| all.iter().all(|found| found.list.iter().any(|it| it.name == name && it.required));
        for member in all.iter().flat_map(|found| &found.list) {
            let required = needed(&member.name);
            match self.list.iter().position(|known| known.name == member.name) {
                // Different things of one name: whoever gets it looks at it.
                Some(at) if self.list[at].schema != member.schema => {
                    self.list[at].schema = joined(&self.list[at].schema, &member.schema)
                }
                Some(_) => {}
                None => self.add(Member { required, ..member.clone() }),
            }
        }
        for found in all {
            found.lost.into_iter().for_each(|what| self.lose(what));
        }
    }

    fn add(&mut self, member: Member) {
        if let Some(known) = self.list.iter_mut().find(|known| known.name == member.name) {
            if known.schema != member.schema && member.schema != json!({}) {
                // What inherits says it anew.
                known.schema = member.schema;
            }
            known.required |= member.required;
        } else if self.list.len() < MOST {
            self.list.push(member);
        } else {
            self.lose(format!("more than {MOST} members are left out"));
        }
    }

    fn lose(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.lost.contains(&what) {
            self.lost.push(what);
        }
    }
}

/// A schema that accepts what either does.
fn joined(one: &Value, other: &Value) -> Value {
    // Texts of which each variant has its own are the mark by which variants are told apart.
    let texts = |schema: &Value| -> Option<Vec<Value>> {
        match (schema.get("enum"), schema.get("const")) {
            (Some(Value::Array(values)), _) => Some(values.clone()),
            (None, Some(value)) => Some(vec![value.clone()]),
            _ => None,
        }
    };
    if let (Some(mut all), Some(more)) = (texts(one), texts(other)) {
        all.extend(more.into_iter().filter(|value| !all.contains(value)).collect::<Vec<_>>());
        return json!({ "enum": all });
    }
    match one.get("anyOf") {
        Some(Value::Array(all)) if one.as_object().is_some_and(|it| it.len() == 1) => {
            let mut all = all.clone();
            if !all.contains(other) {
                all.push(other.clone());
            }
            json!({ "anyOf": all })
        }
        _ => json!({ "anyOf": [one, other] }),
    }
}

/// The schema that a reference leads to.
pub(super) fn followed<'s>(
    schema: &Map<String, Value>,
    schemas: &'s BTreeMap<String, Named>,
) -> Option<&'s Value> {
    let name = schema.get("$ref")?.as_str()?.strip_suffix(".json")?;
    schemas.get(name).map(|named| &named.schema)
}
