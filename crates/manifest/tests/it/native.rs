//! Functions of the program: what they are given and give, and what is told when they and the manifest differ.

use ketch_manifest::{Call, Native};
use ketch_model::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::place::Place;

#[derive(Deserialize, JsonSchema)]
struct Greeting {
    name: String,
    times: Option<u64>,
    #[serde(default)]
    loud: bool,
}

#[derive(Serialize, JsonSchema)]
struct Greeted {
    text: String,
    count: u64,
}

async fn greet(greeting: Greeting) -> Result<Greeted> {
    let Greeting { name, times, loud } = greeting;
    let count = times.unwrap_or(1);
    Ok(Greeted { text: format!("Hello {name}{}", if loud { "!" } else { "" }), count })
}

#[derive(Serialize, JsonSchema)]
struct Who {
    id: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

/// One of each form.
fn functions() -> Native {
    let mut native = Native::default();
    assert!(native.add("greet", greet));
    native.add(
        "who",
        |_: Nothing, call: Call| async move { Ok(Who { id: call.caller.id().map(str::to_owned) }) },
    );
    native
        .add("path", |call: Call| async move { Ok(Map::from_iter([("path".to_owned(), json!(call.path))])) });
    native.add("unit", |_: Nothing| async { Ok(()) });
    native
}

fn place(takes: &str, gives: &str, run: &str) -> Place {
    let api = format!(
        "{{ \"/\": {{ \"x\": {{ \"POST\": {{ \"info\": \"x\",\n\"in\": {{ {takes} }},\n\"out\": {{ {gives} }},\n\"run\": \"{run}\" }} }} }} }}"
    );
    Place::new(&[("api.json", &api)])
}

const TAKES: &str = r#""name": { "info": "n", "type": "string" }, "GET@times": { "info": "t", "type": "?uint", "name": "times" }, "loud": { "info": "l", "type": "?bool" }"#;
const GIVES: &str = r#""text": { "info": "t", "type": "string" }, "count": { "info": "c", "type": "uint" }"#;

#[tokio::test]
async fn a_function_is_given_its_arguments_and_gives_its_outputs() {
    let client = place(TAKES, GIVES, "native:greet").client_with(&functions());
    let answer = client.post("/x?times=18446744073709551615", &json!({ "name": "12" })).await;
    assert_eq!(answer.json::<Value>(), json!({ "text": "Hello 12", "count": u64::MAX }), "{}", answer.text());
    let answer = client.post("/x", &json!({ "name": "Ada", "loud": true })).await;
    assert_eq!(answer.json::<Value>(), json!({ "text": "Hello Ada!", "count": 1 }));
    let client =
        place("", r#""id": { "info": "i", "type": "?string" }"#, "native:who").client_with(&functions());
    assert_eq!(client.post("/x", &json!({})).await.json::<Value>(), json!({ "id": null }));
    let client = place("", "", "native:path").client_with(&functions());
    assert_eq!(client.post("/x", &json!({})).await.json::<Value>(), json!({ "path": "/x" }));
    let client = place("", "", "native:unit").client_with(&functions());
    assert_eq!(client.post("/x", &json!({})).await.json::<Value>(), json!({}));
}

#[test]
fn a_function_that_differs_from_the_manifest_is_told_when_that_is_loaded() {
    let name = r#""name": { "info": "n", "type": "string" }"#;
    let with = |more: &str| format!("{name}, {more}");
    let rows: &[(&str, &str, &[&str])] = &[
        ("", GIVES, &["the function `greet` needs `name`"]),
        (r#""name": { "info": "n", "type": "int" }"#, GIVES, &["`name` may be 0 here", "its type is string"]),
        (r#""name": { "info": "n", "type": "?string" }"#, GIVES, &["make it an `Option` there"]),
        (r#""name": { "info": "n", "type": "string|null" }"#, GIVES, &["`name` may be null here"]),
        (&with(r#""times": { "info": "t", "type": "int" }"#), GIVES, &["may be -9223372036854775808"]),
        (&with(r#""tims": { "info": "t", "type": "int" }"#), GIVES, &["did you mean `times`"]),
        (&with(r#""loud": { "info": "l", "type": "any" }"#), GIVES, &["`loud` may be null here"]),
        (name, r#""text": { "info": "t", "type": "string" }"#, &["gives `count`, which `out` does not have"]),
        (
            name,
            &format!("{GIVES}, \"tex\": {{ \"info\": \"t\", \"type\": \"string\" }}"),
            &["did you mean `text`"],
        ),
        (
            name,
            &GIVES.replace("uint", "string"),
            &["`count` of the function `greet` may be integer", "must be text"],
        ),
    ];
    for (takes, gives, told) in rows {
        let problems = place(takes, gives, "native:greet").problems_with(&functions());
        assert_eq!(problems.len(), 1, "{takes} {gives}: {problems:#?}");
        let text = problems[0].to_string();
        for told in *told {
            assert!(text.contains(told), "{text}");
        }
        assert!(text.contains("api.json:") && text.contains("POST /x"), "{text}");
    }
    let both = place("", &GIVES.replace("count", "sum"), "native:greet").problems_with(&functions());
    assert_eq!(both.len(), 3, "all at once: {both:#?}");
}

#[test]
fn optional_outputs_are_declared_as_such() {
    let problems =
        place("", r#""id": { "info": "i", "type": "string" }"#, "native:who").problems_with(&functions());
    assert!(problems[0].to_string().contains("may be null, and must be text"), "{problems:#?}");
    assert_eq!(
        place("", r#""id": { "info": "i", "type": "string|null" }"#, "native:who")
            .problems_with(&functions()),
        []
    );
}
