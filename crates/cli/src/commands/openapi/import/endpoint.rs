//! One operation as a method of a manifest: its arguments, its outputs, who may call, and a stub that answers.

use std::collections::BTreeSet;

use http::StatusCode;
use ketch_openapi::{Description, Need, Operation, Told};
use serde_json::{Value, json};

use super::body::Taken;
use super::members::Members;
use super::project::comment;
use super::text::{Entry, Text};
use super::types::Types;

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
            self.notes.add(&operation.needs_at, what);
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
                        &operation.needs_at,
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

/// The first paragraph is the summary.
fn info(operation: &Operation) -> Option<String> {
    let summary =
        operation.summary.as_deref().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    let description = operation.description.clone().filter(|text| Some(text) != summary.as_ref());
    let texts: Vec<String> = summary.into_iter().chain(description).collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}
