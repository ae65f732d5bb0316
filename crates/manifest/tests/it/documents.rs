//! Endpoints of a manifest as documents describe them: every form of a body, defaults, and what comes back.

use http::Method;
use ketch_model::{ArgSpec, Endpoint, In, Sees};
use serde_json::{Value, json};

use crate::place::Place;

const API: &str = r#"{ "/": { "boat": {
    "GET": { "info": "Lists.", "in": { "GET@tag": { "info": "which", "type": "?[string]" } }, "out": {
        "boats": { "info": "all", "type": "[<:>]" }, "next": { "info": "more", "type": "?string|null" }
    } },
    "POST": { "info": "Adds.", "in": {
        "name": { "info": "its name", "type": "varchar(1,80)" },
        "kind": { "info": "what it is", "type": "?enum(sail,motor)", "default": "sail" },
        "GET@dry": { "info": "only try", "type": "?bool", "default": false }
    } },
    "PUT": { "info": "Draws.", "in": { "photo": { "info": "how it looks", "type": "FILE" } } },
    "PATCH": { "info": "Changes.", "in": { "more": { "info": "anything", "type": "?any" } } }
} } }"#;

fn endpoints() -> Vec<Endpoint> {
    Place::new(&[("api.json", API), ("controller/boat.said", "\"echo\"")]).endpoints()
}

fn of(method: &Method) -> Endpoint {
    endpoints().into_iter().find(|endpoint| endpoint.method == *method).expect("there is one")
}

fn bodies(endpoint: &Endpoint) -> Vec<&ArgSpec> {
    endpoint.args.iter().filter(|arg| arg.place == In::Body).collect()
}

#[test]
fn every_form_that_is_read_is_listed() {
    let forms = |method: &Method| -> Vec<&str> {
        bodies(&of(method)).iter().filter_map(|arg| arg.media_type).collect()
    };
    let all = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"];
    assert_eq!(forms(&Method::POST), all);
    assert_eq!(forms(&Method::PUT), ["multipart/form-data"], "a file comes in parts only");
    assert_eq!(
        forms(&Method::PATCH),
        ["application/json", "multipart/form-data"],
        "no field can say anything"
    );
    assert_eq!(forms(&Method::GET), [] as [&str; 0]);
}

#[test]
fn members_have_their_schemas_and_defaults() {
    let post = of(&Method::POST);
    let body = bodies(&post)[0];
    let wanted = json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "minLength": 1, "maxLength": 80, "description": "its name" },
            "kind": { "type": "string", "enum": ["sail", "motor"], "default": "sail", "description": "what it is" },
        },
        "required": ["name"],
    });
    assert_eq!((&body.schema, body.required, body.rules), (&wanted, true, true));
    let dry = &post.args[0];
    assert_eq!((dry.place, dry.required, &dry.schema["default"]), (In::Query, false, &json!(false)));
    assert!(!bodies(&of(&Method::PATCH))[0].required);
    assert!(of(&Method::GET).args[0].repeated);
}

#[test]
fn outputs_are_the_good_reply() {
    let get = of(&Method::GET);
    let schema = &get.replies[0].content.as_ref().expect("there is a body").schema;
    assert_eq!(schema["required"], json!(["boats"]));
    assert_eq!(schema["properties"]["next"]["anyOf"][1], json!({ "type": "null" }));
}

/// Controllers see who calls, so a kept reply must not be another caller's.
#[test]
fn every_endpoint_sees_the_caller() {
    for endpoint in endpoints() {
        assert!(endpoint.args.iter().any(|arg| arg.sees == Sees::Caller), "{}", endpoint.names.full());
    }
}

#[test]
fn the_document_says_all_forms_of_a_body() {
    let api = ketch_model::Api { endpoints: endpoints(), ..ketch_model::Api::default() };
    let document: Value = ketch_openapi::document(&api, None);
    let content = |method: &str| -> Vec<String> {
        let body = &document["paths"]["/boat"][method]["requestBody"]["content"];
        body.as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default()
    };
    assert_eq!(
        content("post"),
        ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"]
    );
    assert_eq!(content("put"), ["multipart/form-data"]);
    assert_eq!(document["paths"]["/boat"]["post"]["requestBody"]["required"], json!(true));
    let errors = &document["paths"]["/boat"]["put"]["responses"];
    for status in ["400", "413", "415", "507"] {
        assert!(errors.get(status).is_some(), "{status}: {errors}");
    }
}
