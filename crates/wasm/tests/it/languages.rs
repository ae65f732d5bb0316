//! Guests in other languages. `cargo xtask test` builds those in JavaScript from `tests/guests`, `cargo xtask soak` one in
//! Python, and says where they are.

use std::path::PathBuf;

use axum::body::Body;
use http::Method;
use serde_json::Value;

use crate::place::Place;

/// A guest that was built.
#[expect(clippy::disallowed_methods, reason = "the test command says where its guests are")]
fn guest(name: &str) -> Vec<u8> {
    let folder = std::env::var_os("KETCH_TEST_GUESTS").expect("`cargo xtask test` sets KETCH_TEST_GUESTS");
    let path = PathBuf::from(folder).join(format!("{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[tokio::test]
#[ignore = "its guests are built by `cargo xtask test`"]
async fn a_controller_a_middleware_and_a_type_checker_in_javascript() {
    for reuse in ["", r#""reuse": 100"#] {
        let place = Place::new(reuse, &[("add", guest("controller"))]);
        place.write("middleware/1-who.wasm", &guest("middleware"));
        place.write("type/numbers.wasm", &guest("type-checker"));
        let api = r#"{"/": {"add": {"GET": {"info": "-", "in": {"GET@a": {"info": "-", "type": "even", "name": "a"}}, "out": {"sum": {"info": "-", "type": "int"}}}}}}"#;
        place.write("api.json", api.as_bytes());
        let client = place.client();
        let ask = async |path: &str, token: &str| {
            let headers = [("authorization", token)];
            client.send(Method::GET, path, &headers, Body::empty()).await
        };
        for _ in 0..20 {
            assert_eq!(ask("/add?a=4", "Bearer eve").await.status, 401);
            let answer = ask("/add?a=4", "Bearer ada").await;
            assert_eq!(answer.status, 201, "{}", answer.text());
            assert_eq!(
                (answer.json::<Value>()["sum"].clone(), answer.header("x-seen")),
                (8.into(), Some("yes"))
            );
            assert_eq!(ask("/add?a=5", "Bearer ada").await.status, 422);
            let missing = ask("/add?a=404", "Bearer ada").await;
            assert_eq!(
                (missing.status.as_u16(), missing.json::<Value>()["code"].clone()),
                (404, "no_such_number".into())
            );
        }
    }
}

#[tokio::test]
#[ignore = "its guest is built by `cargo xtask soak`"]
async fn a_controller_in_python() {
    for reuse in [r#""memory": "128mb""#, r#""memory": "128mb", "reuse": 100"#] {
        let client = Place::new(reuse, &[("add", guest("python"))]).client();
        for _ in 0..20 {
            let answer = client.get("/add?a=4").await;
            assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, r#"{"sum": 8}"#));
        }
    }
}
