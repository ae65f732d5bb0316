//! What an operation takes, as the arguments of a method.

use http::HeaderName;
use ketch_manifest::Type;
use ketch_model::In;
use ketch_openapi::{Operation, Parameter, Style};
use serde_json::{Value, json};

use super::body::Taken;
use super::endpoint::Writing;
use super::members::{Members, followed};
use super::text::{Entry, Text};
use super::types::{is_file, items};

/// Names that every controller is given or gives besides its own.
const SPECIAL: [&str; 7] =
    ["_HTTP_METHOD_", "_SCOPE_", "_AUTHORIZATION_", "_CALLER_", "_STATUS_", "_HEADERS_", "_REDIRECT_"];

impl Writing<'_, '_> {
    /// The arguments: of the path, the other parameters, and the members of the body.
    pub(super) fn takes(
        &mut self,
        operation: &Operation,
        taken: &Taken,
        params: &[(String, String)],
    ) -> Vec<Entry> {
        let mut entries = Vec::new();
        self.called.clear();
        for (written, name) in params {
            let declared = operation.parameters.iter().find(|it| it.place == In::Path && it.name == *written);
            if written != name && !written.is_empty() {
                self.notes.add(&operation.at, format!("`{{{written}}}` of the path is called `{name}` here"));
            }
            entries.push(self.of_path(operation, declared, written, name));
        }
        for parameter in &operation.parameters {
            match parameter.place {
                In::Path => {
                    if !operation.path.contains(&format!("{{{}}}", parameter.name)) {
                        self.notes.add(&parameter.at, "the parameter is left out: the path does not have it");
                    }
                }
                In::Query => self.of_query(parameter, &mut entries),
                place => self.of_head(parameter, place, &mut entries),
            }
        }
        for member in &taken.members {
            let at = operation.body.as_ref().map_or("", |body| body.at.as_str());
            let argument = Argument {
                key: member.name.clone(),
                required: member.required,
                info: None,
                file: taken.form,
            };
            entries.push(self.argument(argument, &member.schema, &member.name, at));
        }
        entries
    }

    fn of_path(
        &mut self,
        operation: &Operation,
        declared: Option<&Parameter>,
        written: &str,
        name: &str,
    ) -> Entry {
        let text = json!({ "type": "string" });
        let Some(parameter) = declared else {
            // One that is a part of a segment has been told of.
            if !written.is_empty() {
                let what = format!("`{{{name}}}` of the path is declared nowhere, and is text here");
                self.notes.add(&operation.at, what);
            }
            let argument = Argument { key: name.to_owned(), required: true, info: None, file: false };
            return self.argument(argument, &text, name, &operation.at);
        };
        let mut schema = parameter.schema.clone();
        if schema["type"] == "string" && schema["minLength"] == 1 {
            // No segment is empty.
            if let Some(parts) = schema.as_object_mut() {
                parts.remove("minLength");
            }
        }
        let listed = self.is_listed(&schema);
        if listed || parameter.style == Style::Odd {
            self.notes.add(&parameter.at, "is one text here: take it apart in the controller");
            schema = text;
        }
        let argument = Argument { key: name.to_owned(), required: true, info: about(parameter), file: false };
        self.argument(argument, &schema, name, &parameter.at)
    }

    /// Whether a schema is of a list or an object, which no single text is.
    fn is_listed(&self, schema: &Value) -> bool {
        let mut schema = schema;
        for _ in 0..16 {
            let Some(parts) = schema.as_object() else { return false };
            let Some(target) = followed(parts, &self.spec.schemas) else { break };
            schema = target;
        }
        let listed = |kind: &Value| kind == "array" || kind == "object";
        match schema.get("type") {
            Some(Value::Array(kinds)) => kinds.iter().any(listed),
            Some(kind) => listed(kind),
            None => schema.get("properties").is_some() || schema.get("items").is_some(),
        }
    }

    fn of_query(&mut self, parameter: &Parameter, entries: &mut Vec<Entry>) {
        let name = &parameter.name;
        let object = Members::of(&parameter.schema, &self.spec.schemas);
        let text = json!({ "type": "string" });
        let (told, schema) = match (parameter.style, object) {
            (Style::Deep | Style::Plain, Some(members)) => {
                return self.of_members(parameter, members, entries);
            }
            (Style::Json, _) => {
                let ty = self.types.json(&parameter.schema, name);
                let value = Value::from(format!("{}{ty}", if parameter.required { "" } else { "?" }));
                return entries.push(self.entry(format!("GET@{name}"), name, about(parameter), value, None));
            }
            (Style::Deep, None) => {
                let told =
                    "how a list comes as a `deepObject` is nowhere said: its name comes several times here";
                (Some(told.to_owned()), &parameter.schema)
            }
            (Style::Joined(between), _) if self.is_listed(&parameter.schema) => {
                let told = format!(
                    "is one text here, with `{between}` between its values: take it apart in the controller"
                );
                (Some(told), &text)
            }
            (Style::Odd, _) => {
                (Some("is one text here: how it is written has no word in a manifest".to_owned()), &text)
            }
            _ => (None, &parameter.schema),
        };
        if let Some(told) = told {
            self.notes.add(&parameter.at, told);
        }
        self.push_query(entries, name, (parameter.required, about(parameter)), schema, &parameter.at);
    }

    /// An object whose members are arguments of their own.
    fn of_members(&mut self, parameter: &Parameter, members: Members, entries: &mut Vec<Entry>) {
        let name = &parameter.name;
        let deep = parameter.style == Style::Deep;
        for lost in &members.lost {
            self.notes.add(&parameter.at, lost.clone());
        }
        for member in members.list {
            let wire = if deep { format!("{name}[{}]", member.name) } else { member.name.clone() };
            let required = member.required && parameter.required;
            self.push_query(entries, &wire, (required, None), &member.schema, &parameter.at);
        }
        if !members.lost.is_empty() && deep {
            // It may also come as one value.
            self.push_query(entries, name, (false, about(parameter)), &json!({}), &parameter.at);
        }
    }

    fn push_query(
        &mut self,
        entries: &mut Vec<Entry>,
        name: &str,
        said: (bool, Option<String>),
        schema: &Value,
        at: &str,
    ) {
        let (required, info) = said;
        let key = format!("GET@{name}");
        if entries.iter().any(|entry| entry.key == key) {
            self.notes
                .add(at, format!("`{name:.60}` of the query is left out: another parameter is called so"));
            return;
        }
        let mut schema = schema.clone();
        if required
            && schema["minItems"] == 1
            && let Some(parts) = schema.as_object_mut()
        {
            // A list that must be there has a value.
            parts.remove("minItems");
        }
        let argument = Argument { key, required, info, file: false };
        let entry = self.argument(argument, &schema, name, at);
        entries.push(entry);
    }

    fn of_head(&mut self, parameter: &Parameter, place: In, entries: &mut Vec<Entry>) {
        let name = &parameter.name;
        let header = place == In::Header;
        if HeaderName::try_from(name.as_str()).is_err() {
            self.notes
                .add(&parameter.at, "the parameter is left out: its name cannot stand in a request's head");
            return;
        }
        let listed = self.is_listed(&parameter.schema);
        let mut schema = parameter.schema.clone();
        if parameter.style == Style::Odd || (listed && !(header && items(&schema).is_some())) {
            self.notes.add(&parameter.at, "is one text here: take it apart in the controller");
            schema = json!({ "type": "string" });
        }
        let key = format!("{}@{name}", if header { "HEADER" } else { "COOKIE" });
        let argument = Argument { key, required: parameter.required, info: about(parameter), file: false };
        let entry = self.argument(argument, &schema, name, &parameter.at);
        entries.push(entry);
    }

    fn argument(&mut self, argument: Argument, schema: &Value, hint: &str, at: &str) -> Entry {
        let single = argument.file && is_file(schema);
        let several = argument.file && items(schema).is_some_and(is_file);
        let (ty, lost) = match (single, several) {
            (true, _) => ("FILE".to_owned(), None),
            (_, true) => ("[FILE]".to_owned(), None),
            _ => {
                let written = self.types.of(schema, hint);
                (written.text, written.lost)
            }
        };
        if let Some(lost) = lost {
            self.notes.add(at, format!("`{hint:.60}`: {lost}"));
        }
        let default = schema.get("default").filter(|it| !it.is_null());
        let default = match default {
            Some(_) if argument.required => {
                self.notes
                    .add(at, format!("the default of `{hint:.60}` is left out: it must always be there"));
                None
            }
            Some(_) if single || several => None,
            Some(value) if fits(&ty, schema, value) => Some(value.clone()),
            Some(_) => {
                self.notes.add(
                    at,
                    format!("the default of `{hint:.60}` is left out: it does not fit its own type"),
                );
                None
            }
            None => None,
        };
        let info =
            argument.info.or_else(|| schema.get("description").and_then(Value::as_str).map(str::to_owned));
        let ty = Value::from(format!("{}{ty}", if argument.required { "" } else { "?" }));
        self.entry(argument.key, hint, info, ty, default)
    }

    fn entry(
        &mut self,
        key: String,
        name: &str,
        info: Option<String>,
        ty: Value,
        default: Option<Value>,
    ) -> Entry {
        let mut members = Vec::new();
        members.extend(info.map(|info| ("info", json!(info))));
        members.push(("type", ty));
        members.extend(default.map(|default| ("default", default)));
        let called = self.call(&key, name);
        if called != name {
            members.push(("name", json!(called)));
        }
        Entry::new(key, Text::Row(members))
    }

    /// What a controller calls it: its name, if no other is called so and it is no variable's.
    fn call(&mut self, key: &str, name: &str) -> String {
        let bare = name.trim_matches('_');
        let plain = if SPECIAL.contains(&name) || bare.len() != name.len() { bare } else { name };
        let plain = if plain.is_empty() { "value" } else { plain };
        let source = match key.split_once('@') {
            Some(("GET", _)) => "query",
            Some(("HEADER", _)) => "header",
            Some(("COOKIE", _)) => "cookie",
            _ => "body",
        };
        let mut called = plain.to_owned();
        let mut again = 1;
        while !self.called.insert(called.clone()) {
            called =
                if again == 1 { format!("{source}_{plain}") } else { format!("{source}_{plain}_{again}") };
            again += 1;
        }
        called
    }
}

/// An argument that is written.
struct Argument {
    key: String,
    required: bool,
    info: Option<String>,
    /// Whether it comes in a form with parts, where texts may be files.
    file: bool,
}

fn about(parameter: &Parameter) -> Option<String> {
    let own = parameter
        .description
        .clone()
        .or_else(|| parameter.schema.get("description").and_then(Value::as_str).map(str::to_owned));
    let example = match &parameter.example {
        Some(Value::String(text)) => Some(format!("Example: `{text:.200}`.")),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Some(format!("Example: `{value}`.")),
        _ => None,
    };
    let texts: Vec<String> = own.into_iter().chain(example).collect();
    (!texts.is_empty()).then(|| texts.join(" "))
}

/// Whether a default is of its type, as a manifest is checked.
fn fits(ty: &str, schema: &Value, value: &Value) -> bool {
    match Type::parse(ty) {
        Ok(ty) => ty.check(value).is_ok(),
        Err(_) => ketch_openapi::accepts(schema, value),
    }
}
