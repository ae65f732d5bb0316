//! One endpoint as an OpenAPI operation: parameters, body and scopes. Its replies are in `responses`.

use ketch_model::{ArgSpec, Deprecation, Endpoint, In, Scope};
use serde_json::{Value, json};

use crate::merge::merge_content;
use crate::responses::responses;

/// Headers that OpenAPI leaves to other parts of a document: as parameters they would be ignored.
const RULED: [&str; 3] = ["accept", "content-type", "authorization"];

/// The operation object of an endpoint. `problem` is the name of the error body's schema.
pub(crate) fn operation(endpoint: &Endpoint, problem: &str) -> Value {
    let mut operation = json!({
        "operationId": operation_id(endpoint),
        "tags": [endpoint.names.tag],
        "responses": responses(endpoint, problem),
    });
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            operation[key] = value;
        }
    };
    put("summary", endpoint.docs.summary.as_ref().map(|text| json!(text)));
    put("description", description(endpoint).map(Value::from));
    let parameters: Vec<Value> = endpoint.args.iter().filter_map(|arg| parameter(arg, endpoint)).collect();
    put("parameters", (!parameters.is_empty()).then(|| parameters.into()));
    put("requestBody", bodies(endpoint));
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

/// The comment, and the headers that cannot be parameters.
fn description(endpoint: &Endpoint) -> Option<String> {
    let ruled = endpoint.args.iter().filter(|arg| is_ruled(arg)).map(|arg| {
        let about = arg.about.as_ref().map(|about| format!(": {about}")).unwrap_or_default();
        format!("Reads the header `{}`{about}", arg.name)
    });
    let paragraphs: Vec<String> = endpoint.docs.description.clone().into_iter().chain(ruled).collect();
    (!paragraphs.is_empty()).then(|| paragraphs.join("\n\n"))
}

fn is_ruled(arg: &ArgSpec) -> bool {
    arg.place == In::Header && RULED.iter().any(|name| arg.name.eq_ignore_ascii_case(name))
}

fn parameter(arg: &ArgSpec, endpoint: &Endpoint) -> Option<Value> {
    if matches!(arg.place, In::Body | In::Context) || is_ruled(arg) {
        return None;
    }
    let mut schema = arg.schema.clone();
    let in_path = endpoint.path.params().find(|param| arg.place == In::Path && param.name == arg.name);
    if let Some(param) = in_path
        && schema.get("type") == Some(&json!("string"))
    {
        // No segment is empty; what the schema says itself may be stricter.
        if schema.get("minLength").and_then(Value::as_u64).unwrap_or_default() == 0 {
            schema["minLength"] = json!(1);
        }
        if let Some(pattern) = &param.pattern {
            restrict(&mut schema, &format!("^(?:{pattern})$"));
        }
    }
    let required = arg.required || arg.place == In::Path;
    let mut parameter = json!({ "name": arg.name, "in": arg.place.name(), "required": required });
    match arg.media_type {
        Some(media_type) => parameter["content"] = json!({ media_type: { "schema": schema } }),
        None => parameter["schema"] = schema,
    }
    if let Some(about) = &arg.about {
        parameter["description"] = json!(about);
    }
    if let Some(example) = &arg.example {
        parameter["example"] = example.clone();
    }
    if arg.repeated && arg.place == In::Query {
        parameter["explode"] = json!(true);
    }
    // A catch-all holds slashes, which a client must not encode; OpenAPI 3.1 has no word for that in a path.
    if in_path.is_some_and(|param| param.catch_all) {
        parameter["x-ketch-catch-all"] = json!(true);
    }
    Some(parameter)
}

/// Adds a pattern; one that the argument states itself holds beside it.
fn restrict(schema: &mut Value, pattern: &str) {
    if schema.get("pattern").is_some_and(|own| own != pattern) {
        schema["allOf"] = json!([{ "pattern": pattern }]);
    } else {
        schema["pattern"] = json!(pattern);
    }
}

/// The body, in every form that the endpoint reads it in.
fn bodies(endpoint: &Endpoint) -> Option<Value> {
    let mut forms = endpoint.args.iter().filter(|arg| arg.place.is_body()).map(body);
    let first = forms.next()?;
    Some(forms.fold(first, |mut all, form| {
        all["required"] = json!(all["required"] == true && form["required"] == true);
        merge_content(&mut all, &form["content"]);
        all
    }))
}

fn body(arg: &ArgSpec) -> Value {
    let media_type = arg.media_type.unwrap_or("application/octet-stream");
    let mut media = json!({ "schema": arg.schema });
    if let Some(example) = &arg.example {
        media["example"] = example.clone();
    }
    let mut body = json!({ "required": arg.required, "content": { media_type: media } });
    if let Some(about) = &arg.about {
        body["description"] = json!(about);
    }
    body
}

/// Scopes in disjunctive form are just what a list of security requirements says.
fn security(scope: &Scope) -> Option<Value> {
    if scope.is_closed() {
        // An empty list would say that no credentials are needed.
        return Some(json!([{ "bearer": [] }]));
    }
    let requirement = |clause: &Vec<String>| json!({ "bearer": clause });
    (!scope.is_public()).then(|| scope.clauses().iter().map(requirement).collect())
}
