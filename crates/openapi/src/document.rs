//! The OpenAPI 3.1 document of an API, whole or of one version.

use std::collections::BTreeMap;

use ketch_model::{Api, Endpoint};
use ketch_syntax::Segment;
use serde_json::{Map, Value, json};

use crate::merge::merge;
use crate::operation::operation;
use crate::{problem, responses, schemas};

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
    let problem = problem::schema_name(&api.schemas);
    let paths = paths(&shown, &problem);
    let mut document = json!({
        "openapi": "3.1.0",
        "info": info,
        "tags": tags(&shown),
        "components": components(api, &shown, &paths, problem),
        "paths": paths,
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

/// The operations by path and method.
///
/// Paths that differ only in the names or patterns of their parameters are one path to OpenAPI. The first template
/// names the parameters for all, and operations that meet there are merged.
fn paths(endpoints: &[&Endpoint], problem: &str) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let mut shapes: BTreeMap<String, &Endpoint> = BTreeMap::new();
    let mut ids: BTreeMap<String, u32> = BTreeMap::new();
    for endpoint in endpoints {
        let method = endpoint.method.as_str().to_ascii_lowercase();
        let first = *shapes.entry(shape(endpoint)).or_insert(endpoint);
        let methods = paths.entry(first.path.plain()).or_insert_with(|| json!({}));
        let mut operation = operation(endpoint, problem);
        rename_parameters(&mut operation, endpoint, first);
        // The same service may be there twice, under two prefixes. No part of a name ends with a hyphen and a number.
        let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
        let count = ids.entry(id.clone()).and_modify(|count| *count += 1).or_insert(1);
        if *count > 1 {
            operation["operationId"] = json!(format!("{id}-{count}"));
        }
        methods[&method] = match methods.get_mut(&method).map(Value::take) {
            Some(there) => merge(there, operation),
            None => operation,
        };
    }
    paths.into()
}

/// A path without the names of its parameters.
fn shape(endpoint: &Endpoint) -> String {
    let segment = |segment: &Segment| match segment {
        Segment::Literal(text) => format!("/{text}"),
        Segment::Param(_) => "/{}".to_owned(),
    };
    endpoint.path.segments().iter().map(segment).collect()
}

/// Gives the parameters of the path the names that `first` has for them.
fn rename_parameters(operation: &mut Value, endpoint: &Endpoint, first: &Endpoint) {
    let renamed: BTreeMap<&str, &str> = endpoint
        .path
        .params()
        .zip(first.path.params())
        .map(|(own, shown)| (own.name.as_str(), shown.name.as_str()))
        .collect();
    let Some(parameters) = operation.get_mut("parameters").and_then(Value::as_array_mut) else { return };
    for parameter in parameters.iter_mut().filter(|parameter| parameter["in"] == "path") {
        let shown = parameter["name"].as_str().and_then(|name| renamed.get(name)).copied();
        if let Some(shown) = shown {
            parameter["name"] = json!(shown);
        }
    }
}

fn components(api: &Api, endpoints: &[&Endpoint], paths: &Value, problem: String) -> Value {
    let mut schemas = schemas::used(&api.schemas, paths);
    let mut components = json!({ "responses": { "Problem": problem::response(&problem) } });
    let headers = responses::headers(paths);
    if !headers.is_empty() {
        components["headers"] = headers.into();
    }
    schemas.insert(problem, problem::schema());
    components["schemas"] = schemas.into();
    if endpoints.iter().any(|endpoint| !endpoint.settings.scope.value.is_public()) {
        components["securitySchemes"] = json!({ "bearer": { "type": "http", "scheme": "bearer" } });
    }
    components
}
