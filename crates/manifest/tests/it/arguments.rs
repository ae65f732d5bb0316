//! Arguments from every source: what reaches a controller, and what a client is told.

use std::fmt::Display;

use axum::body::Body;
use http::Method;
use ketch_manifest::{Call, Native};
use ketch_testkit::{Answer, Client};
use serde_json::{Value, json};

use crate::place::Place;

/// A function that answers the arguments it is given.
fn echo() -> Native {
    let mut native = Native::default();
    native.add("echo", |call: Call| async move { Ok(call.args) });
    native
}

/// A client of one endpoint, `METHOD path`, that takes these arguments and answers them.
fn client(method: &str, path: &[&str], takes: impl Display) -> Client {
    let place = place(method, path, takes);
    place.client_with(&echo())
}

fn place(method: &str, path: &[&str], takes: impl Display) -> Place {
    // The order of arguments is that of the text.
    let mut node =
        format!(r#"{{ "{method}": {{ "info": "Echoes.", "in": {takes}, "run": "native:echo" }} }}"#);
    for segment in path.iter().rev() {
        node = format!(r#"{{ "/": {{ "{segment}": {node} }} }}"#);
    }
    Place::new(&[("api.json", &node)])
}

fn told(answer: &Answer) -> Vec<String> {
    let body: Value = answer.json();
    let errors = body["errors"].as_array().cloned().unwrap_or_default();
    let place = |error: &Value| error["pointer"].as_str().or(error["parameter"].as_str()).map(str::to_owned);
    errors
        .iter()
        .map(|error| {
            format!("{} {}", place(error).unwrap_or_default(), error["code"].as_str().unwrap_or_default())
        })
        .collect()
}

async fn send(client: &Client, method: Method, path: &str, kind: &str, body: impl Into<Body>) -> Answer {
    client.send(method, path, &[("content-type", kind)], body.into()).await
}

const FORM: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data; boundary=b";

fn part(disposition: &str, data: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{data}\r\n")
}

#[tokio::test]
async fn every_source_reaches_the_controller_under_the_name_it_has_there() {
    let takes = json!({
        "id": { "type": "id", "info": "whose" },
        "GET@q": { "type": "string", "info": "what", "name": "query" },
        "GET@tag": { "type": "?[int]", "info": "which" },
        "HEADER@If-Match": { "type": "string", "info": "which", "name": "etag" },
        "COOKIE@session": { "type": "?token", "info": "whose", "name": "session" },
        "name": { "type": "varchar(1,9)", "info": "the name" },
        "more": { "type": "?<string:any>", "info": "and more", "default": { "a": 1 } },
    });
    let client = client("PUT", &["user", "{id}"], &takes);
    let headers =
        [("if-match", "\"1\""), ("cookie", "a=b; session=abc"), ("content-type", "application/json")];
    let path = "/user/7?q=12&tag=1&other=x&tag=2";
    let answer =
        client.send(Method::PUT, path, &headers, r#"{ "name": "Ada", "_SCOPE_": ["admin"] }"#.into()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let wanted = json!({
        "id": 7, "query": "12", "tag": [1, 2], "etag": "\"1\"", "session": "abc", "name": "Ada", "more": { "a": 1 },
    });
    assert_eq!(answer.json::<Value>(), wanted);
}

#[tokio::test]
async fn all_that_is_wrong_is_told_at_once_in_the_order_declared_and_without_the_values() {
    let takes = r#"{
        "c": { "type": "int", "info": "a member" },
        "GET@b": { "type": "bool", "info": "a query" },
        "id": { "type": "uuid", "info": "a capture" },
        "a": { "type": "[varchar(1,2)]", "info": "a list" },
        "HEADER@x": { "type": "float", "info": "a header" },
        "GET@twice": { "type": "string", "info": "once" }
    }"#;
    let client = client("POST", &["{id}"], takes);
    let body = r#"{ "c": "secret", "a": ["x", "secret", 1] }"#;
    let answer = send(&client, Method::POST, "/secret?twice=1&twice=secret", "application/json", body).await;
    assert_eq!(answer.status, 400);
    let wanted = [
        "#/c invalid",
        "b missing",
        "id invalid",
        "#/a/1 rule",
        "#/a/2 invalid",
        "x missing",
        "twice repeated",
    ];
    assert_eq!(told(&answer), wanted);
    assert!(!answer.text().contains("secret"), "{}", answer.text());
}

#[tokio::test]
async fn a_broken_rule_alone_is_422() {
    let client = client("POST", &["x"], json!({ "a": { "type": "varchar(2,3)", "info": "short" } }));
    let answer = client.post("/x", &json!({ "a": "abcd" })).await;
    assert_eq!((answer.status.as_u16(), told(&answer)), (422, vec!["#/a rule".to_owned()]));
    assert_eq!(client.post("/x", &json!({ "a": 5 })).await.status, 400);
}

#[tokio::test]
async fn missing_null_empty_and_default_differ() {
    let takes = json!({
        "GET@a": { "type": "?string", "info": "optional" },
        "GET@b": { "type": "?int", "info": "with a default", "default": 5 },
        "c": { "type": "?string|null", "info": "may be null", "default": "x" },
        "d": { "type": "?string", "info": "may not be null" },
    });
    let client = client("POST", &["x"], &takes);
    let all = |answer: Answer| answer.json::<Value>();
    let nothing = client.send(Method::POST, "/x", &[], Body::empty()).await;
    assert_eq!(all(nothing), json!({ "a": null, "b": 5, "c": "x", "d": null }));
    let empty = client.post("/x?a=&b=7", &json!({ "c": null })).await;
    assert_eq!(all(empty), json!({ "a": "", "b": 7, "c": null, "d": null }));
    assert_eq!(all(client.post("/x?a", &json!({})).await)["a"], json!(""));
    assert_eq!(told(&client.post("/x?b=", &json!({ "d": null })).await), ["b invalid", "#/d invalid"]);
}

#[tokio::test]
async fn a_list_is_its_name_several_times_and_nothing_else_is() {
    let takes = json!({
        "GET@l": { "type": "?[string]", "info": "texts" },
        "GET@s": { "type": "?string", "info": "one" },
        "GET@a": { "type": "?any", "info": "anything" },
    });
    let client = client("GET", &["x"], &takes);
    assert_eq!(client.get("/x?l=1&l=").await.json::<Value>()["l"], json!(["1", ""]));
    assert_eq!(client.get("/x?l=[1,2]").await.json::<Value>()["l"], json!(["[1,2]"]));
    assert_eq!(told(&client.get("/x?s=1&s=1").await), ["s repeated"]);
    assert_eq!(client.get("/x?a=1&a=b").await.json::<Value>()["a"], json!([1, "b"]), "`any` may be a list");
    assert_eq!(client.get("/x?a=1").await.json::<Value>()["a"], json!(1));
    assert_eq!(told(&client.get("/x?l=a&l=%ff&s=%ff").await), ["l invalid", "s invalid"]);
}

#[tokio::test]
async fn a_form_says_what_json_says() {
    let takes = r#"{
        "name": { "type": "string", "info": "a name" },
        "age": { "type": "?int", "info": "an age" },
        "tags": { "type": "?[string]", "info": "tags" },
        "where": { "type": "?<string:float>", "info": "a place" },
        "any": { "type": "?any", "info": "anything" }
    }"#;
    let client = client("POST", &["x"], takes);
    let wanted = json!({
        "name": "12", "age": 5, "tags": ["a b", "c"], "where": { "x": 1.5 }, "any": true,
    });
    let form = "name=12&age=5&tags=a+b&other=1&tags=c&where=%7B%22x%22%3A1.5%7D&any=true&_SCOPE_=admin";
    let answer = send(&client, Method::POST, "/x", FORM, form).await;
    assert_eq!((answer.status.as_u16(), answer.json::<Value>()), (200, wanted.clone()));
    let parts =
        [("name", "12"), ("age", "5"), ("tags", "a b"), ("x", ""), ("tags", "c"), ("where", "{\"x\":1.5}")];
    let parts: String = parts.map(|(name, data)| part(&format!("name={name}"), data)).concat();
    let parts = parts + &part("name=any", "true") + "--b--";
    let answer = send(&client, Method::POST, "/x", PARTS, parts).await;
    assert_eq!((answer.status.as_u16(), answer.json::<Value>()), (200, wanted));
    let lines = part("name=name", "l1\r\n\r\n\r\nl2\n\n") + "--b--";
    let answer = send(&client, Method::POST, "/x", PARTS, lines).await;
    assert_eq!(answer.json::<Value>()["name"], json!("l1\r\n\r\n\r\nl2\n\n"), "not a byte is lost");
    for (kind, body) in [
        (FORM, "name=a&name=b&age=x".to_owned()),
        (PARTS, part("name=name", "a") + &part("name=age", "x") + &part("name=name", "b") + "--b--"),
    ] {
        let answer = send(&client, Method::POST, "/x", kind, body).await;
        assert_eq!(told(&answer), ["#/name repeated", "#/age invalid"], "{kind}");
    }
    let answer = send(&client, Method::POST, "/x", FORM, "name=%ff").await;
    assert_eq!(answer.json::<Value>()["code"], "invalid_form");
    let many = "tags=&".repeat(10_001) + "name=x";
    assert_eq!(told(&send(&client, Method::POST, "/x", FORM, many).await), ["#/tags rule"]);
}

#[tokio::test]
async fn what_is_no_body_is_refused_as_such() {
    let client = client("POST", &["x"], json!({ "a": { "type": "?any", "info": "a" } }));
    let json = "application/json";
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let number = format!("{{\"a\":{}}}", "1".repeat(1000));
    let many = format!("{{\"a\":[0{}]}}", ",0".repeat(200_000));
    let rows: &[(&str, &str, u16, &str)] = &[
        (json, "", 200, "null"),
        (json, " \n", 200, "null"),
        (json, "{}", 200, "null"),
        (json, "{\"b\":[1,{}],\"a\":[]}", 200, "[]"),
        ("application/ld+json; charset=utf-8", "{\"a\":1}", 200, "1"),
        (json, "{\"a\":1,}", 400, "invalid_json"),
        (json, "{\"a\":1} x", 400, "invalid_json"),
        (json, "[1]", 400, "must be a JSON object"),
        (json, "\"secret\"", 400, "must be a JSON object"),
        (json, "{\"a\":1,\"a\":2}", 400, "repeated"),
        (json, "{\"a\":{\"b\":1,\"b\":2}}", 400, "a member twice"),
        (json, "{\"b\":1,\"b\":2}", 200, "null"),
        (json, "{\"a\":\"\u{0}\"}", 400, "invalid_json"),
        (json, &deep, 400, "invalid_json"),
        (json, &many, 413, "too_many_values"),
        (json, &number, 400, "invalid_json"),
        (
            "text/plain",
            "a",
            415,
            "application/json, application/x-www-form-urlencoded or multipart/form-data",
        ),
        ("application/xml", "", 415, "unsupported_media_type"),
        ("", "{}", 415, "unsupported_media_type"),
    ];
    for (kind, body, status, said) in rows {
        let answer = send(&client, Method::POST, "/x", kind, (*body).to_owned()).await;
        let short: String = body.chars().take(40).collect();
        assert_eq!(answer.status, *status, "{kind} {short}: {}", answer.text());
        assert!(answer.text().contains(said), "{kind} {short}: {}", answer.text());
        assert!(!answer.text().contains("secret"), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_body_that_nobody_declared_is_not_looked_at() {
    let client = client("DELETE", &["x"], json!({ "GET@a": { "type": "?int", "info": "a" } }));
    let answer = send(&client, Method::DELETE, "/x?a=1", "application/json", "{{{").await;
    assert_eq!((answer.status.as_u16(), answer.json::<Value>()), (200, json!({ "a": 1 })));
}

#[tokio::test]
async fn the_body_of_a_delete_is_read() {
    let client = client("DELETE", &["x"], json!({ "a": { "type": "int", "info": "a" } }));
    let answer = client.json(Method::DELETE, "/x", &json!({ "a": 1 })).await;
    assert_eq!(answer.json::<Value>(), json!({ "a": 1 }));
}

#[test]
fn what_cannot_work_is_told_when_the_project_is_loaded() {
    let rows = [
        ("GET", json!({ "a": { "type": "int", "info": "a" } }), "write `GET@a` for the query"),
        ("POST", json!({ "GET@f": { "type": "FILE", "info": "f" } }), "which only a form can bring"),
        ("POST", json!({ "f": { "type": "[[FILE]]", "info": "f" } }), "`[FILE]`"),
        ("POST", json!({ "COOKIE@c": { "type": "[int]", "info": "c" } }), "cannot be a list"),
        ("POST", json!({ "URL#0": { "type": "[int]", "info": "c" } }), "cannot be a list"),
        ("POST", json!({ "a": { "type": "strng", "info": "a" } }), "did you mean `string`"),
    ];
    for (method, takes, told) in rows {
        let place = place(method, &["x"], &takes);
        let problems = place.problems_with(&echo());
        assert_eq!(problems.len(), 1, "{takes}: {problems:#?}");
        assert!(problems[0].to_string().contains(told), "{}", problems[0]);
        assert!(problems[0].to_string().contains("api.json:1:"), "{}", problems[0]);
    }
    let place = place("GET", &["{id}"], json!({ "id": { "type": "?int", "info": "id" } }));
    assert!(place.problems_with(&echo())[0].to_string().contains("drop the `?`"));
}

/// RFC 9110, 5.3 and 5.6.1: a proxy may put lines of one name together.
#[tokio::test]
async fn a_list_in_a_header_is_its_lines_and_what_stands_between_commas() {
    let takes = r#"{ "HEADER@x-n": { "info": "n", "type": "?[int]" }, "HEADER@x-t": { "info": "t", "type": "?[string]" },
        "HEADER@x-one": { "info": "o", "type": "?string" } }"#;
    let client = client("GET", &["x"], takes);
    let got = async |headers: &[(&str, &str)]| -> Value {
        client.send(Method::GET, "/x", headers, Body::empty()).await.json()
    };
    for lines in [&[("x-n", "1, 2,3")][..], &[("x-n", "1"), ("x-n", " ,2,, 3 ,")]] {
        assert_eq!(got(lines).await["x-n"], json!([1, 2, 3]), "{lines:?}");
    }
    assert_eq!(got(&[("x-n", "")]).await["x-n"], json!([]), "a list without elements");
    assert_eq!(got(&[]).await["x-n"], Value::Null);
    let quoted = [("x-t", r#"a, "b, \"c", d"#), ("x-one", "a, b")];
    let quoted = got(&quoted).await;
    assert_eq!(quoted["x-t"], json!(["a", r#""b, \"c""#, "d"]));
    assert_eq!(quoted["x-one"], "a, b", "what is no list is one value");
}

#[tokio::test]
async fn a_list_of_what_is_read_as_json_may_come_whole() {
    let client = client(
        "POST",
        &["x"],
        r#"{ "GET@grid": { "info": "g", "type": "?[[int]]" }, "maps": { "info": "m", "type": "?[<:int>]" } }"#,
    );
    let asked = async |query: &str, body: String| -> (u16, Value) {
        let answer = send(&client, Method::POST, &format!("/x{query}"), PARTS, body).await;
        (answer.status.as_u16(), answer.json())
    };
    for query in ["?grid=[[1],[2,3]]", "?grid=[1]&grid=[2,3]"] {
        let (status, answer) = asked(query, "--b--\r\n".to_owned()).await;
        assert_eq!((status, &answer["grid"]), (200, &json!([[1], [2, 3]])), "{query}");
    }
    assert_eq!(asked("?grid=[1]", "--b--\r\n".to_owned()).await.1["grid"], json!([[1]]));
    assert_eq!(asked("?grid=[]", "--b--\r\n".to_owned()).await.1["grid"], json!([]));
    let (status, answer) = asked("?grid=[[x]]", "--b--\r\n".to_owned()).await;
    assert_eq!(status, 400, "{answer}");
    let whole = part("name=maps", r#"[{"a":1},{"b":2}]"#) + "--b--\r\n";
    let apart = part("name=maps", r#"{"a":1}"#) + &part("name=maps", r#"{"b":2}"#) + "--b--\r\n";
    for body in [whole, apart] {
        assert_eq!(asked("", body).await.1["maps"], json!([{ "a": 1 }, { "b": 2 }]));
    }
}
