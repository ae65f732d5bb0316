//! One endpoint as an OpenAPI operation: parameters, body, replies, errors and scopes.

use std::collections::BTreeMap;

use ketch_model::{ArgSpec, Deprecation, Endpoint, In, ReplySpec, Scope};
use serde_json::{Map, Value, json};

/// The operation object of an endpoint.
pub(crate) fn operation(endpoint: &Endpoint) -> Value {
    let mut operation = json!({
        "operationId": operation_id(endpoint),
        "tags": [endpoint.names.tag],
        "responses": responses(endpoint),
    });
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            operation[key] = value;
        }
    };
    put("summary", endpoint.docs.summary.as_ref().map(|text| json!(text)));
    put("description", endpoint.docs.description.as_ref().map(|text| json!(text)));
    let parameters: Vec<Value> = endpoint.args.iter().filter_map(|arg| parameter(arg, endpoint)).collect();
    put("parameters", (!parameters.is_empty()).then(|| parameters.into()));
    put("requestBody", endpoint.args.iter().find(|arg| arg.place.is_body()).map(body));
    put("security", security(&endpoint.settings.scope.value));
    put("deprecated", (endpoint.settings.deprecated.value != Deprecation::No).then_some(Value::Bool(true)));
    operation
}

/// Unique in a document: the name, and the version when there is one.
fn operation_id(endpoint: &Endpoint) -> String {
    let name = endpoint.names.operation();
    match &endpoint.settings.version.value {
        Some(version) => format!("{name}.v{version}"),
        None => name,
    }
}

fn parameter(arg: &ArgSpec, endpoint: &Endpoint) -> Option<Value> {
    if !matches!(arg.place, In::Path | In::Query) {
        return None;
    }
    let mut schema = arg.schema.clone();
    let in_path = endpoint.path.params().find(|param| arg.place == In::Path && param.name == arg.name);
    if let Some(param) = in_path
        && schema.get("type") == Some(&json!("string"))
    {
        schema["minLength"] = json!(1);
        if let Some(pattern) = &param.pattern {
            schema["pattern"] = json!(format!("^(?:{pattern})$"));
        }
    }
    let mut parameter =
        json!({ "name": arg.name, "in": arg.place.name(), "required": arg.required, "schema": schema });
    if arg.repeated {
        parameter["explode"] = json!(true);
    }
    // A catch-all holds slashes, which a client must not encode.
    if in_path.is_some_and(|param| param.catch_all) {
        parameter["allowReserved"] = json!(true);
    }
    Some(parameter)
}

fn body(arg: &ArgSpec) -> Value {
    let media_type = arg.media_type.unwrap_or("application/octet-stream");
    json!({ "required": arg.required, "content": { media_type: { "schema": arg.schema } } })
}

/// Scopes in disjunctive form are just what a list of security requirements says.
fn security(scope: &Scope) -> Option<Value> {
    let requirement = |clause: &Vec<String>| json!({ "bearer": clause });
    (!scope.is_public()).then(|| scope.clauses().iter().map(requirement).collect())
}

fn responses(endpoint: &Endpoint) -> Value {
    let mut responses: Map<String, Value> =
        endpoint.replies.iter().map(|reply| (reply.status.as_str().to_owned(), response(reply))).collect();
    for (status, errors) in errors(endpoint) {
        let list: Vec<Value> =
            errors.iter().map(|(code, about)| json!({ "code": code, "description": about })).collect();
        let about: Vec<&str> = errors.iter().map(|(_, about)| *about).collect();
        responses.insert(
            status.to_string(),
            json!({
                "description": about.join("; "),
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
                "x-ketch-errors": list,
            }),
        );
    }
    responses.insert("default".to_owned(), json!({ "$ref": "#/components/responses/Problem" }));
    responses.into()
}

fn response(reply: &ReplySpec) -> Value {
    let mut response = json!({ "description": reply.description });
    if let Some(content) = &reply.content {
        response["content"] = json!({ content.media_type: { "schema": content.schema } });
    }
    response
}

/// The errors an endpoint may answer, by status: its own, and those that follow from what it is. What every endpoint
/// may answer (503, 504) is under `default`.
fn errors(endpoint: &Endpoint) -> BTreeMap<u16, Vec<(&'static str, &'static str)>> {
    let mut all: BTreeMap<u16, Vec<(&str, &str)>> = BTreeMap::new();
    let mut add = |status: u16, code: &'static str, about: &'static str| {
        let list = all.entry(status).or_default();
        if !list.contains(&(code, about)) {
            list.push((code, about));
        }
    };
    let body = endpoint.args.iter().any(|arg| arg.place.is_body());
    if endpoint.args.iter().any(|arg| arg.place != In::Context) {
        add(400, "invalid_arguments", "An argument is missing or cannot be read");
    }
    if body {
        add(400, "invalid_json", "The body is not JSON");
        add(408, "slow_body", "The body came too slowly");
        add(413, "body_too_large", "The body is larger than the limit");
        add(415, "unsupported_media_type", "The body's type is not the one that is read");
    }
    if !endpoint.settings.scope.value.is_public() {
        add(401, "unauthorized", "Nobody is known to be calling");
        add(403, "forbidden", "The caller lacks a scope");
    }
    for error in &endpoint.errors {
        add(error.status, error.code, error.description);
    }
    all
}
