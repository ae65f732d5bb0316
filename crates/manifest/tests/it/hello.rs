//! The smallest projects.

use crate::place::Place;

const API: &str = r#"{
    // Comments are allowed.
    "/": { "hello": {
        "GET": {
            "info": "Says hello.",
            "in": { "URL#0": { "info": "whom to", "type": "string", "name": "name" } },
            "out": { "name": { "info": "whom it said hello to", "type": "string" } },
        },
    } },
}"#;

#[tokio::test]
async fn a_script_answers_what_the_manifest_declares() {
    let place = Place::new(&[("api.json", API), ("controller/hello", "#!/bin/sh\ncat\n")]);
    let client = place.client();
    let answer = client.get("/hello/12").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json::<serde_json::Value>()["name"], "12", "a string stays one");
    assert_eq!(client.get("/hello").await.status, 404);
}

#[test]
fn a_missing_controller_is_told_at_load() {
    let place = Place::new(&[("api.json", API)]);
    let problems = place.problems();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].to_string().contains("controller/hello"), "{}", problems[0]);
}
