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

/// What text cannot say is not promised: `null`, an empty list, a value within one.
#[test]
fn documents_say_what_text_can_say() {
    let api = r#"{ "/": { "boat": { "POST": { "info": "Adds.", "in": {
        "URL#0": { "info": "where", "type": "id", "name": "berth" },
        "URL#1": { "info": "how deep", "type": "?int" },
        "GET@tag": { "info": "which", "type": "[enum(a,b)]" },
        "GET@at": { "info": "where", "type": "?<:int>" },
        "GET@grid": { "info": "how", "type": "[[int]]" },
        "HEADER@x-depth": { "info": "how deep", "type": "?float|null", "default": null },
        "crew": { "info": "who", "type": "[string|null]" },
        "mast": { "info": "how high", "type": "int|null" }
    }, "out": {
        "name": { "info": "its name", "type": "?string" }, "mast": { "info": "how high", "type": "int" }
    } } } } }"#;
    let endpoints = Place::new(&[("api.json", api), ("controller/boat.said", "\"echo\"")]).endpoints();
    let api = ketch_model::Api { endpoints, ..ketch_model::Api::default() };
    let document: Value = ketch_openapi::document(&api, None);
    let post = &document["paths"]["/boat/{berth}/{url1}"]["post"];
    let parameter = |name: &str| {
        let all = post["parameters"].as_array().expect("there are some");
        all.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("{name}: {post:#}")).clone()
    };
    assert_eq!(parameter("tag")["schema"]["minItems"], 1);
    assert_eq!(parameter("at")["content"]["application/json"]["schema"]["type"], "object");
    assert_eq!(parameter("at").get("schema"), None);
    let grid = parameter("grid");
    assert_eq!(grid["content"]["application/json"]["schema"]["items"]["type"], "array");
    assert_eq!(
        (grid.get("explode"), grid["content"].pointer("/application~1json/schema/minItems")),
        (None, None)
    );
    assert_eq!(parameter("x-depth")["schema"], json!({ "type": "number" }));
    let member =
        |form: &str, name: &str| post["requestBody"]["content"][form]["schema"]["properties"][name].clone();
    assert!(member("application/json", "mast").get("anyOf").is_some());
    assert_eq!(member("application/json", "crew").get("minItems"), None);
    for form in ["application/x-www-form-urlencoded", "multipart/form-data"] {
        assert_eq!(member(form, "mast")["type"], "integer", "{form}");
        let crew =
            json!({ "type": "array", "items": { "type": "string" }, "minItems": 1, "description": "who" });
        assert_eq!(member(form, "crew"), crew, "{form}");
    }
    let out = &post["responses"]["200"]["content"]["application/json"]["schema"]["properties"];
    assert_eq!(out["name"]["anyOf"], json!([{ "type": "string" }, { "type": "null" }]));
    assert_eq!(out["mast"]["type"], "integer");
}

#[test]
fn a_stub_without_outputs_is_of_its_file_s_type() {
    let stub = |stub: &str, out: &str| {
        let api = format!(r#"{{ "GET": {{ "info": "One.", "stub": "{stub}"{out} }} }}"#);
        let endpoints = Place::new(&[("api.json", &api)]).endpoints();
        endpoints[0].replies[0].content.as_ref().expect("there is a body").clone()
    };
    assert_eq!(stub("page.html", "").media_type, "text/html");
    let declared = stub("page.json", r#", "out": { "name": { "info": "its name", "type": "string" } }"#);
    assert_eq!((declared.media_type, &declared.schema["required"]), ("application/json", &json!(["name"])));
}
