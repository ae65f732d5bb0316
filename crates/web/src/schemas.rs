//! JSON Schemas of types, each named once for the whole API.

use std::collections::{BTreeMap, BTreeSet};

use ketch_model::Endpoint;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

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
        Self {
            read: settings().for_deserialize().into_generator(),
            written: settings().for_serialize().into_generator(),
        }
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

    /// The named schemas; references to them in the endpoints are put right.
    ///
    /// A name whose reading and writing differ is kept for reading as it is, and gets `Reply` appended for writing.
    pub fn finish<'e>(
        mut self,
        endpoints: impl Iterator<Item = &'e mut Endpoint>,
    ) -> BTreeMap<String, Value> {
        let mut all: BTreeMap<String, Value> = self.read.take_definitions(true).into_iter().collect();
        let written: BTreeMap<String, Value> = self.written.take_definitions(true).into_iter().collect();
        let differs = differing(&all, &written);
        for endpoint in endpoints {
            endpoint.args.iter_mut().for_each(|arg| bound(&mut arg.schema));
            for content in endpoint.replies.iter_mut().filter_map(|reply| reply.content.as_mut()) {
                rename(&mut content.schema, &differs);
                bound(&mut content.schema);
            }
        }
        for (name, mut schema) in written {
            rename(&mut schema, &differs);
            let name = if differs.contains(&name) { format!("{name}Reply") } else { name };
            all.entry(name).or_insert(schema);
        }
        all.values_mut().for_each(bound);
        all
    }
}

/// The names that mean something else when they are written: by themselves, or because they refer to one that does.
fn differing(read: &BTreeMap<String, Value>, written: &BTreeMap<String, Value>) -> BTreeSet<String> {
    let mut differs = BTreeSet::new();
    loop {
        let before = differs.len();
        for (name, schema) in written.iter().filter(|(name, _)| read.contains_key(*name)) {
            let mut renamed = schema.clone();
            rename(&mut renamed, &differs);
            if read.get(name) != Some(&renamed) {
                differs.insert(name.clone());
            }
        }
        if differs.len() == before {
            return differs;
        }
    }
}

/// Calls `change` on every object in a value.
fn each_object(value: &mut Value, change: &mut dyn FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            change(members);
            members.values_mut().for_each(|member| each_object(member, change));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_object(item, change)),
        _ => {}
    }
}

fn rename(schema: &mut Value, names: &BTreeSet<String>) {
    each_object(schema, &mut |members| {
        if let Some(Value::String(text)) = members.get_mut("$ref")
            && text.strip_prefix("#/components/schemas/").is_some_and(|name| names.contains(name))
        {
            text.push_str("Reply");
        }
    });
}

/// Says the range of integers, which `format` alone does not: a client that goes by the document must not be refused.
fn bound(schema: &mut Value) {
    each_object(schema, &mut |members| {
        let range = match members.get("format").and_then(Value::as_str) {
            Some("uint8") => (json!(0), json!(u8::MAX)),
            Some("uint16") => (json!(0), json!(u16::MAX)),
            Some("uint32") => (json!(0), json!(u32::MAX)),
            Some("uint64" | "uint") => (json!(0), json!(u64::MAX)),
            Some("int8") => (json!(i8::MIN), json!(i8::MAX)),
            Some("int16") => (json!(i16::MIN), json!(i16::MAX)),
            Some("int32") => (json!(i32::MIN), json!(i32::MAX)),
            Some("int64" | "int") => (json!(i64::MIN), json!(i64::MAX)),
            _ => return,
        };
        members.entry("minimum").or_insert(range.0);
        members.entry("maximum").or_insert(range.1);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_holds_a_differing_one_differs_too() {
        let schema = |text: &str| serde_json::from_str::<Value>(text).expect("a schema");
        let outer = schema(r##"{ "properties": { "inner": { "$ref": "#/components/schemas/Inner" } } }"##);
        let same = schema(r#"{ "type": "string" }"#);
        let all = |inner: &str| {
            let named = [("Inner", schema(inner)), ("Outer", outer.clone()), ("Same", same.clone())];
            named.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect::<BTreeMap<_, _>>()
        };
        let differs = differing(&all(r#"{ "type": "string" }"#), &all(r#"{ "type": "integer" }"#));
        assert_eq!(differs.into_iter().collect::<Vec<_>>(), ["Inner", "Outer"]);
    }
}
