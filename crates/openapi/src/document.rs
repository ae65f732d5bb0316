//! The OpenAPI 3.1 document of an API, whole or of one version.

use std::collections::BTreeMap;

use ketch_model::{Api, Endpoint};
use serde_json::{Map, Value, json};

use crate::operation::operation;

/// The document: of every endpoint, or with `version` of those that have it or have none. Hidden endpoints are left out.
///
/// The order is that in which endpoints were added, and everything else is sorted, so that the same API always gives
/// the same bytes.
pub fn document(api: &Api, version: Option<&str>) -> Value {
    let shown: Vec<&Endpoint> = api.endpoints.iter().filter(|endpoint| is_shown(endpoint, version)).collect();
    let mut info = json!({ "title": api.title, "version": version.unwrap_or(&api.version) });
    if let Some(description) = &api.description {
        info["description"] = json!(description);
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": info,
        "tags": tags(&shown),
        "paths": paths(&shown),
        "components": components(api, &shown),
    });
    let versions = versions(api);
    if version.is_none() && !versions.is_empty() {
        let list =
            |version: &String| json!({ "version": version, "url": format!("/openapi/v{version}.json") });
        document["x-ketch-documents"] = versions.iter().map(list).collect();
    }
    document
}

/// The versions of an API's shown endpoints, in numerical order.
pub fn versions(api: &Api) -> Vec<String> {
    let number =
        |version: &str| version.split('.').map(|part| part.parse::<u64>().unwrap_or(u64::MAX)).collect();
    let by_number: BTreeMap<Vec<u64>, String> = api
        .endpoints
        .iter()
        .filter(|endpoint| !endpoint.settings.hidden.value)
        .filter_map(|endpoint| endpoint.settings.version.value.clone())
        .map(|version| (number(&version), version))
        .collect();
    by_number.into_values().collect()
}

fn is_shown(endpoint: &Endpoint, version: Option<&str>) -> bool {
    let own = endpoint.settings.version.value.as_deref();
    !endpoint.settings.hidden.value && version.is_none_or(|version| own.is_none_or(|own| own == version))
}

fn tags(endpoints: &[&Endpoint]) -> Value {
    let mut tags: Vec<Value> = Vec::new();
    for endpoint in endpoints {
        let name = &endpoint.names.tag;
        if tags.iter().any(|tag| tag["name"] == json!(name)) {
            continue;
        }
        let mut tag = json!({ "name": name });
        if let Some(text) = &endpoint.docs.service {
            tag["description"] = json!(text);
        }
        tags.push(tag);
    }
    tags.into()
}

fn paths(endpoints: &[&Endpoint]) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let mut ids: BTreeMap<String, u32> = BTreeMap::new();
    for endpoint in endpoints {
        let method = endpoint.method.as_str().to_ascii_lowercase();
        // Two templates that differ in a pattern only are one path here: the later keeps its pattern in the name.
        let mut path = endpoint.path.plain();
        if paths.get(&path).is_some_and(|methods| methods.get(&method).is_some()) {
            path = endpoint.path.to_string();
        }
        let methods = paths.entry(path).or_insert_with(|| json!({}));
        let mut operation = operation(endpoint);
        // The same service may be there twice, under two prefixes.
        let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
        let count = ids.entry(id.clone()).and_modify(|count| *count += 1).or_insert(1);
        if *count > 1 {
            operation["operationId"] = json!(format!("{id}.{count}"));
        }
        methods[method] = operation;
    }
    paths.into()
}

fn components(api: &Api, endpoints: &[&Endpoint]) -> Value {
    let mut schemas: Map<String, Value> =
        api.schemas.iter().map(|(name, schema)| (name.clone(), schema.clone())).collect();
    schemas.insert("Problem".to_owned(), problem_schema());
    let mut components = json!({ "schemas": schemas, "responses": { "Problem": problem_response() } });
    if endpoints.iter().any(|endpoint| !endpoint.settings.scope.value.is_public()) {
        components["securitySchemes"] = json!({ "bearer": { "type": "http", "scheme": "bearer" } });
    }
    components
}

fn problem_response() -> Value {
    json!({
        "description": "What went wrong (RFC 9457).",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    })
}

/// The one error body. It is written here once more than in `web`, and a test compares the two.
fn problem_schema() -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    json!({
        "type": "object",
        "description": "The one error body (RFC 9457).",
        "required": ["type", "title", "status", "detail", "code", "message", "request_id"],
        "properties": {
            "type": text("Always `about:blank`: the code says what it is."),
            "title": text("The status in words."),
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": text("What went wrong, for people."),
            "code": text("What went wrong, for programs."),
            "message": text("The same as `detail`."),
            "request_id": text("The request's name in the server's log."),
            "errors": {
                "type": "array",
                "description": "One entry for each argument or member of the body that could not be read.",
                "items": {
                    "type": "object",
                    "required": ["code", "message"],
                    "properties": {
                        "parameter": text("The argument's name."),
                        "in": { "enum": ["path", "query", "context"] },
                        "pointer": text("The member of the body, as a JSON Pointer after `#`."),
                        "code": text("`missing`, `invalid` or `repeated`."),
                        "message": text("What to send instead."),
                    },
                },
            },
        },
    })
}
