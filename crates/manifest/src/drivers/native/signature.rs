//! Whether a function takes and gives what the manifest says, found out with values of each type: one that the manifest
//! allows and the function does not take is named.

use ketch_model::Problem;
use ketch_syntax::suggestion;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::tree::{Declared, Param};
use crate::types::Type;

/// A function's arguments and outputs, as JSON Schemas.
pub(super) struct Signature<'a> {
    pub(super) name: &'a str,
    pub(super) takes: Value,
    pub(super) gives: Value,
}

/// The schema of what a function takes.
pub(super) fn read<T: JsonSchema>() -> Value {
    bounded(settings().for_deserialize().into_generator().into_root_schema_for::<T>().to_value())
}

/// The schema of what a function gives.
pub(super) fn written<T: JsonSchema>() -> Value {
    bounded(settings().for_serialize().into_generator().into_root_schema_for::<T>().to_value())
}

fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true)
}

/// Says the range of integers, which `format` alone does not.
fn bounded(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(members) => {
            let range = match members.get("format").and_then(Value::as_str) {
                Some("uint8") => Some((json!(0), json!(u8::MAX))),
                Some("uint16") => Some((json!(0), json!(u16::MAX))),
                Some("uint32") => Some((json!(0), json!(u32::MAX))),
                Some("int8") => Some((json!(i8::MIN), json!(i8::MAX))),
                Some("int16") => Some((json!(i16::MIN), json!(i16::MAX))),
                Some("int32") => Some((json!(i32::MIN), json!(i32::MAX))),
                Some("int64" | "int") => Some((json!(i64::MIN), json!(i64::MAX))),
                _ => None,
            };
            if let Some((least, most)) = range {
                members.entry("minimum").or_insert(least);
                members.entry("maximum").or_insert(most);
            }
            members.values_mut().for_each(|member| *member = bounded(member.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = bounded(item.take())),
        _ => {}
    }
    schema
}

impl Signature<'_> {
    /// # Errors
    /// Every member that is missing, too many, or of another type.
    pub(super) fn check(&self, endpoint: &Declared) -> Result<(), Vec<Problem>> {
        let mut problems = Vec::new();
        let mut problem = |param: Option<&Param>, message: String| {
            let place = param.map_or(&endpoint.place, |param| &param.place);
            problems.push(Problem::new(Some(place.clone()), endpoint.subject(), message));
        };
        self.arguments(endpoint, &mut problem);
        self.outputs(endpoint, &mut problem);
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    fn arguments(&self, endpoint: &Declared, problem: &mut dyn FnMut(Option<&Param>, String)) {
        let function = self.name;
        let Some(members) = members(&self.takes) else { return };
        for param in &endpoint.takes {
            let name = &param.name;
            let Some(member) = members.get(name) else {
                let known = members.keys().map(String::as_str);
                let hint = suggestion(name, known);
                problem(Some(param), format!("`{name}` is no argument of the function `{function}`{hint}"));
                continue;
            };
            let must = required(&self.takes, name) && !accepts(&self.takes, member, &Value::Null);
            if param.optional && param.default.is_none() && must {
                let message = format!(
                    "`{name}` may be left out, and the function `{function}` needs it: make it an `Option` there, or \
                     drop the `?` of its type"
                );
                problem(Some(param), message);
            }
            let samples = samples(&param.ty);
            if let Some(other) = samples.iter().find(|sample| !accepts(&self.takes, member, sample)) {
                let message = format!(
                    "`{name}` may be {other} here, which the function `{function}` does not take: its type is {}",
                    kind(member)
                );
                problem(Some(param), message);
            }
        }
        for name in members.keys().filter(|name| required(&self.takes, name)) {
            if !endpoint.takes.iter().any(|param| param.name == *name) {
                problem(None, format!("the function `{function}` needs `{name}`, which `in` does not have"));
            }
        }
    }

    fn outputs(&self, endpoint: &Declared, problem: &mut dyn FnMut(Option<&Param>, String)) {
        let function = self.name;
        if endpoint.gives.is_empty() {
            return;
        }
        let kinds = kinds(&self.gives);
        if !kinds.is_empty() && !kinds.contains(&"object") {
            problem(
                None,
                format!("the function `{function}` gives no struct, whose members would be the outputs"),
            );
            return;
        }
        let Some(members) = members(&self.gives) else { return };
        for param in &endpoint.gives {
            let name = &param.name;
            let Some(member) = members.get(name) else {
                let hint = suggestion(name, members.keys().map(String::as_str));
                problem(Some(param), format!("`{name}` is no output of the function `{function}`{hint}"));
                continue;
            };
            if !param.optional && !required(&self.gives, name) {
                let message = format!(
                    "`{name}` is not always an output of the function `{function}`: write `?` before its type"
                );
                problem(Some(param), message);
            }
            let nullable =
                if param.optional { Type::Nullable(Box::new(param.ty.clone())) } else { param.ty.clone() };
            if let Some(other) = self::kinds(member).into_iter().find(|kind| !may_be(&nullable, kind)) {
                let message = format!(
                    "`{name}` of the function `{function}` may be {other}, and must be {}",
                    param.ty.noun()
                );
                problem(Some(param), message);
            }
        }
        for name in members.keys() {
            if !endpoint.gives.iter().any(|param| param.name == *name) {
                problem(None, format!("the function `{function}` gives `{name}`, which `out` does not have"));
            }
        }
    }
}

/// The members of a struct; none when it is none, such as a map of anything.
fn members(schema: &Value) -> Option<&Map<String, Value>> {
    if schema.get("additionalProperties").is_some_and(|more| *more != json!(false)) {
        return None;
    }
    schema.get("properties")?.as_object()
}

fn required(schema: &Value, name: &str) -> bool {
    schema.get("required").and_then(Value::as_array).is_some_and(|all| all.iter().any(|one| one == name))
}

/// Whether a member takes a value. What cannot be told is not held against it.
fn accepts(root: &Value, member: &Value, value: &Value) -> bool {
    let mut schema = json!({ "allOf": [member] });
    if let Some(definitions) = root.get("$defs") {
        schema["$defs"] = definitions.clone();
    }
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&schema).map_or(true, |validator| validator.is_valid(value))
}

/// Values of a type that tell it from others; none when nothing is known of it.
fn samples(ty: &Type) -> Vec<Value> {
    let all = |texts: &[&str]| texts.iter().map(|text| json!(text)).collect();
    match ty {
        Type::Any => vec![Value::Null, json!(true), json!(1.5), json!("text"), json!([]), json!({})],
        Type::Bool => vec![json!(true), json!(false)],
        Type::Int => vec![json!(0), json!(i64::MIN), json!(i64::MAX)],
        Type::Uint => vec![json!(0), json!(u64::MAX)],
        Type::Id => vec![json!(1), json!(i64::MAX)],
        Type::Float => vec![json!(1), json!(-1.5)],
        Type::Text => all(&["", "text"]),
        Type::Varchar(least, most) => {
            [least, most].map(|length| json!("x".repeat((*length).min(10_000)))).into()
        }
        Type::Token => all(&["a", "A.b-c_d~e+f/g=="]),
        Type::Digest(length) => vec![json!("f".repeat(*length))],
        Type::Uuid => all(&["2f0c5f5e-8c1c-4c0e-9d5e-3b1d2a4f6c7b"]),
        Type::Email => all(&["ada@example.org"]),
        Type::Url => all(&["https://example.org/"]),
        Type::Date => all(&["2026-01-31"]),
        Type::Datetime => all(&["2026-01-31T12:00:00Z"]),
        Type::Enum(values) => values.iter().map(|value| json!(value)).collect(),
        Type::File => vec![json!({ "path": "/f/0", "name": "n", "type": "a/b", "size": 1, "sha256": "f" })],
        Type::List(item) => {
            samples(item).into_iter().map(|sample| json!([sample])).chain([json!([])]).collect()
        }
        Type::Map(key, inner) => {
            let name = samples(key).pop().map_or_else(
                || "name".to_owned(),
                |key| key.as_str().map_or_else(|| key.to_string(), str::to_owned),
            );
            samples(inner)
                .into_iter()
                .map(|sample| json!({ name.as_str(): sample }))
                .chain([json!({})])
                .collect()
        }
        Type::Nullable(inner) => samples(inner).into_iter().chain([Value::Null]).collect(),
        Type::Schema(_) | Type::Own(_) => Vec::new(),
    }
}

/// The kinds of JSON that a schema speaks of; none when it does not say.
fn kinds(schema: &Value) -> Vec<&str> {
    let options = ["anyOf", "oneOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
    let own = match schema.get("type") {
        Some(Value::String(kind)) => vec![kind.as_str()],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    own.into_iter().chain(options.flat_map(kinds)).collect()
}

fn kind(schema: &Value) -> String {
    let kinds = kinds(schema);
    let kind = if kinds.is_empty() { "another".to_owned() } else { kinds.join(" or ") };
    match schema.get("format").and_then(Value::as_str) {
        Some(format) => format!("{kind} ({format})"),
        None => kind,
    }
}

/// Whether some value of a type is of a kind.
fn may_be(ty: &Type, kind: &str) -> bool {
    let samples = samples(ty);
    samples.is_empty()
        || samples.iter().any(|sample| match kind {
            "null" => sample.is_null(),
            "boolean" => sample.is_boolean(),
            "integer" => sample.is_number(),
            "number" => sample.is_f64(),
            "string" => sample.is_string(),
            "array" => sample.is_array(),
            "object" => sample.is_object(),
            _ => true,
        })
}
