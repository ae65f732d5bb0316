//! JSON Schemas of types, each named once for the whole API.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

/// Collects the schemas that arguments and replies refer to (JSON Schema 2020-12, the dialect of OpenAPI 3.1).
///
/// What a server reads and what it writes differ where serde says so, so each side has a generator; a type that
/// means the same on both appears once.
#[derive(Debug)]
pub struct Schemas {
    read: SchemaGenerator,
    written: SchemaGenerator,
}

impl Default for Schemas {
    fn default() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
        };
        Self { read: settings().for_deserialize().into_generator(), written: settings().for_serialize().into_generator() }
    }
}

impl Schemas {
    /// The schema of a type that is read: a reference when it has a name.
    pub fn read<T: JsonSchema>(&mut self) -> Value {
        self.read.subschema_for::<T>().to_value()
    }

    /// The schema of a type that is written.
    pub fn written<T: JsonSchema>(&mut self) -> Value {
        self.written.subschema_for::<T>().to_value()
    }

    /// The named schemas, with references to them put right in `values`.
    ///
    /// A name whose reading and writing differ is kept for reading as it is, and gets `Reply` appended for writing.
    pub fn finish<'v>(mut self, values: impl Iterator<Item = (Side, &'v mut Value)>) -> BTreeMap<String, Value> {
        let read: BTreeMap<String, Value> = self.read.take_definitions(true).into_iter().collect();
        let written: BTreeMap<String, Value> = self.written.take_definitions(true).into_iter().collect();
        let differs: Vec<&String> =
            written.iter().filter(|(name, schema)| read.get(*name).is_some_and(|other| other != *schema)).map(|(name, _)| name).collect();
        let rename = |value: &mut Value| rename_references(value, &differs);
        for (side, value) in values {
            if side == Side::Written {
                rename(value);
            }
        }
        let mut all = read.clone();
        for (name, schema) in &written {
            let mut schema = schema.clone();
            rename(&mut schema);
            let name = if differs.contains(&name) { format!("{name}Reply") } else { name.clone() };
            all.entry(name).or_insert(schema);
        }
        all
    }
}

/// Whether a schema describes what is read or what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Requests.
    Read,
    /// Replies.
    Written,
}

fn rename_references(value: &mut Value, names: &[&String]) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                match member {
                    Value::String(text) if key == "$ref" => {
                        if names.iter().any(|name| text.strip_prefix("#/components/schemas/") == Some(name)) {
                            text.push_str("Reply");
                        }
                    }
                    _ => rename_references(member, names),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename_references(item, names)),
        _ => {}
    }
}
