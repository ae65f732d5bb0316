//! What becomes of a controller's answer: status, headers, body, redirects, numbers.

use http::Method;
use ketch_testkit::Answer;
use serde_json::{Value, json};

use crate::place::Place;

const API: &str = r#"{ "/": { "say": {
    "GET": { "info": "Says what it is told.", "scope": [[]] },
    "POST": { "info": "Says it too.", "in": { "status": { "info": "s", "type": "any" } }, "scope": [[]] }
} } }"#;

/// What a project answers whose controller says this.
async fn said(words: &Value) -> Answer {
    project("ketch.json", "{}", words).client().get("/say").await
}

/// The same in a project of aicra's.
async fn said_by_a_seed(words: &Value) -> Answer {
    project("aicra.json", r#"{ "driver": "generic" }"#, words).client().get("/say").await
}

fn project(file: &str, text: &str, words: &Value) -> Place {
    Place::new(&[("api.json", API), (file, text), ("controller/say.said", &words.to_string())])
}

fn body(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("no JSON: {}", answer.text()))
}

#[tokio::test]
async fn a_controller_sets_the_status() {
    for status in [200, 201, 202, 207, 299, 300] {
        let answer = said(&json!({ "_STATUS_": status, "a": 1 })).await;
        assert_eq!((answer.status.as_u16(), body(&answer)), (status, json!({ "a": 1 })));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    for status in [204, 205, 304] {
        let answer = said(&json!({ "_STATUS_": status, "a": 1 })).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (status, 0));
        assert_eq!(answer.header("content-type"), None);
    }
}

#[tokio::test]
async fn a_status_of_an_error_is_the_one_error_body_with_the_outputs_beside() {
    let words = json!({ "_STATUS_": 409, "free": ["ada2"], "message": "the name is taken", "status": 200, "type": "x" });
    let answer = said(&words).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (409, Some("application/problem+json"))
    );
    let mut said = body(&answer);
    assert!(said.as_object_mut().unwrap().remove("request_id").is_some());
    let expected = json!({
        "type": "about:blank", "title": "Conflict", "status": 409, "detail": "the name is taken",
        "code": "conflict", "message": "the name is taken", "free": ["ada2"],
    });
    assert_eq!(said, expected);
}

#[tokio::test]
async fn the_code_of_an_error_is_the_controllers_or_follows_from_its_status() {
    for (words, code) in [
        (json!({ "_STATUS_": 404 }), "not_found"),
        (json!({ "_STATUS_": 418 }), "im_a_teapot"),
        (json!({ "_STATUS_": 499 }), "refused"),
        (json!({ "_STATUS_": 503 }), "service_unavailable"),
        (json!({ "_STATUS_": 422, "code": "too_young" }), "too_young"),
    ] {
        let answer = said(&words).await;
        assert_eq!(
            (body(&answer)["code"].as_str(), answer.status.as_u16()),
            (Some(code), status(&words)),
            "{words}"
        );
    }
    let unknown = said(&json!({ "_STATUS_": 401 })).await;
    assert_eq!(unknown.header("www-authenticate"), Some("Bearer"));
}

fn status(words: &Value) -> u16 {
    words["_STATUS_"].as_u64().and_then(|status| status.try_into().ok()).expect("a status")
}

#[tokio::test]
async fn an_answer_that_cannot_be_a_reply_is_a_bad_controllers() {
    let many: Vec<String> = (0..65).map(|at| format!("x-{at}: 1")).collect();
    for words in [
        json!({ "_STATUS_": 199 }),
        json!({ "_STATUS_": 600 }),
        json!({ "_STATUS_": 0 }),
        json!({ "_STATUS_": -1 }),
        json!({ "_STATUS_": 200.5 }),
        json!({ "_STATUS_": "201" }),
        json!({ "_STATUS_": [201] }),
        json!({ "_HEADERS_": "x: y" }),
        json!({ "_HEADERS_": 1 }),
        json!({ "_HEADERS_": ["no colon"] }),
        json!({ "_HEADERS_": [["a", "b", "c"]] }),
        json!({ "_HEADERS_": { "bad name": "x" } }),
        json!({ "_HEADERS_": { "": "x" } }),
        json!({ "_HEADERS_": { "x": "secret\r\nset-cookie: a=b" } }),
        json!({ "_HEADERS_": { "x": "secret\nb" } }),
        json!({ "_HEADERS_": { "x": "secret\u{0}" } }),
        json!({ "_HEADERS_": { "x\r\ny": "secret" } }),
        json!({ "_HEADERS_": { "x": { "a": 1 } } }),
        json!({ "_HEADERS_": { "Content-Length": "3" } }),
        json!({ "_HEADERS_": { "transfer-encoding": "chunked" } }),
        json!({ "_HEADERS_": { "connection": "close" } }),
        json!({ "_HEADERS_": { "upgrade": "h2c" } }),
        json!({ "_HEADERS_": { "content-encoding": "gzip" } }),
        json!({ "_HEADERS_": { "refresh": "0; url=https://evil.example" } }),
        json!({ "_HEADERS_": { "content-type": "text/html" } }),
        json!({ "_HEADERS_": { "x": "a".repeat(20_000) } }),
        json!({ "_HEADERS_": many }),
        json!({ "_STATUS_": 302, "_HEADERS_": { "location": "https://evil.example" } }),
        json!({ "_REDIRECT_": 12 }),
        json!({ "_REDIRECT_": "/a", "_STATUS_": 200 }),
        json!({ "_REDIRECT_": "/a", "_STATUS_": 304 }),
    ] {
        let answer = said(&words).await;
        assert_eq!(answer.status, 502, "{words}: {}", answer.text());
        assert_eq!(body(&answer)["code"], "bad_controller");
        assert!(
            !answer.text().contains("secret") && !answer.text().contains("_STATUS_"),
            "{}",
            answer.text()
        );
        assert_eq!(answer.header("set-cookie"), None);
    }
}

#[tokio::test]
async fn a_controller_sets_headers() {
    let words = json!({ "a": 1, "_HEADERS_": {
        "X-Total": 3, "x-flag": true, "x-none": null, "x-name": "  Zoë ", "set-cookie": ["a=1", "b=2"],
        "content-type": "application/vnd.boat+json",
    } });
    let answer = said(&words).await;
    assert_eq!(body(&answer), json!({ "a": 1 }));
    let all = |name: &str| -> Vec<Vec<u8>> {
        answer.headers.get_all(name).iter().map(|value| value.as_bytes().to_vec()).collect()
    };
    for (name, expected) in [
        ("x-total", &["3"][..]),
        ("x-flag", &["true"]),
        ("x-none", &[]),
        ("x-name", &["Zoë"]),
        ("set-cookie", &["a=1", "b=2"]),
        ("content-type", &["application/vnd.boat+json"]),
    ] {
        let expected: Vec<Vec<u8>> = expected.iter().map(|text| text.as_bytes().to_vec()).collect();
        assert_eq!(all(name), expected, "{name}");
    }
    let listed = said(&json!({ "_HEADERS_": ["x-a: 1", ["x-b", "2: 3"]] })).await;
    assert_eq!((listed.header("x-a"), listed.header("x-b")), (Some("1"), Some("2: 3")));
    let refused = said(&json!({ "_STATUS_": 409, "_HEADERS_": { "retry-after": 3 } })).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (409, Some("3")));
}

#[tokio::test]
async fn aicras_numbers_come_to_statuses_and_stay_in_the_body() {
    for (number, status, reason) in [
        (-1, 500, "unknown error"),
        (1, 500, "it failed"),
        (2, 404, "no resource found"),
        (3, 409, "resource already exists"),
        (4, 500, "configuration error"),
        (100, 500, "upload failed"),
        (101, 500, "download failed"),
        (102, 500, "download headers are missing"),
        (103, 500, "download body is missing"),
        (200, 404, "unknown controller"),
        (201, 405, "unknown method"),
        (202, 502, "uncallable controller"),
        (203, 501, "uncallable method"),
        (300, 403, "permission error"),
        (301, 401, "token error"),
        (400, 400, "missing parameter"),
        (401, 400, "invalid parameter"),
        (402, 500, "invalid default param"),
        (1001, 400, "unknown reason"),
    ] {
        let words = json!({ "error": number, "args": ["a"], "left": 1 });
        for answer in [said(&words).await, said_by_a_seed(&words).await] {
            let said = body(&answer);
            assert_eq!((answer.status.as_u16(), &said["error"]), (status, &json!(number)), "{number}");
            assert_eq!((&said["reason"], &said["message"]), (&json!(reason), &json!(reason)), "{number}");
            assert_eq!(
                (&said["args"], &said["left"]),
                (&json!(["a"]), &json!(1)),
                "outputs come with the error"
            );
        }
    }
    let own = said(&json!({ "error": 3, "reason": "ada is taken", "_STATUS_": 200 })).await;
    assert_eq!((own.status.as_u16(), body(&own)), (200, json!({ "error": 3, "reason": "ada is taken" })));
}

#[tokio::test]
async fn success_is_told_by_number_in_projects_of_the_seed_alone() {
    let words = json!({ "name": "ada" });
    let expected = json!({ "name": "ada", "error": 0, "reason": "all right" });
    assert_eq!(body(&said_by_a_seed(&words).await), expected);
    assert_eq!(body(&said(&words).await), words);
    assert_eq!(body(&said_by_a_seed(&json!({ "name": "ada", "error": 0, "reason": "x" })).await), expected);
    assert_eq!(body(&said_by_a_seed(&json!({ "name": "ada", "error": "boom" })).await), expected);
    assert_eq!(body(&said(&json!({ "error": 0 })).await), json!({ "error": 0 }));
    assert_eq!(
        body(&said(&json!({ "error": "boom" })).await),
        json!({ "error": "boom" }),
        "an output like others"
    );
}

#[tokio::test]
async fn an_output_that_is_declared_as_error_is_the_projects_own() {
    let api =
        r#"{ "GET": { "info": "i", "out": { "error": { "info": "of the measurement", "type": "int" } } } }"#;
    let place = Place::new(&[("api.json", api), ("controller/ROOT.said", r#"{ "error": 3 }"#)]);
    let answer = place.client().get("/").await;
    assert_eq!((answer.status.as_u16(), body(&answer)), (200, json!({ "error": 3 })));
}

/// Ways out of a site; more, and why each, stand with the test of `Redirect`.
const HOSTILE: [&str; 40] = [
    "",
    " ",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/%5cevil.example",
    "/%2fevil.example",
    "/%252fevil.example",
    "/%09/evil.example",
    "/%0d%0aLocation:%20https://evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/home\r\nSet-Cookie: a=b",
    "\t//evil.example",
    "\u{1}//evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https://evil.example",
    "HTTPS://EVIL.EXAMPLE",
    "https:///evil.example",
    "https:\\\\evil.example",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "blob:https://app.example/x",
    "https://app.example@evil.example",
    "https://app.example:secret@evil.example",
    "https://evil.example@app.example",
    "https://app.example.evil.example",
    "https://evilapp.example",
    "https://app.example:444",
    "http://app.example",
    "https://app.example\\@evil.example",
    "https://evil.example#https://app.example",
    "https://app\u{3002}example",
    "https://app%2eexample",
    "/\u{ff0f}evil.example",
    "/..//evil.example",
    "evil.example",
];

/// The client cannot mend what it has not sent.
#[tokio::test]
async fn a_target_of_the_controllers_own_that_leads_away_is_its_fault() {
    let text = r#"{ "redirects": ["https://app.example"] }"#;
    let project = project("ketch.json", text, &json!({ "_REDIRECT_": "https://other.example/" }));
    let client = project.client();
    let answer = client.post("/say", &json!({ "status": "x" })).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (502, None));
    assert_eq!(body(&answer)["code"], "bad_controller");
    let answer = client.post("/say", &json!({ "status": "https://other.example/" })).await;
    assert_eq!(answer.status.as_u16(), 400);
}

#[tokio::test]
async fn w5_no_redirect_of_a_controller_leads_away() {
    let text = r#"{ "redirects": ["https://app.example"] }"#;
    for file in ["ketch.json", "aicra.json"] {
        let project = project(file, text, &json!({ "_REDIRECT_": "$status" }));
        let client = project.client();
        for target in HOSTILE {
            let answer = client.post("/say", &json!({ "status": target })).await;
            assert_eq!((answer.status.as_u16(), answer.header("location")), (400, None), "{file} {target:?}");
            assert_eq!(body(&answer)["code"], "bad_redirect", "{target:?}");
        }
        let usual = if file == "aicra.json" { 308 } else { 303 };
        for (target, location) in [
            ("/", "/"),
            ("/boats?page=2#top", "/boats?page=2#top"),
            ("/café", "/caf%C3%A9"),
            ("/login?next=https%3A%2F%2Fevil.example", "/login?next=https%3A%2F%2Fevil.example"),
            ("https://app.example/x", "https://app.example/x"),
        ] {
            let answer = client.post("/say", &json!({ "status": target })).await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("location")),
                (usual, Some(location)),
                "{file}"
            );
        }
    }
}

#[tokio::test]
async fn a_redirect_has_the_status_that_is_asked_for() {
    for status in [301, 302, 303, 307, 308] {
        let answer = said(&json!({ "_REDIRECT_": "/b", "_STATUS_": status, "a": 1 })).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (status, Some("/b")));
        assert!(answer.body.is_empty());
    }
    assert_eq!(said(&json!({ "_REDIRECT_": null, "a": 1 })).await.status, 200);
    let seed = said_by_a_seed(&json!({ "_REDIRECT_": "/b", "a": 1 })).await;
    let expected = json!({ "_REDIRECT_": "/b", "a": 1, "error": 0, "reason": "all right" });
    assert_eq!((seed.status.as_u16(), body(&seed)), (308, expected));
    let number = said_by_a_seed(&json!({ "_REDIRECT_": 5, "a": 1 })).await;
    assert_eq!(
        (number.status.as_u16(), number.header("location")),
        (200, None),
        "no text never led anywhere"
    );
}

#[test]
fn an_origin_to_lead_to_that_is_none_is_told_at_load() {
    for wrong in [r#"["app.example"]"#, r#"["https://app.example/path"]"#, "[1]", "{}"] {
        let place = project("ketch.json", &format!(r#"{{ "redirects": {wrong} }}"#), &json!({}));
        let problems = place.problems();
        assert_eq!(problems.len(), 1, "{wrong}: {problems:?}");
        assert!(problems[0].to_string().starts_with("ketch.json:1:"), "{}", problems[0]);
    }
}

#[tokio::test]
async fn a_controller_that_fails_says_nothing_of_the_cause() {
    for (words, status) in [("\"panic\"", 500), ("\"fail\"", 500)] {
        let place = Place::new(&[("api.json", API), ("controller/say.said", words)]);
        let answer = place.client().get("/say").await;
        assert_eq!(answer.status, status);
        assert!(
            !answer.text().contains("fell over") && !answer.text().contains("secret"),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn head_is_answered_by_what_answers_get() {
    let place =
        Place::new(&[("api.json", API), ("controller/say.said", r#"{ "_HEADERS_": { "x-a": 1 }, "b": 2 }"#)]);
    let answer = place.client().send(Method::HEAD, "/say", &[], axum::body::Body::empty()).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-a"), answer.body.len()), (200, Some("1"), 0));
    assert_eq!(answer.header("content-length"), Some("7"));
}
