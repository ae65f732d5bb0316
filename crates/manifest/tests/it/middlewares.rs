//! Middlewares of a project: their order, what they see, and what their verdicts do.

use axum::body::Body;
use http::Method;
use ketch_testkit::{Answer, Client};
use serde_json::{Value, json};

use crate::place::Place;

const API: &str = r#"{ "/": {
    "plain": { "GET": { "info": "i" }, "POST": { "info": "i", "in": { "n": { "info": "i", "type": "int" } } } },
    "bare": { "middleware": ["-"], "GET": { "info": "i" } },
    "less": { "GET": { "info": "i", "middleware": ["2-b"] } },
    "shut": { "GET": { "info": "i", "scope": [["a", "b"]] } },
    "user": { "/": { "{id}": { "GET": {
        "info": "i", "scope": [["user[{id}]"]], "in": { "id": { "info": "i", "type": "string" } }
    } } } }
} }"#;

/// A project whose controllers answer what they are given, with these middlewares.
fn project(middlewares: &[(&str, Value)]) -> Place {
    let place = Place::new(&[("api.json", API)]);
    for name in ["plain", "bare", "less", "shut", "user/{id}"] {
        place.write(&format!("controller/{name}.said"), "\"echo\"");
    }
    // The API names it.
    place.write("middleware/2-b.said", "{}");
    for (name, words) in middlewares {
        place.write(&format!("middleware/{name}.said"), &words.to_string());
    }
    place
}

async fn get(client: &Client, path: &str, headers: &[(&str, &str)]) -> Answer {
    client.send(Method::GET, path, headers, Body::empty()).await
}

fn body(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("no JSON: {}", answer.text()))
}

#[tokio::test]
async fn b13_middlewares_run_in_the_order_of_their_names_and_see_what_was_granted_before() {
    let place = project(&[
        ("2-b", json!({ "scope": ["b"], "seen": "x-second" })),
        ("1-a", json!({ "scope": ["a"], "seen": "x-first" })),
        ("10-c", json!({ "seen": "x-between" })),
    ]);
    // Nobody's: they are neither programs nor read.
    for name in [".hidden", "README.md", "notes.txt", "1-a.said~", "sub/3-deep.said"] {
        place.write(&format!("middleware/{name}"), "nothing");
    }
    let answer = get(&place.client(), "/shut", &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(body(&answer)["_SCOPE_"], json!(["a", "b"]));
    for (header, scope) in [("x-first", "[]"), ("x-between", "[\"a\"]"), ("x-second", "[\"a\"]")] {
        let seen = format!("GET /shut [[\"a\", \"b\"]] {scope}");
        assert_eq!(answer.header(header), Some(seen.as_str()), "{header}");
    }
}

#[tokio::test]
async fn a_node_or_method_says_which_middlewares_it_wants() {
    let client = project(&[("1-a", json!({ "scope": ["a"] })), ("2-b", json!({ "scope": ["b"] }))]).client();
    for (path, scope) in [("/plain", json!(["a", "b"])), ("/bare", json!([])), ("/less", json!(["b"]))] {
        assert_eq!(body(&get(&client, path, &[]).await)["_SCOPE_"], scope, "{path}");
    }
}

#[tokio::test]
async fn a_middleware_sees_the_request_and_what_the_endpoint_needs() {
    let client = project(&[("1-a", json!({ "seen": "x-seen", "scope": ["user[7]"] }))]).client();
    let answer = get(&client, "/user/7?q=1", &[]).await;
    assert_eq!((answer.status.as_u16(), body(&answer)["id"].as_str()), (200, Some("7")));
    assert_eq!(answer.header("x-seen"), Some("GET /user/{id} [[\"user[7]\"]] []"));
    let refused = get(&client, "/user/8", &[]).await;
    assert_eq!(refused.status, 403);
    assert_eq!(
        refused.header("x-seen"),
        Some("GET /user/{id} [[\"user[8]\"]] []"),
        "errors have its headers too"
    );
}

#[tokio::test]
async fn a_middleware_sees_a_path_however_the_target_is_written() {
    let client = project(&[("1-a", json!({ "target": "x-target" }))]).client();
    for target in ["/plain?q=1", "http://test/plain?q=1", "HTTP://test/plain?q=1"] {
        let answer = get(&client, target, &[]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("x-target")),
            (200, Some("/plain?q=1")),
            "{target}"
        );
    }
}

#[test]
fn a_folder_of_middlewares_that_is_written_and_not_there_is_told() {
    let place = project(&[]);
    place.write("ketch.json", r#"{ "middlewares": { "folder": "guards" } }"#);
    let told = place.problems().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(told.contains("ketch.json:1:30: middlewares: the folder `guards` is not there"), "{told}");
}

/// It may be a guard, and the endpoints would stand open without it.
#[test]
fn a_link_in_the_folder_that_leads_nowhere_is_told() {
    let place = project(&[]);
    std::os::unix::fs::symlink("nowhere", place.path().join("middleware/1-door"))
        .expect("a link can be made");
    std::os::unix::fs::symlink("nowhere", place.path().join("middleware/.hidden"))
        .expect("a link can be made");
    let told: Vec<String> = place.problems().iter().map(ToString::to_string).collect();
    assert!(told.len() == 1 && told[0].starts_with("middleware/1-door: cannot be read: "), "{told:?}");
}

#[tokio::test]
async fn headers_of_a_verdict_are_on_whatever_is_answered() {
    let first =
        json!({ "headers": [["x-who", "first"], ["set-cookie", "a=1"], ["cache-control", "no-store"]] });
    let second = json!({ "headers": [["x-who", "second"], ["set-cookie", "b=2"]] });
    let client = project(&[("1-a", first), ("2-b", second)]).client();
    let cases = [
        (client.get("/plain").await, 200),
        (client.get("/shut").await, 401),
        (client.post("/plain", &json!({ "n": "x" })).await, 400),
    ];
    for (answer, status) in cases {
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("x-who"), Some("first"), "the first is the outermost");
        let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["b=2", "a=1"], "{status}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    assert_eq!(client.get("/nowhere").await.header("x-who"), None, "what is no endpoint has no middleware");
}

#[tokio::test]
async fn claims_come_together_and_identify_the_caller() {
    let first = json!({ "claims": { "id": "ada", "email": "ada@site.example", "team": "blue" } });
    let second = json!({ "claims": { "team": "red", "since": 3 }, "scope": ["b"] });
    let client = project(&[("1-a", first), ("2-b", second)]).client();
    let answer = get(&client, "/plain", &[]).await;
    let expected = json!({
        "id": "ada", "email": "ada@site.example", "scopes": ["b"],
        "claims": { "id": "ada", "email": "ada@site.example", "team": "red", "since": 3 },
    });
    assert_eq!(body(&answer)["_CALLER_"], expected);
    let number = project(&[("1-a", json!({ "claims": { "id": 7 } }))]).client();
    assert_eq!(body(&number.get("/plain").await)["_CALLER_"]["id"], "7");
    assert_eq!(number.get("/shut").await.status, 403, "somebody is known, and lacks a scope");
    let nobody = project(&[]).client();
    let none = json!({ "id": null, "email": null, "scopes": [], "claims": {} });
    assert_eq!(body(&nobody.get("/plain").await)["_CALLER_"], none);
}

#[tokio::test]
async fn a_verdict_with_a_status_answers_in_place_of_the_endpoint() {
    let stop = |words: Value| {
        let mut words = words;
        words["if"] = json!("x-stop");
        project(&[("1-a", words), ("2-b", json!("panic"))])
    };
    for (words, status, kind, expected) in [
        (
            json!({ "status": 200, "body": { "hi": 1 } }),
            200,
            Some("application/json"),
            Some(json!({ "hi": 1 })),
        ),
        (json!({ "body": [1] }), 200, Some("application/json"), Some(json!([1]))),
        (json!({ "status": 204, "body": { "hi": 1 } }), 204, None, None),
        (json!({ "status": 202 }), 202, None, None),
        (json!({ "status": 303, "headers": [["location", "/login"]] }), 303, None, None),
        (
            json!({ "status": 429, "headers": [["retry-after", "3"]] }),
            429,
            Some("application/problem+json"),
            None,
        ),
        (json!({ "status": 401 }), 401, Some("application/problem+json"), None),
        (json!({ "status": 403, "body": "not on Sundays" }), 403, Some("application/problem+json"), None),
        (json!({ "body": { "error": 300 } }), 403, Some("application/problem+json"), None),
    ] {
        let answer = get(&stop(words.clone()).client(), "/plain", &[("x-stop", "1")]).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (status, kind), "{words}");
        match expected {
            Some(expected) => assert_eq!(body(&answer), expected),
            None if status < 400 => assert!(answer.body.is_empty(), "{words}: {}", answer.text()),
            None => assert!(body(&answer)["request_id"].is_string(), "{words}"),
        }
    }
    let client = stop(json!({ "status": 403, "body": "not on Sundays" })).client();
    let refused = get(&client, "/plain", &[("x-stop", "1")]).await;
    assert_eq!(body(&refused)["message"], "not on Sundays");
    let unknown = get(&stop(json!({ "status": 401 })).client(), "/plain", &[("x-stop", "1")]).await;
    assert_eq!(unknown.header("www-authenticate"), Some("Bearer"));
    let redirected = stop(json!({ "status": 303, "headers": [["location", "/login"], ["x-a", "1"]] }));
    let redirected = get(&redirected.client(), "/plain", &[("x-stop", "1")]).await;
    assert_eq!((redirected.header("location"), redirected.header("x-a")), (Some("/login"), Some("1")));
}

#[tokio::test]
async fn w5_no_redirect_of_a_middleware_leads_away() {
    for target in ["https://evil.example", "//evil.example", "/\\evil.example", "https:evil.example", "/a\\b"]
    {
        let words = json!({ "status": 302, "headers": [["location", target]] });
        let answer = project(&[("1-a", words)]).client().get("/plain").await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (400, None), "{target}");
    }
}

#[tokio::test]
async fn a_middleware_that_fails_refuses_the_request_and_tells_no_cause() {
    for words in [
        json!("panic"),
        json!("fail"),
        json!({ "status": 99 }),
        json!({ "status": 600 }),
        json!({ "claims": { "id": [1] } }),
        json!({ "claims": { "id": "" } }),
        json!({ "claims": { "id": true } }),
        json!({ "headers": [["content-length", "3"]] }),
        json!({ "headers": [["x", "secret\r\nset-cookie: a=b"]] }),
        json!({ "headers": [["bad name", "x"]] }),
        json!({ "headers": [["location", "/elsewhere"]] }),
        json!({ "headers": [["content-type", "application/json"]] }),
        json!({ "headers": [["refresh", "0; url=https://evil.example"]] }),
    ] {
        let answer = project(&[("1-a", words.clone())]).client().get("/plain").await;
        assert_eq!(answer.status, 500, "{words}: {}", answer.text());
        assert_eq!(body(&answer)["code"], "internal_error");
        assert!(
            !answer.text().contains("secret") && !answer.text().contains("fell over"),
            "{}",
            answer.text()
        );
        assert!(!answer.text().contains("_SCOPE_"), "the controller was not asked");
    }
}

#[tokio::test]
async fn special_variables_are_the_servers_whatever_a_client_sends() {
    let api = r#"{ "POST": { "info": "i", "in": {
        "GET@_SCOPE_": { "info": "i", "type": "?any", "name": "q" },
        "a": { "info": "i", "type": "any", "name": "b" }
    } } }"#;
    let place = Place::new(&[("api.json", api), ("controller/ROOT.said", "\"echo\"")]);
    if place.problems().is_empty() {
        let sent = json!({
            "a": 1, "_SCOPE_": ["admin"], "_CALLER_": { "id": "root" }, "_AUTHORIZATION_": "x", "_HTTP_METHOD_": "GET",
            "_STATUS_": 418, "_REDIRECT_": "https://evil.example", "_HEADERS_": { "x-evil": "1" }, "error": 3,
        });
        let answer = place.client().post("/?_SCOPE_=admin&_CALLER_=root", &sent).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-evil")), (200, None), "{}", answer.text());
        let said = body(&answer);
        assert_eq!((&said["_SCOPE_"], &said["_HTTP_METHOD_"]), (&json!([]), &json!("POST")));
        assert_eq!((&said["_CALLER_"]["id"], &said["_AUTHORIZATION_"]), (&Value::Null, &json!("")));
        assert_eq!((&said["b"], &said["error"]), (&json!(1), &Value::Null));
    }
    let place = Place::new(&[
        ("api.json", r#"{ "POST": { "info": "i", "in": { "a": { "info": "i", "type": "any" } } } }"#),
        ("controller/ROOT.said", "\"echo\""),
    ]);
    let headers = [("authorization", "Bearer x"), ("content-type", "application/json")];
    let sent =
        Body::from(r#"{ "a": 1, "_SCOPE_": ["admin"], "_CALLER_": { "id": "root" }, "_STATUS_": 418 }"#);
    let answer = place.client().send(Method::POST, "/?_SCOPE_=admin", &headers, sent).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let said = body(&answer);
    assert_eq!((&said["_SCOPE_"], &said["_AUTHORIZATION_"]), (&json!([]), &json!("Bearer x")));
    assert_eq!(
        (&said["_HTTP_METHOD_"], &said["_CALLER_"]["id"], &said["a"]),
        (&json!("POST"), &Value::Null, &json!(1))
    );
}

#[test]
fn middlewares_that_cannot_be_told_apart_or_made_are_told_at_load() {
    let place = project(&[("1-a", json!({}))]);
    place.write("middleware/1-a.sql", "SELECT 1");
    place.write("middleware/4-d/main.go", "package main");
    place.write("middleware/3-c.said", "no JSON");
    let problems = place.problems();
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    for expected in ["is called `1-a` as middleware/1-a.said", "4-d/main.go: has not been built", "3-c.said"]
    {
        assert!(told.iter().any(|problem| problem.contains(expected)), "{expected}: {told:#?}");
    }
    assert_eq!(told.len(), 3, "{told:#?}");
}

#[test]
fn a_middleware_that_is_not_there_is_told_with_the_nearest_name() {
    let api = r#"{ "middleware": ["1-authentification"], "GET": { "info": "i" } }"#;
    let place = Place::new(&[
        ("api.json", api),
        ("controller/ROOT.said", "{}"),
        ("middleware/1-authentication.said", "{}"),
    ]);
    let problems = place.problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    let problem = problems[0].to_string();
    assert!(
        problem.starts_with("api.json:1:17") && problem.contains("did you mean `1-authentication`"),
        "{problem}"
    );
}
