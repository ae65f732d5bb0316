//! What is told when a project is loaded.

use crate::guests::{controller, controller_of, echo};
use crate::place::Place;
use crate::reuse::{calls, counter};

#[test]
fn what_is_no_component_of_ours_is_told_with_its_file() {
    let door = r#"(import "other:place/door@1.0.0" "open" (func $open))"#;
    let database = r#"(import "ketch:api/database@0.1.0" "query" (func $query (param i32 i32 i32)))"#;
    let cases = [
        (b"hello".to_vec(), "is no component"),
        (wat::parse_str("(module)").expect("a module"), "is a core module"),
        (wat::parse_str("(component)").expect("a component"), "does not export `call`"),
        (controller_of("test:guests/stranger", door, "(call $open) unreachable"), "imports `other:place/door@1.0.0`, which there is not here"),
        (
            controller_of("ketch:api/controller-with-database@0.1.0", database, "(call $query (i32.const 0) (i32.const 0) (i32.const 0)) unreachable"),
            "imports `ketch:api/database@0.1.0`, which is not granted",
        ),
        (
            wat::parse_str(r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m)) (func (export "call") (canon lift (core func $i "f"))))"#).expect("a component"),
            "exports a `call` that is not `call: func(request: string) -> result<string, string>`",
        ),
    ];
    for (bytes, wanted) in cases {
        let problems = Place::new("", &[("bad", bytes)]).problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[0].contains(wanted) && problems[0].contains("controller/bad.wasm"),
            "{}",
            problems[0]
        );
    }
}

#[test]
fn options_that_cannot_be_read_are_told_with_their_place() {
    for (wasm, wanted) in [
        (r#""memroy": "1mb""#, "did you mean `memory`"),
        (r#""memory": "1kb""#, "`memory` must be from"),
        (r#""memory": 64"#, "`memory` is a number, and must be text"),
        (r#""timeout": "soon""#, "`timeout` is `soon`"),
        (r#""hosts": ["api.example.org"]"#, "is no host and port"),
        (r#""hosts": "api.example.org:443""#, "must be a list"),
        (r#""folders": {"missing": "ro"}"#, "the folder `missing` cannot be opened"),
        (r#""folders": {"..": "ro"}"#, "not in the project"),
        (r#""folders": {"/": "ro"}"#, "not in the project"),
        (r#""folders": {"controller": "rwx"}"#, "read only"),
        (r#""folders": {".": "rw"}"#, "read only"),
        (r#""env": {"A": 1}"#, "`env` has a number for `A`"),
    ] {
        let problems = Place::new(wasm, &[("echo", echo())]).problems();
        assert_eq!(problems.len(), 1, "{wasm}: {problems:?}");
        assert!(problems[0].contains(wanted), "{wasm}: {}", problems[0]);
        assert!(problems[0].starts_with("ketch.json:1:"), "{}", problems[0]);
    }
}

#[tokio::test]
async fn a_component_that_has_not_changed_survives_a_reload_and_one_that_has_is_replaced() {
    let place = Place::new(r#""reuse": 100"#, &[("count", counter())]);
    let first = place.client();
    assert_eq!(calls(&first).await, 1);
    let again = place.client();
    assert_eq!(calls(&again).await, 2, "its instance is the one that was kept");
    place.write("controller/count.wasm", &controller("unreachable"));
    let changed = place.client();
    assert_eq!(changed.get("/count").await.status, 500);
    assert_eq!(calls(&first).await, 3, "what serves is not touched");
}
