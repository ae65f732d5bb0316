//! JSON Schemas (2020-12) of the project file and the API file, for editors and validators.

use ketch_syntax::Kind;
use serde_json::{Map, Value, json};

use super::{Form, Keys, Member, NODE, PROJECT};

/// The schema of `ketch.json`.
pub fn project_schema() -> Value {
    document(&PROJECT, "The project file of a Ketch manifest: ketch.json")
}

/// The schema of `api.json`.
pub fn api_schema() -> Value {
    document(&NODE, "The API file of a Ketch manifest: api.json")
}

fn document(root: &'static Keys, title: &str) -> Value {
    let mut objects: Vec<&'static Keys> = Vec::new();
    collect(root, &mut objects);
    let definitions: Map<_, _> = objects.iter().map(|keys| (keys.name.to_owned(), object(keys))).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "$ref": format!("#/$defs/{}", root.name),
        "$defs": definitions,
    })
}

/// Every object that is reached from this one, each once.
pub(super) fn collect(keys: &'static Keys, into: &mut Vec<&'static Keys>) {
    if into.iter().any(|known| known.name == keys.name) {
        return;
    }
    into.push(keys);
    for member in keys.members {
        if let Form::Object(keys) | Form::Map(keys) = member.form {
            collect(keys, into);
        }
    }
}

fn object(keys: &Keys) -> Value {
    let mut properties = Map::new();
    for member in keys.members {
        properties.insert(member.name.to_owned(), described(value(member.form), &about(member)));
    }
    for spec in keys.settings.specs() {
        for name in spec.names {
            let mut describe = |name: String| {
                properties.insert(name, described(setting(spec.kind), spec.about));
            };
            describe((*name).to_owned());
            if spec.kind == Kind::Names {
                describe(format!("+{name}"));
                describe(format!("-{name}"));
            }
        }
    }
    let mut schema = json!({
        "type": "object",
        "description": keys.about,
        "properties": properties,
        "additionalProperties": false,
    });
    let required: Vec<_> = keys.members.iter().filter(|it| it.is_required()).map(|it| it.name).collect();
    if !required.is_empty() {
        // What is included may have it.
        schema["anyOf"] = json!([{ "required": required }, { "required": ["$include"] }]);
    }
    schema
}

fn about(member: &Member) -> String {
    match member.default {
        "" => member.about.to_owned(),
        default if member.is_required() => format!("{} {default}.", member.about),
        default => format!("{} Left out: {default}.", member.about),
    }
}

fn described(mut schema: Value, about: &str) -> Value {
    schema["description"] = about.into();
    schema
}

fn value(form: Form) -> Value {
    match form {
        Form::Text => json!({ "type": "string" }),
        // Case makes no difference to the reader; editors offer these.
        Form::Word(words) => json!({ "type": "string", "examples": words }),
        Form::Flag => json!({ "type": "boolean" }),
        Form::Count => json!({ "type": "integer", "minimum": 0 }),
        Form::Duration => json!({ "type": "string", "pattern": DURATION }),
        Form::Size => json!({ "type": "string", "pattern": SIZE }),
        Form::Secret => json!({ "anyOf": [
            { "type": "string" },
            {
                "type": "object",
                "properties": { "env": { "type": "string" } },
                "required": ["env"],
                "additionalProperties": false,
            },
        ] }),
        Form::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Form::TextOrTexts => json!({ "type": ["string", "array"], "items": { "type": "string" } }),
        Form::TextMap => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Form::Variables => {
            json!({ "type": "object", "additionalProperties": { "anyOf": [{ "type": "string" }, { "const": true }] } })
        }
        Form::Folders => json!({ "type": "object", "additionalProperties": { "enum": ["ro", "rw"] } }),
        Form::Type => json!({ "type": "string", "pattern": "^\\??[^?]" }),
        Form::Any => json!({}),
        Form::Object(keys) => json!({ "$ref": format!("#/$defs/{}", keys.name) }),
        Form::Map(keys) => json!({
            "type": "object",
            "properties": { "$include": value(Form::TextOrTexts) },
            "additionalProperties": { "$ref": format!("#/$defs/{}", keys.name) },
        }),
    }
}

const DURATION: &str = "^(-|[0-9]+(ms|s|m|h|d))$";
const SIZE: &str = "^(-|[0-9]+(b|kb|mb|gb))$";
const DATE: &str = "^(-|[0-9]{4}-[0-9]{2}-[0-9]{2})$";

fn setting(kind: Kind) -> Value {
    let names = json!({ "type": "array", "items": { "type": "string" } });
    match kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Version => json!({ "type": ["string", "number"], "pattern": "^(-|[0-9]+(\\.[0-9]+)*)$" }),
        Kind::Names => names,
        Kind::Scope => json!({ "anyOf": [{ "type": "array", "items": names }, { "const": "public" }] }),
        Kind::Size => json!({ "type": "string", "pattern": SIZE }),
        Kind::Duration => json!({ "type": "string", "pattern": DURATION }),
        Kind::Flag => json!({ "anyOf": [{ "type": "boolean" }, { "const": "-" }] }),
        Kind::Date => json!({ "type": "string", "pattern": DATE }),
        Kind::FlagOrDate => {
            json!({ "anyOf": [{ "type": "boolean" }, { "type": "string", "pattern": DATE }] })
        }
        Kind::Rate => json!({ "type": "string" }),
        Kind::Status => json!({ "anyOf": [
            { "type": "integer", "minimum": 200, "maximum": 299 },
            { "type": "string", "pattern": "^(-|2[0-9]{2})$" },
        ] }),
    }
}
