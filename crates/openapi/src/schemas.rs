//! Which schemas a document needs: those that its operations name, and those that these name.

use serde_json::{Map, Value};

const PREFIX: &str = "#/components/schemas/";

/// Of all schemas those that are named somewhere in `paths`, however far around. What only hidden endpoints and other
/// versions use is nobody's business.
pub(crate) fn used<'s>(
    all: impl IntoIterator<Item = (&'s String, &'s Value)>,
    paths: &Value,
) -> Map<String, Value> {
    let mut left: Vec<(&String, &Value)> = all.into_iter().collect();
    let mut used = Map::new();
    let mut names = Vec::new();
    note(paths, &mut names);
    while let Some(name) = names.pop() {
        let Some(at) = left.iter().position(|(known, _)| **known == name) else { continue };
        let (_, schema) = left.swap_remove(at);
        note(schema, &mut names);
        used.insert(name, schema.clone());
    }
    used
}

/// Adds the names of the schemas that a value refers to, by `$ref` or in the mapping of a discriminator.
fn note(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            // Names are written as in a JSON Pointer.
            names.extend(text.strip_prefix(PREFIX).map(|name| name.replace("~1", "/").replace("~0", "~")));
        }
        Value::Array(items) => items.iter().for_each(|item| note(item, names)),
        Value::Object(members) => members.values().for_each(|member| note(member, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
