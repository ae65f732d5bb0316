//! Types of a project's own: by checkers, and by JSON Schemas of its files.

use std::fmt::Write as _;

use ketch_testkit::{Answer, Client};
use serde_json::{Value, json};

use crate::place::Place;

fn api(ty: &str) -> String {
    let text = json!(ty);
    format!(
        r#"{{ "/": {{ "x": {{
            "GET": {{ "info": "g", "in": {{ "GET@a": {{ "info": "a", "type": {text} }} }} }},
            "POST": {{ "info": "p", "in": {{ "a": {{ "info": "a", "type": {text} }} }} }}
        }} }} }}"#
    )
}

/// A project whose `/x` takes one argument of a type, with these files beside it.
fn place(ty: &str, files: &[(&str, &str)]) -> Place {
    let api = api(ty);
    let base = [("api.json", api.as_str()), ("controller/x.said", "\"echo\"")];
    Place::new(&[base.as_slice(), files].concat())
}

fn told(answer: &Answer) -> Vec<String> {
    let body: Value = answer.json();
    let errors = body["errors"].as_array().cloned().unwrap_or_default();
    let place = |error: &Value| error["pointer"].as_str().or(error["parameter"].as_str()).map(str::to_owned);
    errors.iter().map(|error| format!("{} {}", place(error).unwrap_or_default(), error["code"])).collect()
}

async fn post(client: &Client, a: Value) -> Result<Value, Vec<String>> {
    let answer = client.post("/x", &json!({ "a": a })).await;
    if answer.status == 200 { Ok(answer.json::<Value>()["a"].clone()) } else { Err(told(&answer)) }
}

/// A checker knows one name; its values are listed.
const COLOUR: (&str, &str) =
    ("type/1-colour.said", r##"{ "type": "colour", "values": ["red", 12, "0x0"] }"##);

#[tokio::test]
async fn the_first_checker_in_name_order_that_knows_a_name_has_it() {
    let other = ("type/0-other.said", r#"{ "type": "other", "values": [] }"#);
    let later = ("type/2-colour.said", r#"{ "type": "colour", "values": ["blue"] }"#);
    let client = place("colour", &[later, COLOUR, other]).client();
    assert_eq!(post(&client, json!("red")).await, Ok(json!("red")));
    assert_eq!(post(&client, json!("blue")).await, Err(vec!["#/a \"rule\"".to_owned()]));
    let text = |a: &str| format!("/x?a={a}");
    assert_eq!(client.get(&text("12")).await.json::<Value>()["a"], json!(12), "text is tried as JSON");
    assert_eq!(client.get(&text("red")).await.json::<Value>()["a"], json!("red"));
    assert_eq!(told(&client.get(&text("13")).await), ["a \"rule\""]);
}

#[tokio::test]
async fn what_is_refused_as_json_may_be_known_as_text() {
    let phone = ("type/phone.said", r#"{ "type": "phone", "values": ["0123", "123"] }"#);
    let client = place("phone", &[phone]).client();
    assert_eq!(client.get("/x?a=123").await.json::<Value>()["a"], json!("123"));
    assert_eq!(client.get("/x?a=0123").await.json::<Value>()["a"], json!("0123"));
    assert_eq!(client.get("/x?a=124").await.status, 422);
}

/// A checker that is made for numbers may fail at text, and the other way round. What it says of the other form holds; one
/// that fails at both is broken.
#[tokio::test]
async fn a_checker_that_fails_at_one_form_of_a_text_is_heard_on_the_other() {
    let checker = |fails_at: &str| {
        format!(r#"{{ "type": "depth", "values": [7, "07", "8"], "fails_at": {fails_at} }}"#)
    };
    struct Row(&'static str, &'static [(&'static str, u16)]);
    for Row(fails_at, asked) in [
        Row("[]", &[("7", 200), ("8", 200), ("07", 200), ("9", 422), ("x", 422)]),
        // There is no other form of `07` and `x`.
        Row(r#"["text"]"#, &[("7", 200), ("8", 422), ("07", 502), ("9", 422), ("x", 502)]),
        Row(r#"["number"]"#, &[("7", 422), ("8", 200), ("07", 200), ("9", 422), ("x", 422)]),
        Row(r#"["text", "number"]"#, &[("7", 502), ("8", 502), ("07", 502), ("x", 502)]),
    ] {
        let client = place("depth", &[("type/depth.said", &checker(fails_at))]).client();
        for (text, status) in asked {
            let answer = client.get(&format!("/x?a={text}")).await;
            assert_eq!(answer.status, *status, "{text} of a checker that fails at {fails_at}");
        }
    }
    // JSON says itself which form it is.
    let client = place("depth", &[("type/depth.said", &checker(r#"["number"]"#))]).client();
    assert_eq!(client.post("/x", &json!({ "a": 9 })).await.status, 502);
    assert_eq!(client.post("/x", &json!({ "a": "9" })).await.status, 422);
}

#[tokio::test]
async fn types_of_its_own_stand_in_lists_and_maps_and_are_bounded() {
    let client = place("[colour|null]", &[COLOUR]).client();
    assert_eq!(post(&client, json!(["red", null])).await, Ok(json!(["red", null])));
    let two = vec!["#/a/1 \"rule\"".to_owned(), "#/a/3 \"rule\"".to_owned()];
    assert_eq!(post(&client, json!(["red", "x", null, "y"])).await, Err(two));
    assert_eq!(post(&client, json!(vec!["red"; 101])).await, Err(vec!["#/a/100 \"rule\"".to_owned()]));
    let client = place("<:colour>", &[COLOUR]).client();
    assert_eq!(post(&client, json!({ "k": "x" })).await, Err(vec!["#/a/k \"rule\"".to_owned()]));
}

#[tokio::test]
async fn a_checker_that_fails_lets_nothing_pass() {
    struct Row(&'static str, &'static str);
    // It knows no type, so the name is told as unknown; one that fails when it is asked is tested by its driver.
    for Row(said, told) in [Row("\"fail\"", "none of the project's type checkers knows it"), Row("{", "EOF")]
    {
        let problems = place("colour", &[("type/c.said", said)]).problems();
        assert!(problems.iter().any(|problem| problem.to_string().contains(told)), "{said}: {problems:#?}");
    }
}

#[test]
fn a_name_that_nobody_knows_is_told_at_its_place() {
    let problems = place("color", &[COLOUR]).problems();
    assert_eq!(problems.len(), 2, "GET and POST: {problems:#?}");
    let text = problems[0].to_string();
    assert!(text.contains("`color`") && text.contains("api.json:2:"), "{text}");
    let problems = place("<colour:int>", &[COLOUR]).problems();
    assert!(problems[0].to_string().contains("names of a map"), "{problems:#?}");
}

const POINT: &str = r##"{ // JSON with comments, as everywhere in a project
    "type": "object", "required": ["x"], "additionalProperties": false,
    "properties": { "x": { "$ref": "#/$defs/number" }, "label": { "$ref": "label.json" } },
    "$defs": { "number": { "type": "number", "maximum": 9 }, "tree": { "type": "array", "items": { "$ref": "#/$defs/tree" } } },
}"##;
const LABEL: &str = r#"{ "type": "string", "pattern": "^[a-z]+$", "format": "hostname" }"#;

fn schemas() -> [(&'static str, &'static str); 2] {
    [("type/point.json", POINT), ("type/label.json", LABEL)]
}

#[tokio::test]
async fn a_schema_of_the_project_is_a_type() {
    let client = place("schema(type/point.json)", &schemas()).client();
    assert_eq!(post(&client, json!({ "x": 1, "label": "a" })).await, Ok(json!({ "x": 1, "label": "a" })));
    let wrong = post(&client, json!({ "x": 10, "label": "A", "secret": 1 })).await.unwrap_err();
    let wanted = ["#/a \"rule\"", "#/a/label \"rule\"", "#/a/x \"rule\""];
    assert_eq!(
        {
            let mut wrong = wrong;
            wrong.sort();
            wrong
        },
        wanted
    );
    assert_eq!(post(&client, json!({ "x": "secret" })).await, Err(vec!["#/a/x \"invalid\"".to_owned()]));
    let answer = client.post("/x", &json!({ "a": { "x": "secret", "label": "Secret1" } })).await;
    assert!(!answer.text().to_lowercase().contains("secret"), "{}", answer.text());
    assert_eq!(client.get("/x?a={%22x%22:1}").await.json::<Value>()["a"], json!({ "x": 1 }));
    let client = place("[schema(type/point.json#/$defs/number)]", &schemas()).client();
    assert_eq!(post(&client, json!([1, 9])).await, Ok(json!([1, 9])));
    assert_eq!(post(&client, json!([1, 10])).await, Err(vec!["#/a/1 \"rule\"".to_owned()]));
    let client = place("schema(type/label.json)", &schemas()).client();
    assert_eq!(
        client.get("/x?a=true").await.json::<Value>()["a"],
        json!("true"),
        "text stays text where it may"
    );
}

#[tokio::test]
async fn a_schema_may_lead_to_itself() {
    let client = place("schema(type/point.json#/$defs/tree)", &schemas()).client();
    assert_eq!(post(&client, json!([[], [[]]])).await, Ok(json!([[], [[]]])));
    assert!(post(&client, json!([[], [1]])).await.is_err());
}

#[test]
fn a_schema_that_cannot_be_used_is_told_when_the_project_is_loaded() {
    let mut outside = String::new();
    write!(outside, "schema({})", std::env::current_exe().expect("there is one").display()).expect("it fits");
    let rows: &[(&str, &str, &str)] = &[
        ("schema(type/none.json)", "{}", "cannot be read"),
        ("schema(type/a.json#/nothing)", "{}", "does not exist"),
        ("schema(../api.json)", "{}", "cannot be read"),
        ("schema(/etc/passwd)", "{}", "not below the project's folder"),
        (&outside, "{}", "not below the project's folder"),
        ("schema()", "{}", "names no file"),
        ("schema(type/a.json)", "{", "is never closed"),
        ("schema(type/a.json)", r#"{ "type": "strng" }"#, "cannot be used"),
        ("schema(type/a.json)", r#"{ "$ref": "https://example.org/x.json" }"#, "not a file of the project"),
        ("schema(type/a.json)", r#"{ "$ref": "file:///etc/passwd" }"#, "not a file of the project"),
        ("schema(type/a.json)", r#"{ "$ref": "../../x.json" }"#, "cannot be"),
        ("schema(type/a.json)", r#"{ "pattern": "(?=a)b" }"#, "cannot be used"),
    ];
    for (ty, file, told) in rows {
        let problems = place(ty, &[("type/a.json", file)]).problems();
        assert_eq!(problems.len(), 2, "GET and POST, {ty} {file}: {problems:#?}");
        let text = problems[0].to_string();
        assert!(text.contains(told) && text.contains("api.json:2:"), "{ty} {file}: {text}");
    }
}

/// A schema whose pattern would take for ever in a matcher that goes back.
#[tokio::test]
async fn patterns_take_no_longer_than_their_text() {
    let slow = ("type/slow.json", r#"{ "type": "string", "pattern": "^(a|aa|aaa)+$" }"#);
    let client = place("schema(type/slow.json)", &[slow]).client();
    let begun = std::time::Instant::now();
    assert!(post(&client, json!("a".repeat(100_000) + "b")).await.is_err());
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}

#[test]
fn documents_show_a_schema_whole() {
    let schema = |ty: &str| {
        let endpoints = place(ty, &schemas()).endpoints();
        let get =
            endpoints.iter().find(|endpoint| endpoint.method == http::Method::GET).expect("there is one");
        get.args[0].schema.clone()
    };
    let point = schema("schema(type/point.json)");
    assert_eq!(point["properties"]["x"], json!({ "type": "number", "maximum": 9 }));
    assert_eq!(point["properties"]["label"]["pattern"], "^[a-z]+$");
    assert!(!point.to_string().contains("$ref"), "{point}");
    assert_eq!(schema("schema(type/point.json#/$defs/tree)")["type"], "array");
}
