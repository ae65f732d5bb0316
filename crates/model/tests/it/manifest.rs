//! A JSON document with one stub is lowered to an endpoint: the model must not be shaped by Rust alone.
//!
//! The real front is another crate; this one reads just enough to show that everything it needs can be said.

use ketch_model::{
    Answer, ArgSpec, Docs, Effective, Endpoint, In, Inferred, Level, Leveled, Names, Op, Place, ReplySpec,
    Resolved, Scope, Settings, Value, resolve,
};
use ketch_syntax::{Key, kebab};
use serde::Deserialize;

const DOCUMENT: &str = r#"{
    "greetings": {
        "version": "2",
        "middleware": { "add": ["audit"] },
        "say_later": {
            "GET": {
                "info": "Says it later.",
                "route": "later/{name}",
                "stub": "stubs/later.json",
                "scope": [["reader"]],
                "timeout": "2s",
                "in": { "name": "string" }
            }
        }
    }
}"#;

#[derive(Deserialize)]
struct Method {
    info: String,
    route: String,
    stub: String,
    scope: Vec<Vec<String>>,
    timeout: String,
    #[serde(rename = "in")]
    arguments: std::collections::BTreeMap<String, String>,
}

/// The line of the document on which a text stands.
fn place(text: &str) -> Place {
    let line = DOCUMENT.lines().position(|line| line.contains(text)).unwrap() + 1;
    Place { file: "api.json".into(), line: u32::try_from(line).unwrap(), column: 1 }
}

fn lower(document: &str, server: &Settings) -> Endpoint {
    let document: serde_json::Value = serde_json::from_str(document).unwrap();
    let node = &document["greetings"];
    let method: Method = serde_json::from_value(node["say_later"]["GET"].clone()).unwrap();
    let text = |value: &serde_json::Value| Value::Text(value.as_str().unwrap().to_owned());
    let service = Settings::new()
        .with(Key::Version, Op::Set, text(&node["version"]), place("\"version\""))
        .with(Key::Middleware, Op::Add, Value::Names(vec!["audit".to_owned()]), place("\"middleware\""));
    let endpoint = Settings::new()
        .with(Key::Route, Op::Set, Value::Text(method.route), place("\"route\""))
        .with(Key::Stub, Op::Set, Value::Text(method.stub), place("\"stub\""))
        .with(Key::Scope, Op::Set, Value::Scope(Scope::any_of(method.scope)), place("\"scope\""))
        .with(Key::Timeout, Op::Set, Value::Text(method.timeout), place("\"timeout\""));
    let levels = [
        Leveled(Level::Server, server),
        Leveled(Level::Service, &service),
        Leveled(Level::Endpoint, &endpoint),
    ];
    let names = Names { service: "greetings".into(), endpoint: "say_later".into(), tag: "greetings".into() };
    let inferred = Inferred { root: "greetings", route: &kebab("say_later") };
    let settings: Effective = resolve(&names.full(), inferred, &levels).unwrap();
    let args = method
        .arguments
        .keys()
        .map(|name| ArgSpec::new(name.clone(), In::Path, serde_json::json!({ "type": "string" })));
    Endpoint {
        names,
        method: http::Method::GET,
        path: settings.path().unwrap(),
        docs: Docs::from_comments(Some(&method.info), None),
        args: args.collect(),
        replies: vec![ReplySpec {
            status: http::StatusCode::OK,
            description: "The stub.".into(),
            content: None,
        }],
        errors: Vec::new(),
        answer: Answer::Stub,
        place: Some(place("\"say_later\"")),
        settings,
    }
}

#[test]
fn a_document_with_one_stub_becomes_an_endpoint() {
    let server = Settings::new().prefix("api").version("1").middleware(["access"]);
    let endpoint = lower(DOCUMENT, &server);
    assert_eq!(endpoint.path.to_string(), "/api/v2/greetings/later/{name}");
    assert_eq!(endpoint.answer, Answer::Stub);
    assert_eq!(
        endpoint.settings.stub,
        Resolved {
            value: Some("stubs/later.json".to_owned()),
            level: Level::Endpoint,
            place: Some(Place { file: "api.json".into(), line: 9, column: 1 }),
        }
    );
    let middleware: Vec<(&str, Level)> =
        endpoint.settings.middleware.iter().map(|name| (name.value.as_str(), name.level)).collect();
    assert_eq!(middleware, [("access", Level::Server), ("audit", Level::Service)]);
    assert_eq!(endpoint.settings.scope.value.to_string(), "reader");
    assert_eq!(endpoint.settings.timeout.value, std::time::Duration::from_secs(2));
    assert_eq!(endpoint.docs.summary.as_deref(), Some("Says it later."));
}

#[test]
fn a_mistake_in_the_document_is_told_with_its_line() {
    let document = DOCUMENT.replace("\"2s\"", "\"2 seconds\"");
    let parsed: serde_json::Value = serde_json::from_str(&document).unwrap();
    let timeout = parsed["greetings"]["say_later"]["GET"]["timeout"].as_str().unwrap().to_owned();
    let settings = Settings::new().with(Key::Timeout, Op::Set, Value::Text(timeout), place("\"timeout\""));
    let inferred = Inferred { root: "greetings", route: "say-later" };
    let problems =
        resolve("greetings::say_later", inferred, &[Leveled(Level::Endpoint, &settings)]).unwrap_err();
    let text = problems[0].to_string();
    assert!(text.starts_with("api.json:11:1: greetings::say_later: "), "{text}");
    assert!(text.contains("not a duration: write `\"30s\"`"), "{text}");
}
