//! A project in the form that aicra's projects have, run as it is; and aicra's rules, by the sections of its facts.
//!
//! Rules on paths are tested in `folders`, on scopes in `access`, on replies and numbers in `replies`, on middlewares in
//! `middlewares`, on types with the types.

use std::path::Path;

use axum::body::Body;
use http::Method;
use ketch_testkit::{Answer, Client};
use serde_json::{Value, json};

use crate::place::Place;

fn project() -> Place {
    Place::of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/seed/project"))
}

fn body(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("no JSON: {}", answer.text()))
}

async fn form(client: &Client, method: Method, path: &str, text: &str) -> Answer {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    client.send(method, path, &headers, Body::from(text.to_owned())).await
}

#[tokio::test]
async fn a_project_of_the_seed_runs_unmodified() {
    let client = project().client();
    let root = client.get("/").await;
    assert_eq!(root.status, 200, "{}", root.text());
    let said = body(&root);
    assert_eq!(
        (&said["name"], &said["error"], &said["reason"]),
        (&json!("articles"), &json!(0), &json!("all right"))
    );
    // B9: the special variables are among the arguments.
    assert_eq!(said["input"]["_HTTP_METHOD_"], "GET");
    assert_eq!(said["input"]["_SCOPE_"], json!(["csrf", "token"]));
    assert_eq!(said["input"]["_AUTHORIZATION_"], "");

    let all = body(&client.get("/user").await);
    assert_eq!(
        (&all["method"], &all["args"]["uri-param"], &all["args"]["get-param"]),
        (&json!("GET"), &Value::Null, &json!(10))
    );
    let one =
        client.send(Method::GET, "/user/7?get-var=-3", &[("authorization", "Basic x")], Body::empty()).await;
    let one = body(&one);
    assert_eq!((&one["args"]["uri-param"], &one["args"]["get-param"]), (&json!(7), &json!(-3)));
    assert_eq!(one["args"]["_AUTHORIZATION_"], "Basic x");

    let json = client.post("/user", &json!({ "mail": "ada@site.example", "colour": "red", "age": 4 })).await;
    assert_eq!(json.status, 200, "{}", json.text());
    let urlencoded = form(&client, Method::POST, "/user", "mail=ada%40site.example&colour=red&age=4").await;
    assert_eq!(body(&json)["args"], body(&urlencoded)["args"]);
    assert_eq!(body(&json)["args"]["favourite"], "red");
    assert_eq!(body(&json)["args"]["colour"], Value::Null, "an argument goes by its new name alone");

    let gone = client.send(Method::DELETE, "/user/7", &[], Body::empty()).await;
    assert_eq!((gone.status.as_u16(), &body(&gone)["error"]), (403, &json!(300)), "nobody here is `admin`");
    let edited = client.send(Method::PUT, "/user/7", &[], Body::empty()).await;
    assert_eq!(
        (edited.status.as_u16(), &body(&edited)["error"]),
        (403, &json!(300)),
        "no scope is nobody's scope"
    );

    let moved = form(&client, Method::POST, "/article/new", "title=hello").await;
    assert_eq!(
        (moved.status.as_u16(), moved.header("location")),
        (308, Some("/article/hello")),
        "{}",
        moved.text()
    );
    assert_eq!(body(&moved)["title"], "hello");
    println!("a project of aicra's: {} endpoints as they were", 6);
}

#[tokio::test]
async fn b6_what_is_missing_or_wrong_is_told_by_number_all_at_once() {
    let client = project().client();
    let missing = client.post("/user", &json!({ "age": 4 })).await;
    assert_eq!(missing.status, 400);
    let said = body(&missing);
    assert_eq!((&said["error"], &said["reason"]), (&json!(400), &json!("missing parameter")));
    assert_eq!(said["arguments"], json!(["mail", "colour"]));
    let wrong = client.post("/user", &json!({ "mail": "x", "colour": "blue", "age": 3 })).await;
    let said = body(&wrong);
    assert_eq!((&said["error"], &said["reason"]), (&json!(401), &json!("invalid parameter")), "{said}");
    assert_eq!(said["arguments"], json!(["mail", "colour", "age"]));
    assert!(!wrong.text().contains("blue"), "what was sent is not sent back");
    let query = body(&client.get("/user?get-var=x").await);
    assert_eq!((&query["error"], &query["arguments"]), (&json!(401), &json!(["GET@get-var"])));
    let slot = body(&client.get("/user/x").await);
    assert_eq!((&slot["error"], &slot["arguments"]), (&json!(401), &json!(["URL#0"])));
}

#[tokio::test]
async fn b6_optional_arguments_are_there_with_their_default_or_null() {
    let client = project().client();
    let said = body(&client.post("/user", &json!({ "mail": "ada@x", "colour": "green" })).await);
    assert_eq!(said["args"]["age"], 18);
    let said = body(&client.get("/user").await);
    let members: Vec<&str> = said["args"].as_object().unwrap().keys().map(String::as_str).collect();
    assert!(members.contains(&"uri-param") && members.contains(&"get-param"), "{members:?}");
}

#[tokio::test]
async fn b5_names_that_are_the_servers_are_never_a_clients() {
    let client = project().client();
    let sent = json!({
        "mail": "ada@x", "colour": "red", "_SCOPE_": ["admin"], "_HTTP_METHOD_": "DELETE", "_AUTHORIZATION_": "x",
        "URL#0": 7, "GET@get-var": 8, "unknown": 9,
    });
    let said = body(&client.post("/user?_SCOPE_=admin", &sent).await);
    assert_eq!(said["args"]["_SCOPE_"], json!(["csrf", "token"]));
    assert_eq!(
        (&said["args"]["_HTTP_METHOD_"], &said["args"]["_AUTHORIZATION_"]),
        (&json!("POST"), &json!(""))
    );
    for unknown in ["URL#0", "GET@get-var", "unknown"] {
        assert_eq!(said["args"][unknown], Value::Null, "{unknown}");
    }
}

#[tokio::test]
async fn b10_errors_of_the_server_have_aicras_numbers_and_their_own_status() {
    let client = project().client();
    let unknown = |method: Method, path: &'static str| client.send(method, path, &[], Body::empty());
    for (answer, status, number, reason) in [
        (unknown(Method::GET, "/nowhere").await, 404, 200, "unknown controller"),
        (unknown(Method::PATCH, "/user").await, 405, 201, "unknown method"),
        (unknown(Method::GET, "/article/new").await, 405, 201, "unknown method"),
        (unknown(Method::DELETE, "/user/7").await, 403, 300, "permission error"),
        (unknown(Method::POST, "/user").await, 400, 400, "missing parameter"),
    ] {
        let said = body(&answer);
        assert_eq!(answer.status.as_u16(), status, "{said}");
        assert_eq!((&said["error"], &said["reason"]), (&json!(number), &json!(reason)));
        assert_eq!(said["status"], status, "it is the one error body all the same");
        assert!(said["request_id"].is_string());
    }
}

#[tokio::test]
async fn b12_a_program_that_fails_is_an_uncallable_controller() {
    let client = project().client();
    for how in ["exit", "list", "text", "twice", "nothing"] {
        let answer = client.get(&format!("/article/fails/{how}")).await;
        let said = body(&answer);
        assert_eq!((answer.status.as_u16(), &said["error"]), (502, &json!(202)), "{how}: {said}");
        assert_eq!(said["reason"], "uncallable controller");
        assert!(
            !answer.text().contains("Hello") && !answer.text().contains("written"),
            "the output is for the log"
        );
    }
    let number = client.get("/article/fails/number").await;
    assert_eq!((number.status.as_u16(), &body(&number)["error"]), (409, &json!(3)));
    assert_eq!(body(&number)["name"], "taken", "outputs come with the error");
    let own = client.get("/article/fails/own").await;
    assert_eq!((own.status.as_u16(), &body(&own)["error"]), (400, &json!(1234)));
    let word = client.get("/article/fails/word").await;
    assert_eq!((word.status.as_u16(), body(&word)), (200, json!({ "error": 0, "reason": "all right" })));
}

#[tokio::test]
async fn b12_arguments_too_large_for_argv_come_on_standard_input_alone() {
    let place = Place::new(&[
        ("aicra.json", r#"{ "driver": "generic", "types": { "default": true } }"#),
        (
            "api.json",
            r#"{ "POST": { "info": "i", "scope": [[]], "in": { "a": { "info": "i", "type": "string" } } } }"#,
        ),
        (
            "controller/ROOT",
            "#!/bin/sh\nread -r line\nprintf '{\"arguments\":%s,\"argument\":%s,\"line\":%s}' $# ${#2} ${#line}\n",
        ),
    ]);
    let client = place.client();
    let small = body(&client.post("/", &json!({ "a": "x".repeat(50_000) })).await);
    assert_eq!(small["argument"], small["line"], "{small}");
    assert_eq!((&small["arguments"], small["line"].as_u64() > Some(50_000)), (&json!(2), true), "{small}");
    let large = client.post("/", &json!({ "a": "x".repeat(300_000) })).await;
    assert_eq!(large.status, 200, "it was refused once: {}", large.text());
    let large = body(&large);
    assert!(large["line"].as_u64() > Some(300_000) && large["argument"] == 0, "{large}");
}

#[tokio::test]
async fn b12_a_middleware_that_fails_refuses() {
    for (program, status) in [
        ("#!/bin/sh\nexit 1\n", 502),
        ("#!/bin/sh\necho '[\"a\"] and more'\n", 502),
        ("#!/bin/sh\necho yes\n", 502),
        ("#!/bin/sh\necho '[]'\n", 200),
        ("#!/bin/sh\necho '[1, {}, \"a\"]'\n", 200),
    ] {
        let place = Place::new(&[
            ("aicra.json", r#"{ "driver": "generic" }"#),
            ("api.json", r#"{ "GET": { "info": "i", "scope": [[]] } }"#),
            ("controller/ROOT", "#!/bin/sh\necho '{}'\n"),
            ("middleware/1-a", program),
        ]);
        let answer = place.client().get("/").await;
        assert_eq!(answer.status, status, "{program}: {}", answer.text());
        assert_eq!(body(&answer)["error"], if status == 200 { 0 } else { 202 }, "{program}");
    }
}

#[tokio::test]
async fn b3_methods_may_be_written_small_and_unknown_keys_are_nobodys() {
    let api = r#"{ "get": { "Info": "i", "SCOPE": [[]], "download": true, "unknown": 1 }, "PATCHES": {}, "note": "x" }"#;
    let place = Place::new(&[
        ("aicra.json", r#"{ "Driver": "GENERIC", "unknown": true }"#),
        ("api.json", api),
        ("controller/ROOT", "#!/bin/sh\necho '{}'\n"),
    ]);
    assert_eq!(place.client().get("/").await.status, 200);
}

#[test]
fn b3_what_was_refused_is_refused_still() {
    let of = |inside: &str| {
        let api = format!(r#"{{ "GET": {{ "info": "i", "scope": [[]], "in": {{ {inside} }} }} }}"#);
        let place = Place::new(&[
            ("aicra.json", r#"{ "driver": "generic", "types": { "default": true } }"#),
            ("api.json", &api),
            ("controller/ROOT", "#!/bin/sh\necho '{}'\n"),
        ]);
        place.problems()
    };
    for inside in [
        r#""a": { "type": "int" }"#,
        r#""a": { "info": " ", "type": "int" }"#,
        r#""a": { "info": "i" }"#,
        r#""a": { "info": "i", "type": "" }"#,
        r#""a": { "info": "i", "type": "?" }"#,
        r#""a": { "info": "i", "type": "unheard" }"#,
        r#""_a": { "info": "i", "type": "int" }"#,
        r#""a_": { "info": "i", "type": "int" }"#,
        r#""a": { "info": "i", "type": "int", "name": "_SCOPE_" }"#,
        r#""a": { "info": "i", "type": "int", "name": "c" }, "b": { "info": "i", "type": "int", "name": "c" }"#,
        r#""a": { "info": "i", "type": "int", "name": "b" }, "b": { "info": "i", "type": "int" }"#,
    ] {
        assert_eq!(of(inside).len(), 1, "{inside}: {:?}", of(inside));
    }
    assert_eq!(
        of(
            r#""a": { "info": "i", "type": "int", "name": "b" }, "b": { "info": "i", "type": "int", "name": "c" }"#
        ),
        []
    );
}

#[tokio::test]
async fn b5_bodies_of_every_form_are_one_to_a_controller() {
    let client = project().client();
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"mail\"\r\n\r\nada@x\r\n--b\r\n\
        Content-Disposition: form-data; name=\"colour\"\r\n\r\nred\r\n--b--\r\n";
    let headers = [("content-type", "multipart/form-data; charset=utf-8; boundary=\"b\"")];
    let answer = client.send(Method::POST, "/user", &headers, Body::from(multipart)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(body(&answer)["args"]["favourite"], "red");
    let deleted = form(&client, Method::POST, "/user", "mail=ada@x&colour=green&age=2").await;
    assert_eq!(body(&deleted)["args"]["age"], 2, "{}", deleted.text());
}
