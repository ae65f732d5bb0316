//! One operation as a method of a manifest: its arguments, its outputs, who may call, and a stub that answers.

use std::collections::BTreeSet;

use http::{HeaderName, StatusCode};
use ketch_manifest::Type;
use ketch_model::In;
use ketch_openapi::{Description, Need, Operation, Parameter, Style, Told};
use serde_json::{Value, json};

use super::members::{Member, Members};
use super::project::comment;
use super::text::{Entry, Text};
use super::types::{Types, is_file, items, kind};

/// Names that every controller is given or gives besides its own.
const SPECIAL: [&str; 7] =
    ["_HTTP_METHOD_", "_SCOPE_", "_AUTHORIZATION_", "_CALLER_", "_STATUS_", "_HEADERS_", "_REDIRECT_"];

/// What is told of one operation.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) list: Vec<Told>,
}

impl Notes {
    pub(super) fn add(&mut self, at: &str, what: impl Into<String>) {
        self.list.push(Told { at: at.to_owned(), what: what.into() });
    }
}

/// The members of an operation's body, and whether each is a file.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) members: Vec<Member>,
    form: bool,
}

/// Reads the body of an operation. What it has that is no list of members is told.
pub(super) fn body(operation: &Operation, spec: &Description, notes: &mut Notes) -> Taken {
    let Some(body) = &operation.body else { return Taken::default() };
    let at = body.at.as_str();
    let media_type = body.media_type.as_str();
    let form = media_type.starts_with("multipart/");
    let is_read =
        form || media_type.contains("json") || media_type.contains("urlencoded") || media_type.contains('*');
    if !is_read {
        notes.add(at, format!("the body is left out: it is {media_type:.80}, and a manifest reads JSON and forms; a WASM component of `wasi:http` reads anything"));
        return Taken::default();
    }
    let Some(members) = Members::of(&body.schema, &spec.schemas) else {
        notes.add(at, "the body is left out: it is no object with members that are declared; a WASM component of `wasi:http` reads anything");
        return Taken::default();
    };
    for lost in &members.lost {
        notes.add(at, format!("of the body, {lost}"));
    }
    let mut list = Vec::new();
    for mut member in members.list {
        if member.schema.get("readOnly").is_some() {
            continue;
        }
        if !can_be_key(&member.name) {
            notes.add(at, format!("the member `{:.60}` of the body is left out: the name means something else in a manifest", member.name));
            continue;
        }
        member.required &= body.required != Some(false);
        list.push(member);
    }
    match body.required {
        None if list.iter().any(|member| member.required) => {
            notes.add(at, "the document lets the whole body be left out, although members of it are required: it is required here");
        }
        Some(false) if !list.is_empty() => {
            notes.add(at, "the whole body may be left out, and so may each of its members here")
        }
        _ => {}
    }
    Taken { members: list, form }
}

/// Whether a name is a member of the body when it is a key of `in`.
fn can_be_key(name: &str) -> bool {
    let source = name
        .split_once('@')
        .is_some_and(|(said, _)| ["GET", "HEADER", "COOKIE"].iter().any(|it| said.eq_ignore_ascii_case(it)));
    let braces = name.starts_with('{') && name.ends_with('}');
    !(name.is_empty() || source || braces || name.starts_with("URL#") || name == "$include")
}

/// Writes one operation.
pub(super) struct Writing<'w, 's> {
    pub(super) spec: &'s Description,
    pub(super) types: &'w mut Types<'s>,
    pub(super) notes: Notes,
    /// What controllers call arguments, so that no two are called the same.
    pub(super) called: BTreeSet<String>,
}

impl Writing<'_, '_> {
    /// The method. `params` are the parameters of its path: as the document calls them, and as they are called here.
    pub(super) fn method(
        &mut self,
        operation: &Operation,
        taken: &Taken,
        params: &[(String, String)],
        stub: &str,
    ) -> Entry {
        let mut entries = Vec::new();
        if let Some(info) = info(operation) {
            entries.push(Entry::line("info", info));
        }
        if operation.deprecated {
            entries.push(Entry::line("deprecated", true));
        }
        if let Some(scope) = self.scope(operation) {
            entries.push(Entry::line("scope", scope));
        }
        let status = operation.reply.status;
        if status != 200 && StatusCode::from_u16(status).is_ok() {
            entries.push(Entry::line("status", status));
        }
        entries.push(Entry::line("stub", stub));
        let takes = self.takes(operation, taken, params);
        if !takes.is_empty() {
            entries.push(Entry::new("in", Text::Object(takes)));
        }
        let gives = self.gives(operation);
        if !gives.is_empty() {
            entries.push(Entry::new("out", Text::Object(gives)));
        }
        let mut entry = Entry::new(operation.method, Text::Object(entries));
        entry.comments = self.comments(operation);
        entry
    }

    /// What stands above the method: what has no member of its own.
    fn comments(&mut self, operation: &Operation) -> Vec<String> {
        let mut comments = Vec::new();
        if let Some(id) = &operation.id {
            let tags = if operation.tags.is_empty() {
                String::new()
            } else {
                format!(" ({})", operation.tags.join(", "))
            };
            comments.push(format!("{id}{tags}"));
        }
        if let Some(about) = operation.body.as_ref().and_then(|body| body.description.as_deref()) {
            comments.push(format!("The body: {about}"));
        }
        for (status, about) in &operation.others {
            comments.push(format!("{status}: {about}"));
        }
        if !operation.others.is_empty() {
            let statuses: Vec<&str> = operation.others.iter().map(|(status, _)| status.as_str()).collect();
            let what = format!(
                "the replies {} are left out: a controller answers them with `_STATUS_`",
                statuses.join(", ")
            );
            self.notes.add(&operation.at, what);
        }
        let told = operation.told.iter().chain(&self.notes.list);
        comments.extend(told.map(comment));
        comments
    }

    fn takes(&mut self, operation: &Operation, taken: &Taken, params: &[(String, String)]) -> Vec<Entry> {
        let mut entries = Vec::new();
        self.called.clear();
        for (written, name) in params {
            let declared = operation.parameters.iter().find(|it| it.place == In::Path && it.name == *written);
            if written != name && !written.is_empty() {
                self.notes.add(&operation.at, format!("`{{{written}}}` of the path is called `{name}` here"));
            }
            entries.push(self.of_path(operation, declared, name));
        }
        for parameter in &operation.parameters {
            match parameter.place {
                In::Path => {
                    if !params.iter().any(|(written, _)| *written == parameter.name) {
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

    fn of_path(&mut self, operation: &Operation, declared: Option<&Parameter>, name: &str) -> Entry {
        let text = json!({ "type": "string" });
        let Some(parameter) = declared else {
            self.notes.add(
                &operation.at,
                format!("`{{{name}}}` of the path is declared nowhere, and is text here"),
            );
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
        let listed =
            schema.as_object().and_then(kind).is_some_and(|kind| kind == "array" || kind == "object");
        if listed || parameter.style == Style::Odd {
            self.notes.add(&parameter.at, "is one text here: take it apart in the controller");
            schema = text;
        }
        let argument = Argument { key: name.to_owned(), required: true, info: about(parameter), file: false };
        self.argument(argument, &schema, name, &parameter.at)
    }

    fn of_query(&mut self, parameter: &Parameter, entries: &mut Vec<Entry>) {
        let name = &parameter.name;
        let object = Members::of(&parameter.schema, &self.spec.schemas);
        match (parameter.style, object) {
            (Style::Deep | Style::Plain, Some(members)) => {
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
            (Style::Deep, None) => {
                self.notes.add(
                    &parameter.at,
                    "how a list comes as a `deepObject` is nowhere said: its name comes several times here",
                );
                self.push_query(
                    entries,
                    name,
                    (parameter.required, about(parameter)),
                    &parameter.schema,
                    &parameter.at,
                );
            }
            (Style::Joined(between), _) if is_listed(&parameter.schema) => {
                let what = format!(
                    "is one text here, with `{between}` between its values: take it apart in the controller"
                );
                self.notes.add(&parameter.at, what);
                self.push_query(
                    entries,
                    name,
                    (parameter.required, about(parameter)),
                    &json!({ "type": "string" }),
                    &parameter.at,
                );
            }
            (Style::Odd, _) => {
                self.notes
                    .add(&parameter.at, "is one text here: how it is written has no word in a manifest");
                self.push_query(
                    entries,
                    name,
                    (parameter.required, about(parameter)),
                    &json!({ "type": "string" }),
                    &parameter.at,
                );
            }
            (Style::Json, _) => {
                let ty = self.types.json(&parameter.schema, name);
                let value = Value::from(format!("{}{ty}", if parameter.required { "" } else { "?" }));
                entries.push(self.entry(format!("GET@{name}"), name, about(parameter), value, None));
            }
            _ => self.push_query(
                entries,
                name,
                (parameter.required, about(parameter)),
                &parameter.schema,
                &parameter.at,
            ),
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
        let argument = Argument { key, required, info, file: false };
        let entry = self.argument(argument, schema, name, at);
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
        let listed = is_listed(&parameter.schema);
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

    /// The members of the reply.
    fn gives(&mut self, operation: &Operation) -> Vec<Entry> {
        let reply = &operation.reply;
        let Some(media_type) = &reply.media_type else { return Vec::new() };
        if reply.status == 204 || reply.status == 205 {
            return Vec::new();
        }
        if !(media_type.contains("json") || media_type.contains('*')) {
            self.notes.add(&reply.at, format!("that the reply is {media_type:.80} is left out of `out`: the stub answers it, and a WASM component of `wasi:http` can"));
            return Vec::new();
        }
        let Some(members) = Members::of(&reply.schema, &self.spec.schemas) else {
            if reply.schema.as_object().is_none_or(|it| !it.is_empty()) {
                self.notes.add(&reply.at, "the reply is no object with members that are declared, so there is no `out`: the stub answers it, and a WASM component of `wasi:http` can");
            }
            return Vec::new();
        };
        for lost in members.lost.iter().filter(|lost| !lost.starts_with("members that are not declared")) {
            self.notes.add(&reply.at, format!("of the reply, {lost}"));
        }
        let mut entries = Vec::new();
        for member in members.list.iter().filter(|member| member.schema.get("writeOnly").is_none()) {
            if member.name == "$include" || member.name.is_empty() {
                self.notes.add(&reply.at, format!("the member `{}` of the reply is left out: the name means something else in a manifest", member.name));
                continue;
            }
            let written = self.types.of(&member.schema, &member.name);
            if let Some(lost) = written.lost {
                self.notes.add(&reply.at, format!("`{:.60}`: {lost}", member.name));
            }
            let mut parts = Vec::new();
            let info = member.schema.get("description").and_then(Value::as_str);
            parts.extend(info.map(|info| ("info", json!(info))));
            let optional = if member.required { "" } else { "?" };
            parts.push(("type", json!(format!("{optional}{}", written.text))));
            entries.push(Entry::new(member.name.as_str(), Text::Row(parts)));
        }
        entries
    }

    /// Who may call. Schemes without scopes are told of: which middleware knows them is not for a document to say.
    fn scope(&mut self, operation: &Operation) -> Option<Value> {
        if operation.needs.is_empty() {
            return None;
        }
        let words = |need: &Need| format!("`{}` ({})", need.scheme, need.how);
        let all: Vec<String> = operation
            .needs
            .iter()
            .map(|needs| needs.iter().map(words).collect::<Vec<_>>().join(" and "))
            .collect();
        let scoped = operation.needs.iter().flatten().any(|need| !need.scopes.is_empty());
        if !scoped {
            let names: Vec<&str> =
                operation.needs.iter().flatten().map(|need| need.scheme.as_str()).collect();
            let what = format!(
                "the caller needs {}, and EVERYBODY MAY CALL until a middleware grants a scope for it and a `scope` asks for that, such as `\"scope\": {}`",
                all.join(", or "),
                json!([[names.first().copied().unwrap_or_default()]])
            );
            self.notes.add(&operation.at, what);
            return None;
        }
        let mut clauses: Vec<Vec<String>> = Vec::new();
        for needs in &operation.needs {
            let mut clause: Vec<String> = Vec::new();
            for need in needs {
                let names = if need.scopes.is_empty() {
                    std::slice::from_ref(&need.scheme)
                } else {
                    need.scopes.as_slice()
                };
                if need.scopes.is_empty() {
                    self.notes.add(
                        &operation.at,
                        format!(
                            "{} has no scopes: `{}` is one here, for a middleware to grant",
                            words(need),
                            need.scheme
                        ),
                    );
                }
                for name in names {
                    // Braces stand for parameters of the path.
                    let name = name.replace(['{', '}'], "_");
                    if !clause.contains(&name) {
                        clause.push(name);
                    }
                }
            }
            if !clauses.contains(&clause) {
                clauses.push(clause);
            }
        }
        Some(json!(clauses))
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

/// The first paragraph is the summary.
fn info(operation: &Operation) -> Option<String> {
    let summary =
        operation.summary.as_deref().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    let description = operation.description.clone().filter(|text| Some(text) != summary.as_ref());
    let texts: Vec<String> = summary.into_iter().chain(description).collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
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

fn is_listed(schema: &Value) -> bool {
    schema.as_object().and_then(kind).is_some_and(|kind| kind == "array" || kind == "object")
}

/// Whether a default is of its type, as a manifest is checked.
fn fits(ty: &str, schema: &Value, value: &Value) -> bool {
    match Type::parse(ty) {
        Ok(ty) => ty.check(value).is_ok(),
        Err(_) => ketch_openapi::accepts(schema, value),
    }
}
