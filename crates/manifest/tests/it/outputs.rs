//! Outputs: under the names that clients know, and checked while the program is being written.

use ketch_manifest::{Call, Native};
use ketch_web::Mode;
use serde_json::{Map, Value, json};

use crate::place::Place;

/// An endpoint with outputs, whose function answers what it is sent.
fn place() -> Place {
    let api = r#"{ "/": { "x": { "POST": { "info": "x",
        "in": { "fields": { "info": "what to answer", "type": "<:>" } },
        "out": {
            "userName": { "info": "n", "type": "varchar(1,3)", "name": "name" },
            "tags": { "info": "t", "type": "?[string]" }
        },
        "run": "native:fields" } } } }"#;
    Place::new(&[("api.json", api)])
}

fn fields() -> Native {
    let mut native = Native::default();
    native.add("fields", |call: Call| async move {
        let Some(Value::Object(fields)) = call.args.get("fields").cloned() else { return Ok(Map::new()) };
        Ok(fields)
    });
    native
}

async fn answer(mode: Mode, fields_: Value) -> (u16, Value) {
    let client = place().client_in(mode, &fields());
    let answer = client.post("/x", &json!({ "fields": fields_ })).await;
    let body = if answer.text().is_empty() { Value::Null } else { answer.json() };
    (answer.status.as_u16(), body)
}

#[tokio::test]
async fn outputs_have_the_names_that_clients_know() {
    for mode in [Mode::Development, Mode::Production] {
        let given = json!({ "name": "Ada", "tags": ["a"], "_STATUS_": 201 });
        assert_eq!(answer(mode, given).await, (201, json!({ "userName": "Ada", "tags": ["a"] })));
        assert_eq!(answer(mode, json!({ "name": "Ada" })).await, (200, json!({ "userName": "Ada" })));
        assert_eq!(answer(mode, json!({ "name": "Ada", "tags": null })).await.0, 200);
    }
}

#[tokio::test]
async fn in_development_an_output_that_is_not_declared_so_is_an_error() {
    for wrong in [
        json!({}),
        json!({ "name": "secret" }),
        json!({ "name": 5 }),
        json!({ "name": "Ada", "tags": ["a", 1] }),
        json!({ "name": "Ada", "more": 1 }),
        json!({ "name": null }),
    ] {
        let (status, body) = answer(Mode::Development, wrong.clone()).await;
        assert_eq!((status, &body["code"]), (500, &json!("bad_output")), "{wrong}");
        assert!(!body.to_string().contains("secret"), "{body}");
        assert_eq!(answer(Mode::Production, wrong.clone()).await.0, 200, "{wrong}");
    }
}

#[tokio::test]
async fn what_is_not_the_good_reply_is_not_checked() {
    let (status, _) = answer(Mode::Development, json!({ "_STATUS_": 404, "message": "none" })).await;
    assert_eq!(status, 404);
    let (status, _) = answer(Mode::Development, json!({ "_STATUS_": 204 })).await;
    assert_eq!(status, 204);
}
