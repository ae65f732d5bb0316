//! Documents of endpoints of every kind, lowered by hand: what fronts and settings there are does not matter here.

use ketch_model::{
    Answer, Api, ArgSpec, Content, Docs, Effective, Endpoint, ErrorSpec, In, Inferred, Level, Leveled, Names,
    ReplySpec, Scope, Settings, resolve,
};
use ketch_openapi::document;
use serde_json::{Value, json};

/// A GET endpoint with these settings that answers text.
fn endpoint(name: &str, settings: impl FnOnce(Settings) -> Settings) -> Endpoint {
    let settings = settings(Settings::new().root("-"));
    let settings: Effective =
        resolve(name, Inferred { root: "-", route: name }, &[Leveled(Level::EndpointCode, &settings)])
            .unwrap();
    Endpoint {
        names: Names { service: "Boats".to_owned(), endpoint: name.to_owned(), tag: "boats".to_owned() },
        method: http::Method::GET,
        path: settings.path().unwrap(),
        settings,
        docs: Docs::default(),
        args: Vec::new(),
        replies: vec![reply(200, Some("text/plain"))],
        errors: Vec::new(),
        answer: Answer::Async,
        place: None,
    }
}

fn reply(status: u16, media_type: Option<&'static str>) -> ReplySpec {
    let content = media_type.map(|media_type| Content { media_type, schema: json!({ "type": "string" }) });
    ReplySpec { status: http::StatusCode::from_u16(status).unwrap(), description: "It.".to_owned(), content }
}

/// A schema by its name.
fn of(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// A good reply with a value of this schema.
fn answer(name: &str) -> ReplySpec {
    let content = Some(Content { media_type: "application/json", schema: of(name) });
    ReplySpec { content, ..reply(200, None) }
}

fn arg(name: &str, place: In) -> ArgSpec {
    ArgSpec::new(name, place, json!({ "type": "string" }))
}

fn body(media_type: &'static str) -> ArgSpec {
    ArgSpec { media_type: Some(media_type), ..arg("body", In::Body) }
}

/// The document of these endpoints.
fn whole(endpoints: Vec<Endpoint>) -> Value {
    document(&Api { title: "Boats".to_owned(), version: "1".to_owned(), endpoints, ..Api::default() }, None)
}

/// The one operation of a document.
fn operation(endpoint: Endpoint) -> Value {
    let method = endpoint.method.as_str().to_ascii_lowercase();
    let path = endpoint.path.plain();
    whole(vec![endpoint])["paths"][path][method].take()
}

/// The codes of the errors of a status.
fn codes(operation: &Value, status: &str) -> Vec<String> {
    let errors = operation["responses"][status]["x-ketch-errors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|error| error["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn arguments_of_every_place_are_said() {
    let mut endpoint = endpoint("find", |s| s.route("find/{id}"));
    endpoint.args = vec![
        ArgSpec { about: Some("Which.".to_owned()), example: Some(json!("7")), ..arg("id", In::Path) },
        ArgSpec { required: false, repeated: true, ..arg("tag", In::Query) },
        arg("x-trace", In::Header),
        ArgSpec { required: false, ..arg("session", In::Cookie) },
        ArgSpec { about: Some("what to answer with".to_owned()), ..arg("accept", In::Header) },
        arg("caller", In::Context),
    ];
    let operation = operation(endpoint);
    assert_eq!(
        operation["parameters"],
        json!([
            { "name": "id", "in": "path", "required": true, "description": "Which.", "example": "7",
              "schema": { "type": "string", "minLength": 1 } },
            { "name": "tag", "in": "query", "required": false, "explode": true, "schema": { "type": "string" } },
            { "name": "x-trace", "in": "header", "required": true, "schema": { "type": "string" } },
            { "name": "session", "in": "cookie", "required": false, "schema": { "type": "string" } },
        ])
    );
    assert_eq!(operation["description"], "Reads the header `accept`: what to answer with");
    assert_eq!(codes(&operation, "400"), ["invalid_arguments"]);
}

#[test]
fn bodies_say_their_type_and_what_can_be_wrong_with_them() {
    let cases: &[(&str, &[&str], bool)] = &[
        ("application/json", &["invalid_arguments", "invalid_json", "broken_body"], true),
        ("application/x-www-form-urlencoded", &["invalid_arguments", "invalid_form", "broken_body"], true),
        ("multipart/form-data", &["invalid_multipart", "broken_body"], true),
        ("application/octet-stream", &["broken_body"], false),
        ("text/plain", &["broken_body"], false),
    ];
    for (media_type, expected, typed) in cases {
        let mut endpoint = endpoint("send", |s| s);
        endpoint.method = http::Method::POST;
        endpoint.args = vec![ArgSpec { example: Some(json!("x")), ..body(media_type) }];
        let operation = operation(endpoint);
        assert_eq!(operation["requestBody"]["content"][media_type]["example"], "x", "{operation}");
        assert_eq!(codes(&operation, "400"), *expected, "{media_type}");
        let of_type = codes(&operation, "415").iter().any(|code| code == "unsupported_media_type");
        assert_eq!(of_type, *typed, "{media_type}");
        assert_eq!(codes(&operation, "413")[0], "body_too_large");
        assert_eq!(codes(&operation, "422"), [] as [&str; 0], "nothing states a rule");
    }
}

#[test]
fn errors_follow_from_what_an_endpoint_is() {
    let mut plain = endpoint("plain", |s| s);
    plain.args = vec![ArgSpec { required: false, ..arg("ctx", In::Context) }];
    let plain = operation(plain);
    let statuses: Vec<&String> = plain["responses"].as_object().unwrap().keys().collect();
    assert_eq!(statuses, ["200", "default"], "nothing can be wrong with it");

    let mut all = endpoint("all", |s| s.rate("10/s").scope(Scope::any_of([["reader"]])));
    all.args = vec![ArgSpec { rules: true, ..arg("name", In::Query) }];
    all.answer = Answer::Stub;
    all.errors = vec![ErrorSpec { status: 403, code: "banned", description: "Banned." }];
    let all = operation(all);
    assert_eq!(codes(&all, "422"), ["rules_broken"]);
    assert_eq!(codes(&all, "429"), ["rate_limited"]);
    assert_eq!(codes(&all, "404"), ["no_stub"]);
    assert_eq!(codes(&all, "403"), ["banned", "forbidden"]);
    assert_eq!(all["responses"]["429"]["headers"]["Retry-After"]["$ref"], "#/components/headers/Retry-After");
    assert!(all["responses"]["401"]["headers"]["WWW-Authenticate"].is_object());
}

#[test]
fn kept_replies_have_their_headers_and_304() {
    let cached = |settings: fn(Settings) -> Settings| operation(endpoint("kept", settings));
    let kept = cached(|s| s.cache("hot").ttl("1m").vary(["accept-language"]));
    let headers: Vec<&String> = kept["responses"]["200"]["headers"].as_object().unwrap().keys().collect();
    assert_eq!(headers, ["Age", "Cache-Control", "ETag", "Vary"]);
    assert!(kept["responses"]["304"].is_object());
    assert!(cached(|s| s)["responses"]["304"].is_null());
}

#[test]
fn a_deprecated_endpoint_says_since_when_and_until_when() {
    let old = operation(endpoint("old", |s| {
        s.deprecated_since("2026-01-31").sunset("2027-01-31").headers(["x-a: b: c"])
    }));
    assert_eq!(old["deprecated"], true);
    let headers = &old["responses"]["200"]["headers"];
    assert!(headers["Deprecation"].is_object() && headers["Sunset"].is_object(), "{headers}");
    assert_eq!(headers["x-a"]["example"], "b: c");
}

#[test]
fn replies_of_one_status_are_merged() {
    let mut two = endpoint("two", |s| s.status(202));
    two.replies = vec![
        reply(200, Some("text/plain")),
        reply(202, Some("text/event-stream")),
        reply(202, Some("text/plain")),
    ];
    let two = operation(two);
    let content = &two["responses"]["202"]["content"];
    assert!(content["text/event-stream"].is_object() && content["text/plain"].is_object(), "{two}");
    assert!(two["responses"]["200"].is_null(), "the setting `status` stands in its place");
}

#[test]
fn paths_that_differ_in_names_and_patterns_are_one() {
    let with = |name: &str, route: &str, parameter: &str| {
        let mut endpoint = endpoint(name, |s| s.route(route));
        endpoint.args = vec![arg(parameter, In::Path)];
        endpoint
    };
    let mut by_number = with("by_number", "boats/{id:[0-9]+}", "id");
    by_number.docs.summary = Some("By number.".to_owned());
    by_number.args.push(arg("lang", In::Query));
    let mut by_name = with("by_name", "boats/{name:[a-z]+}", "name");
    by_name.docs.summary = Some("By name.".to_owned());
    by_name.replies = vec![reply(200, Some("application/json"))];
    let mut strike = with("strike", "boats/{boat}", "boat");
    strike.method = http::Method::DELETE;
    let document = whole(vec![by_number, by_name, strike]);
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/boats/{id}"]);
    let get = &document["paths"]["/boats/{id}"]["get"];
    assert_eq!(get["summary"], "By number. Or: By name.");
    assert_eq!(get["x-ketch-operations"], json!(["boats.by_number", "boats.by_name"]));
    assert_eq!(get["parameters"][0]["schema"]["anyOf"][1]["pattern"], "^(?:[a-z]+)$");
    assert_eq!(get["parameters"][1]["required"], false, "only one of the two needs it");
    assert_eq!(get["responses"]["200"]["content"].as_object().unwrap().len(), 2);
    assert_eq!(document["paths"]["/boats/{id}"]["delete"]["parameters"][0]["name"], "id");
}

#[test]
fn operations_have_names_of_their_own() {
    let document = whole(vec![
        endpoint("show", |s| s.prefix("a")),
        endpoint("show", |s| s.prefix("b")),
        endpoint("show", |s| s.prefix("c").version("2")),
    ]);
    let ids: Vec<&str> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|path| path["get"]["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["boats.show", "boats.show-2", "boats.show.v2"]);
}

#[test]
fn a_type_named_problem_keeps_its_name() {
    let own = json!({ "type": "string", "description": "A chess problem." });
    let replies = vec![answer("Problem")];
    let api = Api {
        endpoints: vec![Endpoint { replies, ..endpoint("show", |s| s.scope(Scope::any_of([["reader"]]))) }],
        schemas: [("Problem".to_owned(), own.clone())].into(),
        ..Api::default()
    };
    let document = document(&api, None);
    assert_eq!(document["components"]["schemas"]["Problem"], own);
    let refused =
        &document["paths"]["/show"]["get"]["responses"]["401"]["content"]["application/problem+json"];
    assert_eq!(refused["schema"]["$ref"], "#/components/schemas/ProblemDetails");
    assert!(document["components"]["schemas"]["ProblemDetails"]["properties"]["request_id"].is_object());
}

#[test]
fn schemas_that_no_shown_operation_needs_are_left_out() {
    let schemas = [
        (
            "Boat",
            json!({ "type": "object", "properties": { "berths": { "type": "array", "items": of("Berth") } } }),
        ),
        ("Berth", json!({ "type": "object", "properties": { "boat": of("Boat") } })),
        ("Secret", json!({ "type": "object", "properties": { "inner": of("Inner") } })),
        ("Inner", json!({ "type": "string" })),
    ];
    let api = Api {
        endpoints: vec![
            Endpoint { replies: vec![answer("Boat")], ..endpoint("boat", |s| s) },
            Endpoint { replies: vec![answer("Secret")], ..endpoint("secret", |s| s.hidden(true)) },
        ],
        schemas: schemas.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect(),
        ..Api::default()
    };
    let document = document(&api, None);
    let named: Vec<&String> = document["components"]["schemas"].as_object().unwrap().keys().collect();
    assert_eq!(named, ["Berth", "Boat", "Problem"]);
}
