//! Components that are no controllers: middlewares and type checkers.

use serde_json::Value;

use crate::guests::{component, data, echo, module};
use crate::place::Place;

/// A middleware that says this of every request.
fn middleware(verdict: &str) -> Vec<u8> {
    let (data, length) = data(verdict);
    let inspect = format!(
        r#"{data} (func (export "inspect") (param i32 i32) (result i32) (call $ok (i32.const 1024) (i32.const {length})))"#
    );
    component(&module("", &inspect), "ketch:api/middleware@0.1.0")
}

#[tokio::test]
async fn a_middleware_grants_identifies_and_sets_headers() {
    let place = Place::new("", &[("echo", echo())]);
    let verdict = r#"{"scope": ["reader"], "claims": {"id": "7", "email": "ada@example.org"}, "headers": {"x-seen": "1"}}"#;
    place.write("middleware/1-who.wasm", &middleware(verdict));
    let answer = place.client().get("/echo").await;
    assert_eq!((answer.status.as_u16(), answer.header("x-seen")), (200, Some("1")), "{}", answer.text());
    let caller = answer.json::<Value>()["args"]["_CALLER_"].clone();
    assert_eq!((&caller["id"], &caller["email"]), (&"7".into(), &"ada@example.org".into()));
    assert_eq!(caller["scopes"], serde_json::json!(["reader"]));
}

#[tokio::test]
async fn a_middleware_gives_a_header_several_values() {
    let place = Place::new("", &[("echo", echo())]);
    place.write("middleware/1-vary.wasm", &middleware(r#"{"headers": {"x-seen": ["1", "2"]}}"#));
    let answer = place.client().get("/echo").await;
    let values: Vec<_> = answer.headers.get_all("x-seen").iter().collect();
    assert_eq!(values, ["1", "2"], "{}", answer.text());
}

#[tokio::test]
async fn a_middleware_refuses_and_one_that_fails_refuses_too() {
    for (verdict, status) in [
        (r#"{"status": 403, "body": {"why": "no"}}"#, 403),
        ("nonsense", 502),
        (r#"{"scopes": []}"#, 502),
        (r#"{"body": "no"}"#, 502),
        (r#"{"status": 99}"#, 502),
    ] {
        let place = Place::new("", &[("echo", echo())]);
        place.write("middleware/1-no.wasm", &middleware(verdict));
        assert_eq!(place.client().get("/echo").await.status.as_u16(), status, "{verdict}");
    }
}

#[tokio::test]
async fn a_checker_knows_types_and_checks_values() {
    // It knows names that begin with `b`, and values that begin with `7`.
    let checks = r#"
        (func $begins (param $at i32) (param $with i32) (result i32)
            (i32.store8 (i32.const 16) (i32.const 0))
            (i32.store8 (i32.const 20) (i32.eq (i32.load8_u (local.get $at)) (local.get $with)))
            (i32.const 16))
        (func (export "matches") (param i32 i32) (result i32) (call $begins (local.get 0) (i32.const 98)))
        (func (export "check") (param i32 i32 i32 i32) (result i32) (call $begins (local.get 2) (i32.const 55)))"#;
    let place = Place::new("", &[("boat", echo())]);
    place.write("type/boats.wasm", &component(&module("", checks), "ketch:api/type-checker@0.1.0"));
    let api = |ty: &str| {
        format!(
            r#"{{"/": {{"boat": {{"GET": {{"info": "-", "in": {{"GET@id": {{"info": "-", "type": "{ty}", "name": "id"}}}}, "out": {{}}}}}}}}}}"#
        )
    };
    place.write("api.json", api("boat-id").as_bytes());
    let client = place.client();
    assert_eq!(client.get("/boat?id=7").await.status, 200);
    assert_eq!(client.get("/boat?id=8").await.status, 422);
    place.write("api.json", api("car-id").as_bytes());
    assert!(place.problems()[0].contains("car-id"), "{:?}", place.problems());
}
