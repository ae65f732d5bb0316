//! A JSON Schema in a form that two of them can be compared in: references followed, `allOf` put together, null told
//! apart, and constants gathered into one list of values.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// How deep references and `allOf` are followed in one place.
const MOST_STEPS: u32 = 32;

/// What a schema says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    /// The name it is referred to by, if it is.
    pub(crate) name: Option<String>,
    /// Whether nothing fits it.
    pub(crate) never: bool,
    /// Whether null fits.
    pub(crate) nullable: bool,
    /// The types that fit, null apart; all when it is none.
    pub(crate) types: Option<BTreeSet<String>>,
    /// The values that fit, as JSON; all when it is none.
    pub(crate) values: Option<BTreeSet<String>>,
    /// The alternatives, of which one fits.
    pub(crate) options: Vec<Value>,
    /// Members by name.
    pub(crate) members: BTreeMap<String, Value>,
    /// Members that must be there.
    pub(crate) required: BTreeSet<String>,
    /// Every other keyword.
    pub(crate) rest: Map<String, Value>,
}

impl Shape {
    /// Reads a schema. What is no schema fits anything.
    pub(crate) fn of(schema: &Value, document: &Value, budget: &mut u32) -> Self {
        let mut shape = Self::default();
        shape.read(schema, document, MOST_STEPS, budget);
        shape.gather(document, budget);
        shape
    }

    fn read(&mut self, schema: &Value, document: &Value, steps: u32, budget: &mut u32) {
        if steps == 0 || *budget == 0 {
            return;
        }
        *budget -= 1;
        let members = match schema {
            Value::Object(members) => members,
            Value::Bool(false) => {
                self.never = true;
                return;
            }
            _ => return,
        };
        if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
            self.name.get_or_insert_with(|| reference.rsplit('/').next().unwrap_or_default().to_owned());
            if let Some(target) = resolve(document, reference) {
                self.read(target, document, steps - 1, budget);
            }
        }
        for part in members.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.read(part, document, steps - 1, budget);
        }
        for (keyword, value) in members {
            self.keyword(keyword, value);
        }
    }

    fn keyword(&mut self, keyword: &str, value: &Value) {
        match keyword {
            "type" => {
                let names: BTreeSet<String> = texts(value).collect();
                let types = self.types.take();
                self.types =
                    Some(types.map_or(names.clone(), |types| types.intersection(&names).cloned().collect()));
            }
            "enum" => self.only(value.as_array().into_iter().flatten()),
            "const" => self.only([value].into_iter()),
            "anyOf" | "oneOf" => self.options.extend(value.as_array().into_iter().flatten().cloned()),
            "properties" => {
                let members = value.as_object().into_iter().flatten();
                self.members.extend(members.map(|(name, schema)| (name.clone(), schema.clone())));
            }
            "required" => self.required.extend(texts(value)),
            "$ref" | "allOf" | "description" | "title" | "example" | "examples" | "$schema" | "$id"
            | "$comment" | "$defs" | "deprecated" => {}
            _ => drop(self.rest.insert(keyword.to_owned(), value.clone())),
        }
    }

    fn only<'v>(&mut self, values: impl Iterator<Item = &'v Value>) {
        let named: BTreeSet<String> = values.map(Value::to_string).collect();
        let before = self.values.take();
        self.values =
            Some(before.map_or(named.clone(), |before| before.intersection(&named).cloned().collect()));
    }

    /// Tells null apart, takes a single alternative in, and makes a list of values of alternatives that are constants.
    fn gather(&mut self, document: &Value, budget: &mut u32) {
        let count = self.options.len();
        self.options.retain(|option| option.get("type").and_then(Value::as_str) != Some("null"));
        self.nullable = self.options.len() < count;
        let constants: Vec<Self> = self
            .options
            .iter()
            .map(|option| {
                let mut shape = Self::default();
                shape.read(option, document, MOST_STEPS, budget);
                shape
            })
            .collect();
        if !constants.is_empty() && constants.iter().all(|shape| shape.values.is_some()) {
            self.values = Some(constants.into_iter().filter_map(|shape| shape.values).flatten().collect());
            self.options.clear();
        } else if self.nullable && constants.len() == 1 {
            let only = self.options.remove(0);
            self.read(&only, document, MOST_STEPS, budget);
            if !self.options.is_empty() {
                self.gather(document, budget);
                self.nullable = true;
            }
        }
        if let Some(types) = &mut self.types {
            self.nullable |= types.remove("null");
            // Whatever is an integer is a number.
            if types.contains("number") {
                types.insert("integer".to_owned());
            }
        } else if self.values.is_none() && self.options.is_empty() && count == 0 {
            self.nullable = true;
        }
        if let Some(values) = &mut self.values {
            self.nullable |= values.remove("null");
        }
    }

    /// A number that a keyword sets.
    pub(crate) fn number(&self, keyword: &str) -> Option<&serde_json::Number> {
        match self.rest.get(keyword) {
            Some(Value::Number(number)) => Some(number),
            _ => None,
        }
    }

    /// A text that a keyword sets.
    pub(crate) fn text(&self, keyword: &str) -> Option<&str> {
        self.rest.get(keyword).and_then(Value::as_str)
    }
}

/// What a reference within the document points to.
pub(crate) fn resolve<'d>(document: &'d Value, reference: &str) -> Option<&'d Value> {
    document.pointer(reference.strip_prefix('#')?)
}

/// The object itself, or what its `$ref` points to.
pub(crate) fn followed<'d>(document: &'d Value, object: &'d Value) -> &'d Value {
    let mut object = object;
    for _ in 0..MOST_STEPS {
        match object.get("$ref").and_then(Value::as_str).and_then(|reference| resolve(document, reference)) {
            Some(target) => object = target,
            None => break,
        }
    }
    object
}

/// The texts of a list, or the one text.
fn texts(value: &Value) -> impl Iterator<Item = String> {
    let list = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    list.iter().filter_map(Value::as_str).map(str::to_owned)
}
