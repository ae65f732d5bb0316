//! What the example answers, and its goldens. `UPDATE_EXPECT=1 cargo test -p harbour` writes the goldens anew.

mod databases;
mod jobs;
mod processes;

use ketch::test::{Client, Scenario, check, expect_file};

const BOAT_2: &str = r#"{ "boat": 2 }"#;
const MASTER: &[(&str, &str)] = &[("authorization", "Bearer harbour-master")];

const BOATS: &[Scenario] = &[
    Scenario {
        name: "three boats",
        request: "GET /v1/boats",
        contains: &["Suhaili", "Gipsy Moth IV", "Spray"],
        reply_headers: &[
            ("content-type", "application/json"),
            ("deprecation", "@1793491200"),
            ("sunset", "Mon, 01 Nov 2027 00:00:00 GMT"),
        ],
        ..Scenario::BLANK
    },
    Scenario {
        name: "a page of one",
        request: "GET /v2/boats?limit=1&after=1",
        contains: &["Gipsy Moth IV", "\"next\":2"],
        lacks: &["Suhaili", "Spray"],
        ..Scenario::BLANK
    },
    Scenario {
        name: "the last page",
        request: "GET /v2/boats?after=2",
        contains: &["Spray", "\"next\":null"],
        reply_headers: &[("cache-status", "ketch; fwd=miss; stored")],
        ..Scenario::BLANK
    },
    Scenario {
        name: "is kept",
        request: "GET /v2/boats?after=2",
        contains: &["Spray", "\"next\":null"],
        reply_headers: &[("cache-status", "ketch; hit")],
        ..Scenario::BLANK
    },
    Scenario {
        name: "of one kind",
        request: "GET /v2/boats?kind=yawl&kind=sloop",
        contains: &["Spray"],
        lacks: &["Suhaili"],
        ..Scenario::BLANK
    },
    Scenario {
        name: "of two kinds, a page at a time",
        request: "GET /v2/boats?kind=yawl&kind=ketch&kind=yawl&limit=2",
        contains: &["Suhaili", "Gipsy Moth IV", "\"next\":2"],
        lacks: &["Spray"],
        ..Scenario::BLANK
    },
    Scenario {
        name: "of two kinds, the last page",
        request: "GET /v2/boats?kind=yawl&kind=ketch&limit=2&after=2",
        contains: &["Spray", "\"next\":null"],
        ..Scenario::BLANK
    },
    Scenario {
        name: "one boat",
        request: "GET /v1/boats/2",
        contains: &["Gipsy Moth IV"],
        ..Scenario::BLANK
    },
    Scenario {
        name: "no boat",
        request: "GET /v1/boats/99",
        status: 404,
        contains: &["no_such_boat", "no boat has the number 99"],
        reply_headers: &[("content-type", "application/problem+json")],
        ..Scenario::BLANK
    },
    Scenario {
        name: "two bad arguments at once",
        request: "GET /v2/boats?limit=many&after=-1",
        status: 400,
        contains: &["`after` is not", "`limit` is not"],
        ..Scenario::BLANK
    },
    Scenario {
        name: "a page too long, of no kind",
        request: "GET /v2/boats?limit=101&kind=raft",
        status: 400,
        contains: &["`limit`", "`kind`"],
        ..Scenario::BLANK
    },
    Scenario {
        name: "a page too long",
        request: "GET /v2/boats?limit=101",
        status: 422,
        contains: &["rules_broken", "`limit`", "at most 100"],
        ..Scenario::BLANK
    },
    Scenario {
        name: "an argument twice",
        request: "GET /v2/boats?limit=1&limit=2",
        status: 400,
        contains: &["repeated", "given more than once"],
        ..Scenario::BLANK
    },
    Scenario {
        name: "a new boat",
        request: "POST /v1/boats",
        body: r#"{ "name": "Joshua", "kind": "ketch", "length": 12 }"#,
        status: 201,
        contains: &["\"id\":4", "Joshua"],
        ..Scenario::BLANK
    },
    Scenario {
        name: "a name twice",
        request: "POST /v1/boats",
        body: r#"{ "name": "Joshua", "kind": "yawl", "length": 9 }"#,
        status: 409,
        contains: &["name_taken"],
        ..Scenario::BLANK
    },
    Scenario {
        name: "is in the list",
        request: "GET /v2/boats?after=2",
        contains: &["Spray", "Joshua"],
        ..Scenario::BLANK
    },
    Scenario {
        name: "a boat of no kind",
        request: "POST /v1/boats",
        body: r#"{ "name": "Kon-Tiki", "kind": "raft", "length": 13.7 }"#,
        status: 400,
        contains: &["#/kind", "expected one of"],
        ..Scenario::BLANK
    },
    Scenario {
        name: "a boat too long, and without a name",
        request: "POST /v1/boats",
        body: r##"{ "name": "", "kind": "motor", "length": 269 }"##,
        status: 422,
        contains: &["rules_broken", "#/name", "#/length"],
        ..Scenario::BLANK
    },
    Scenario {
        name: "a stranger strikes off",
        request: "DELETE /v1/boats/4",
        status: 401,
        ..Scenario::BLANK
    },
    Scenario {
        name: "the master does",
        request: "DELETE /v1/boats/4",
        headers: MASTER,
        status: 204,
        ..Scenario::BLANK
    },
    Scenario {
        name: "only once",
        request: "DELETE /v1/boats/4",
        headers: MASTER,
        status: 404,
        ..Scenario::BLANK
    },
];

async fn boats_are_listed_shown_registered_and_struck_off(client: Client) {
    check(&client, BOATS).await;
}

const STAYS: &[Scenario] = &[
    Scenario { name: "arrives", request: "PUT /v2/berths/7/stay", body: BOAT_2, ..Scenario::BLANK },
    Scenario {
        name: "is there",
        request: "GET /v2/berths",
        contains: &[r#"{"berth":7,"boat":2}"#],
        ..Scenario::BLANK
    },
    Scenario { name: "says it again", request: "PUT /v2/berths/7/stay", body: BOAT_2, ..Scenario::BLANK },
    Scenario {
        name: "is not at two berths",
        request: "PUT /v2/berths/8/stay",
        body: BOAT_2,
        status: 409,
        contains: &["boat 2 lies at berth 7"],
        ..Scenario::BLANK
    },
    Scenario {
        name: "two boats at one berth",
        request: "PUT /v2/berths/7/stay",
        body: r#"{ "boat": 1 }"#,
        status: 409,
        contains: &["berth_taken"],
        ..Scenario::BLANK
    },
    Scenario {
        name: "no such boat",
        request: "PUT /v2/berths/9/stay",
        body: r#"{ "boat": 77 }"#,
        status: 422,
        contains: &["no_such_boat"],
        ..Scenario::BLANK
    },
    Scenario {
        name: "no such berth",
        request: "PUT /v2/berths/41/stay",
        body: BOAT_2,
        status: 404,
        ..Scenario::BLANK
    },
    Scenario {
        name: "cannot be struck off meanwhile",
        request: "DELETE /v1/boats/2",
        headers: MASTER,
        status: 409,
        contains: &["boat_in_harbour"],
        ..Scenario::BLANK
    },
    Scenario { name: "leaves", request: "DELETE /v2/berths/7/stay", status: 204, ..Scenario::BLANK },
    Scenario { name: "has left", request: "DELETE /v2/berths/7/stay", status: 404, ..Scenario::BLANK },
];

async fn boats_arrive_and_leave(client: Client) {
    check(&client, STAYS).await;
}

async fn the_tides_are_in_a_file(client: Client) {
    let tides: Vec<harbour::stays::Tide> = client.get("/v2/tides").await.json();
    assert_eq!(tides.len(), 4, "what the file says is what the type promises");
}

const EVERY_SERVER: &[Scenario] = &[
    Scenario { name: "alive", request: "GET /health/live", contains: &["live"], ..Scenario::BLANK },
    Scenario { name: "not serving yet", request: "GET /health/ready", status: 503, ..Scenario::BLANK },
    Scenario {
        name: "the docs page",
        request: "GET /docs",
        contains: &["<!doctype html>"],
        lacks: &["https://cdn", "//unpkg"],
        ..Scenario::BLANK
    },
    Scenario { name: "one version", request: "GET /openapi/v2.json", lacks: &["/v1/"], ..Scenario::BLANK },
    Scenario { name: "no such version", request: "GET /openapi/v9.json", status: 404, ..Scenario::BLANK },
    Scenario {
        name: "a slash too many",
        request: "GET /v2/boats/?limit=1",
        status: 308,
        reply_headers: &[("location", "/v2/boats?limit=1")],
        ..Scenario::BLANK
    },
    Scenario { name: "no open redirect", request: "GET //evil.example/", status: 404, ..Scenario::BLANK },
    Scenario {
        name: "the wrong method",
        request: "PATCH /v1/boats",
        status: 405,
        contains: &["method_not_allowed"],
        reply_headers: &[("allow", "GET, POST, HEAD, OPTIONS")],
        ..Scenario::BLANK
    },
    Scenario {
        name: "which methods",
        request: "OPTIONS /v1/boats",
        status: 204,
        reply_headers: &[("allow", "GET, POST, HEAD, OPTIONS")],
        ..Scenario::BLANK
    },
    Scenario {
        name: "the head alone",
        request: "HEAD /v1/boats/2",
        reply_headers: &[("content-length", "60")],
        ..Scenario::BLANK
    },
];

async fn what_every_server_has(client: Client) {
    check(&client, EVERY_SERVER).await;
    let head = client.send(ketch::http::Method::HEAD, "/v1/boats", &[], Default::default()).await;
    assert!(head.body.is_empty());
}

#[test]
fn the_route_table_is_as_it_was() {
    let built = harbour::server().build().unwrap();
    expect_file!["../golden/routes.txt"].assert_eq(&ketch::routes(built.api()));
    // The lines of the source change with every edit; who said what does not.
    let explained: Vec<String> = ketch::explain(built.api())
        .lines()
        .map(|line| {
            line.split("  ")
                .filter(|part| !part.contains(".rs:"))
                .collect::<Vec<_>>()
                .join("  ")
                .trim_end()
                .to_owned()
        })
        .collect();
    expect_file!["../golden/explain.txt"].assert_eq(&format!("{}\n", explained.join("\n").trim_end()));
}

async fn the_openapi_document_is_as_it_was(client: Client) {
    expect_file!["../golden/openapi.json"].assert_eq(&client.get("/openapi.json").await.text());
    expect_file!["../golden/openapi-v2.json"].assert_eq(&client.get("/openapi/v2.json").await.text());
}

/// The document says what errors look like; they must look like that.
async fn errors_have_the_members_that_the_document_promises(client: Client) {
    let document: serde_json::Value = client.get("/openapi.json").await.json();
    let schema = &document["components"]["schemas"]["Problem"];
    for path in ["/nowhere", "/v2/boats?limit=x"] {
        let error: serde_json::Value = client.get(path).await.json();
        for name in schema["required"].as_array().expect("a list") {
            assert!(error.get(name.as_str().expect("a name")).is_some(), "{path} lacks {name}: {error}");
        }
        for name in error.as_object().expect("an object").keys() {
            assert!(
                schema["properties"].get(name).is_some(),
                "{path} has {name}, which the document does not know"
            );
        }
    }
}
