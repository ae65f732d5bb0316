//! What goes in and what comes out.

use serde_json::{Value, json};

use crate::guests::{answering, controller, data, echo};
use crate::place::Place;

const WORLD: &str = "ketch:api/controller@0.1.0";

#[tokio::test]
async fn a_controller_is_told_what_the_worker_protocol_tells() {
    let place = Place::new("", &[("echo", echo())]);
    let answer = place.client().get("/echo?a=7").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told: Value = answer.json();
    assert_eq!(told["args"]["a"], 7);
    assert_eq!(told["args"]["_HTTP_METHOD_"], "GET");
    assert_eq!((&told["route"], &told["path"]), (&json!("/echo"), &json!("/echo")));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/worker-protocol.schema.json");
    let schema = std::fs::read_to_string(file).expect("the schema is published");
    let schema: Value = serde_json::from_str(&schema).expect("it is JSON");
    let published = schema["$defs"]["Called"]["properties"].as_object().expect("it describes calls");
    let names: Vec<&String> = told.as_object().expect("an object").keys().collect();
    let mut wanted: Vec<&String> = published.keys().collect();
    wanted.sort();
    assert_eq!(names, wanted);
}

#[tokio::test]
async fn an_answer_may_set_the_status() {
    let guest = answering(WORLD, "", "", r#"{"_STATUS_": 201, "made": true}"#);
    let answer = Place::new("", &[("make", guest)]).client().get("/make").await;
    assert_eq!((answer.status.as_u16(), answer.json::<Value>()), (201, json!({"made": true})));
}

#[tokio::test]
async fn what_is_declared_of_outputs_holds_for_components() {
    let place = Place::new("", &[("boat", answering(WORLD, "", "", r#"{"boat_id": 7}"#))]);
    let api = |ty: &str| {
        format!(
            r#"{{"/": {{"boat": {{"GET": {{"info": "-", "out": {{"id": {{"info": "-", "type": "{ty}", "name": "boat_id"}}}}}}}}}}}}"#
        )
    };
    place.write("api.json", api("int").as_bytes());
    let answer = place.client().get("/boat").await;
    assert_eq!(answer.json::<Value>(), json!({"id": 7}), "clients know it as `id`");
    place.write("api.json", api("string").as_bytes());
    let answer = place.client().get("/boat").await;
    assert_eq!((answer.status.as_u16(), answer.json::<Value>()["code"].clone()), (500, json!("bad_output")));
}

#[tokio::test]
async fn an_answer_that_is_no_object_is_refused() {
    for text in ["", "[]", "7", "{\"a\":", "{} {}", "nonsense"] {
        let place = Place::new("", &[("bad", answering(WORLD, "", "", text))]);
        let answer = place.client().get("/bad").await;
        assert_eq!(
            (answer.status.as_u16(), answer.json::<Value>()["code"].clone()),
            (502, json!("bad_controller")),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_failure_that_says_a_status_is_told_and_another_is_not() {
    let failing = |text: &str| {
        let (data, length) = data(text);
        let body = "(drop (call $ok (i32.const 1024) (i32.const LENGTH))) (i32.store (i32.const 16) (i32.const 1)) (i32.const 16)";
        let more = body.replace("LENGTH", &length.to_string());
        // The data stands behind the function, which is as good a place.
        controller(&format!("{more}) {data} (func"))
    };
    let place = Place::new(
        "",
        &[
            ("told", failing(r#"{"status": 404, "message": "no boat 7", "code": "no_boat"}"#)),
            ("hidden", failing("the password is 12345")),
        ],
    );
    let client = place.client();
    let told = client.get("/told").await;
    assert_eq!((told.status.as_u16(), told.json::<Value>()["code"].clone()), (404, json!("no_boat")));
    let hidden = client.get("/hidden").await;
    assert_eq!(hidden.status, 502);
    assert!(!hidden.text().contains("12345"), "{}", hidden.text());
}
