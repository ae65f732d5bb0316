//! What an endpoint answers, as OpenAPI writes it: its replies, the errors it declares, and those that follow from what
//! it is.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use ketch_model::{Answer, ArgSpec, Deprecation, Endpoint, In, ReplySpec};
use ketch_syntax::Key;
use serde_json::{Map, Value, json};

use crate::merge::merge_content;
use crate::problem;

/// Headers that replies may have, by name.
const HEADERS: [(&str, &str); 8] = [
    ("Age", "How many seconds ago a kept reply was made (RFC 9111)."),
    ("Cache-Control", "How long the reply may be kept (RFC 9111)."),
    ("Deprecation", "Since when callers are told to move on, as `@` and seconds since 1970 (RFC 9745)."),
    ("ETag", "What the reply is, to be sent as `If-None-Match` (RFC 9110)."),
    ("Retry-After", "In how many seconds to try again (RFC 9110)."),
    ("Sunset", "From when the endpoint may be gone (RFC 8594)."),
    ("Vary", "The request's headers that the reply depends on (RFC 9110)."),
    ("WWW-Authenticate", "How to say who is calling (RFC 9110)."),
];

/// The headers that these paths refer to, for `components.headers`.
pub(crate) fn headers(paths: &Value) -> Map<String, Value> {
    let paths = paths.to_string();
    let used = |name: &str| paths.contains(&format!("\"#/components/headers/{name}\""));
    let header = |(name, about): &(&str, &str)| {
        ((*name).to_owned(), json!({ "description": about, "schema": { "type": "string" } }))
    };
    HEADERS.iter().filter(|(name, _)| used(name)).map(header).collect()
}

/// The responses of an endpoint by status, and `default` for what every endpoint may answer. `problem` is the name of the
/// error body's schema.
pub(crate) fn responses(endpoint: &Endpoint, problem: &str) -> Value {
    let mut responses: Map<String, Value> = Map::new();
    let headers = reply_headers(endpoint);
    for reply in &endpoint.replies {
        let status = status(endpoint, reply).as_str().to_owned();
        let new = response(reply, &headers);
        match responses.get_mut(&status) {
            Some(response) => add(response, new),
            None => drop(responses.insert(status, new)),
        }
    }
    if is_cached(endpoint) {
        let mut unchanged =
            json!({ "description": "The caller has it already: the reply is the one whose `ETag` it sent." });
        unchanged["headers"] = references(&["Age", "Cache-Control", "ETag"]);
        responses.entry("304").or_insert(unchanged);
    }
    for (status, errors) in errors(endpoint) {
        let key = status.to_string();
        let error = error_response(status, &errors, problem);
        match responses.get_mut(&key) {
            Some(response) => add(response, error),
            None => drop(responses.insert(key, error)),
        }
    }
    responses.insert("default".to_owned(), json!({ "$ref": "#/components/responses/Problem" }));
    responses.into()
}

/// Adds what a second response of the same status says.
fn add(response: &mut Value, more: Value) {
    let text = |value: &Value| value["description"].as_str().unwrap_or_default().to_owned();
    let (one, other) = (text(response), text(&more));
    if !other.is_empty() && one != other {
        response["description"] = json!(format!("{one} Or: {other}"));
    }
    let Value::Object(more) = more else { return };
    for (key, value) in more {
        match key.as_str() {
            "description" => {}
            "content" => merge_content(response, &value),
            _ => response[key] = value,
        }
    }
}

/// The setting `status` stands in place of 200.
fn status(endpoint: &Endpoint, reply: &ReplySpec) -> StatusCode {
    let said = endpoint.settings.status.value.and_then(|status| StatusCode::from_u16(status).ok());
    said.filter(|_| reply.status == StatusCode::OK).unwrap_or(reply.status)
}

fn response(reply: &ReplySpec, headers: &Map<String, Value>) -> Value {
    let mut response = json!({ "description": reply.description });
    if let Some(content) = &reply.content {
        response["content"] = json!({ content.media_type: { "schema": content.schema } });
    }
    if !headers.is_empty() && reply.status.is_success() {
        response["headers"] = headers.clone().into();
    }
    response
}

/// Whether replies are kept: `cache` with `ttl`, where it applies.
fn is_cached(endpoint: &Endpoint) -> bool {
    let settings = &endpoint.settings;
    let skipped = settings.skipped.iter().any(|(key, _)| *key == Key::Cache);
    endpoint.method == Method::GET
        && settings.cache.value.is_some()
        && settings.ttl.value.is_some()
        && !skipped
}

/// The headers that every good reply of an endpoint has.
fn reply_headers(endpoint: &Endpoint) -> Map<String, Value> {
    let settings = &endpoint.settings;
    let mut names = Vec::new();
    if is_cached(endpoint) {
        names.extend(["Age", "Cache-Control", "ETag"]);
        if !settings.vary.is_empty() {
            names.push("Vary");
        }
    }
    if matches!(settings.deprecated.value, Deprecation::Since(_)) {
        names.push("Deprecation");
    }
    if settings.sunset.value.is_some() {
        names.push("Sunset");
    }
    let Value::Object(mut headers) = references(&names) else { return Map::new() };
    for (name, value) in settings.headers.iter().filter_map(|header| header.value.split_once(':')) {
        let header = json!({ "schema": { "type": "string" }, "example": value.trim() });
        headers.entry(name.trim()).or_insert(header);
    }
    headers
}

fn references(names: &[&str]) -> Value {
    let reference =
        |name: &&str| ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
    Value::Object(names.iter().map(reference).collect())
}

fn error_response(status: u16, errors: &[(&str, &str)], problem: &str) -> Value {
    let list: Vec<Value> =
        errors.iter().map(|(code, about)| json!({ "code": code, "description": about })).collect();
    let about: Vec<&str> = errors.iter().map(|(_, about)| *about).collect();
    let mut response = json!({
        "description": about.join("; "),
        "content": problem::content(problem),
        "x-ketch-errors": list,
    });
    let header = match status {
        401 => "WWW-Authenticate",
        429 => "Retry-After",
        _ => return response,
    };
    response["headers"] = references(&[header]);
    response
}

/// The errors an endpoint may answer, by status: its own, and those that follow from what it is. What every endpoint
/// may answer (500, 503, 504) is under `default`.
fn errors(endpoint: &Endpoint) -> BTreeMap<u16, Vec<(&'static str, &'static str)>> {
    let mut all: BTreeMap<u16, Vec<(&str, &str)>> = BTreeMap::new();
    let mut add = |status: u16, code: &'static str, about: &'static str| {
        let list = all.entry(status).or_default();
        if !list.iter().any(|(known, _)| *known == code) {
            list.push((code, about));
        }
    };
    // What the endpoint says of an error itself is the better description.
    for error in &endpoint.errors {
        add(error.status, error.code, error.description);
    }
    if endpoint.args.iter().any(can_be_invalid) {
        add(400, "invalid_arguments", "An argument is missing or cannot be read");
    }
    for arg in endpoint.args.iter().filter(|arg| arg.place.is_body()) {
        let form = Form::of(arg);
        match form {
            Form::Json => add(400, "invalid_json", "The body is not JSON"),
            Form::Fields => add(400, "invalid_form", "The body is not a form, or not UTF-8"),
            Form::Parts => add(400, "invalid_multipart", "The body is not a form with parts"),
            Form::Raw => {}
        }
        add(400, "broken_body", "The body broke off or is not framed as it should be");
        add(408, "slow_body", "The body came too slowly");
        add(413, "body_too_large", "The body is larger than the limit");
        if form == Form::Parts {
            add(413, "part_too_large", "A part is larger than the limit");
            add(413, "part_headers_too_large", "The headers of a part are larger than what is read");
            add(413, "too_many_parts", "The form has more parts than are read");
        }
        if form != Form::Raw {
            add(415, "unsupported_media_type", "The body's type is not the one that is read");
        }
        add(415, "unsupported_encoding", "The body is compressed, which is not read");
    }
    if endpoint.args.iter().any(|arg| arg.rules) {
        add(422, "rules_broken", "An argument can be read but breaks a rule");
    }
    if !endpoint.settings.scope.value.is_public() {
        add(401, "unauthorized", "Nobody is known to be calling");
        add(403, "forbidden", "The caller lacks a scope");
    }
    if endpoint.answer == Answer::Stub {
        add(404, "no_stub", "There is no file to answer with");
    }
    if endpoint.settings.rate.value.is_some() {
        add(429, "rate_limited", "The caller calls too often");
    }
    all
}

/// What a body is read as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Fields,
    /// A form with parts, which the endpoint reads itself.
    Parts,
    /// Bytes as they come, whatever their type.
    Raw,
}

impl Form {
    fn of(arg: &ArgSpec) -> Self {
        let essence = arg.media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        match essence {
            "application/x-www-form-urlencoded" => Self::Fields,
            "multipart/form-data" => Self::Parts,
            json if json == "application/json" || json.ends_with("+json") => Self::Json,
            _ => Self::Raw,
        }
    }
}

/// Whether a request can get it wrong: text may be no UTF-8, so every argument but the circumstances and raw bytes.
fn can_be_invalid(arg: &ArgSpec) -> bool {
    match arg.place {
        In::Context => false,
        // An endpoint that reads parts itself says nothing of them.
        In::Body => match Form::of(arg) {
            Form::Json | Form::Fields => true,
            Form::Parts => arg.schema.get("properties").is_some(),
            Form::Raw => false,
        },
        _ => true,
    }
}
