//! What breaks a client and what does not: pairs of documents, and documents that are none.

use ketch_openapi::compare;
use proptest::prelude::*;
use serde_json::{Value, json};

/// What of a document a pair changes.
#[derive(Clone, Copy)]
enum Part {
    /// The schema of the JSON body that `POST /boats` reads.
    Body,
    /// The schema of the JSON body that it answers.
    Reply,
    /// The schema of its query parameter `flag`.
    Query,
    /// Its parameters.
    Parameters,
    /// Members of the operation.
    Operation,
    /// The paths.
    Paths,
}
use Part::{Body, Operation, Parameters, Paths, Query, Reply};

fn document(part: Part, value: &str) -> Value {
    let value: Value = serde_json::from_str(value).unwrap_or_else(|error| panic!("{value}: {error}"));
    let json_body = |schema: Value| json!({ "application/json": { "schema": schema } });
    let mut operation = json!({
        "responses": { "200": { "description": "The boat.", "content": json_body(json!(true)) } },
    });
    match part {
        Body => operation["requestBody"] = json!({ "required": true, "content": json_body(value.clone()) }),
        Reply => operation["responses"]["200"]["content"] = json_body(value.clone()),
        Query => operation["parameters"] = json!([{ "name": "flag", "in": "query", "schema": value }]),
        Parameters => operation["parameters"] = value.clone(),
        Operation => {
            for (key, member) in value.as_object().unwrap() {
                operation[key] = member.clone();
            }
        }
        Paths => {}
    }
    let paths = if matches!(part, Paths) { value } else { json!({ "/boats": { "post": operation } }) };
    let boat =
        json!({ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] });
    let tree = json!({ "type": "object", "properties": { "next": { "$ref": "#/components/schemas/Tree" } } });
    json!({ "openapi": "3.1.0", "paths": paths, "components": { "schemas": { "Boat": boat, "Tree": tree } } })
}

/// What is changed, before and after, and every difference that must be told: `!` breaks, `-` is a note.
type Case = (&'static str, Part, &'static str, &'static str, &'static [&'static str]);

const STRING: &str = r#"{ "type": "string" }"#;
const OPTIONAL_NAME: &str = r#"{ "type": "object", "properties": { "name": { "type": "string" } } }"#;
const NAME: &str =
    r#"{ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] }"#;
const NAME_AND_AGE: &str = r#"{ "type": "object", "properties": { "name": { "type": "string" }, "age": { "type": "integer" } }, "required": ["name"] }"#;
const BOTH_NEEDED: &str = r#"{ "type": "object", "properties": { "name": { "type": "string" }, "age": { "type": "integer" } }, "required": ["name", "age"] }"#;
const CLOSED: &str = r#"{ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"], "additionalProperties": false }"#;
const RIGS: &str = r#"{ "type": "string", "enum": ["sloop", "ketch"] }"#;
const MORE_RIGS: &str = r#"{ "type": "string", "enum": ["sloop", "ketch", "yawl"] }"#;
const TOLD_RIGS: &str = r#"{ "oneOf": [{ "type": "string", "const": "sloop", "description": "One mast." }, { "type": "string", "const": "ketch" }] }"#;
const BOAT: &str = r##"{ "$ref": "#/components/schemas/Boat" }"##;
const BOAT_OR_NULL: &str = r##"{ "anyOf": [{ "$ref": "#/components/schemas/Boat" }, { "type": "null" }] }"##;
const TREE: &str = r##"{ "$ref": "#/components/schemas/Tree" }"##;
const CAT: &str = r#"{ "oneOf": [{ "type": "object", "properties": { "kind": { "const": "cat" } }, "required": ["kind"] }] }"#;
const CAT_OR_DOG: &str = r#"{ "oneOf": [{ "type": "object", "properties": { "kind": { "const": "cat" } }, "required": ["kind"] },
    { "type": "object", "properties": { "kind": { "const": "dog" } }, "required": ["kind"] }] }"#;
const DOG_OR_COW: &str = r#"{ "oneOf": [{ "type": "object", "properties": { "kind": { "const": "cow" } }, "required": ["kind"] },
    { "type": "object", "properties": { "kind": { "const": "dog" } }, "required": ["kind"] }] }"#;

const CASES: &[Case] = &[
    // Endpoints.
    ("path gone", Paths, r#"{ "/a": { "get": {} } }"#, "{}", &["! GET /a: is gone"]),
    ("path new", Paths, "{}", r#"{ "/a": { "get": {} } }"#, &["- GET /a: is new"]),
    (
        "method gone",
        Paths,
        r#"{ "/a": { "get": {}, "put": {} } }"#,
        r#"{ "/a": { "get": {} } }"#,
        &["! PUT /a: is gone"],
    ),
    (
        "path parameter renamed",
        Paths,
        r#"{ "/a/{id}": { "get": { "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }] } } }"#,
        r#"{ "/a/{boat}": { "get": { "parameters": [{ "name": "boat", "in": "path", "required": true, "schema": { "type": "string" } }] } } }"#,
        &["- GET /a/{id}: path `id` is called `boat` now"],
    ),
    (
        "path parameter narrowed",
        Paths,
        r#"{ "/a/{id}": { "get": { "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }] } } }"#,
        r#"{ "/a/{id}": { "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "integer" } }], "get": {} } }"#,
        &["! GET /a/{id}: path `id`: the type was string and is integer now"],
    ),
    ("deprecated", Operation, "{}", r#"{ "deprecated": true }"#, &["- is deprecated now"]),
    ("summary", Operation, r#"{ "summary": "a" }"#, r#"{ "summary": "b", "tags": ["x"] }"#, &[]),
    // Parameters.
    (
        "optional parameter new",
        Parameters,
        "[]",
        r#"[{ "name": "a", "in": "query" }]"#,
        &["- query `a` is new"],
    ),
    (
        "required parameter new",
        Parameters,
        "[]",
        r#"[{ "name": "a", "in": "header", "required": true }]"#,
        &["! header `a` is new and required"],
    ),
    (
        "parameter gone",
        Parameters,
        r#"[{ "name": "a", "in": "query", "required": true }]"#,
        "[]",
        &["- query `a` is not read any more"],
    ),
    (
        "optional to required",
        Parameters,
        r#"[{ "name": "a", "in": "cookie" }]"#,
        r#"[{ "name": "a", "in": "cookie", "required": true }]"#,
        &["! cookie `a` is required now"],
    ),
    (
        "required to optional",
        Parameters,
        r#"[{ "name": "a", "in": "query", "required": true }]"#,
        r#"[{ "name": "a", "in": "query" }]"#,
        &["- query `a` is optional now"],
    ),
    (
        "from query to header",
        Parameters,
        r#"[{ "name": "a", "in": "query" }]"#,
        r#"[{ "name": "a", "in": "header" }]"#,
        &["- query `a` is not read any more", "- header `a` is new"],
    ),
    (
        "headers have no case",
        Parameters,
        r#"[{ "name": "X-A", "in": "header" }]"#,
        r#"[{ "name": "x-a", "in": "header" }]"#,
        &[],
    ),
    // What is sent: values.
    ("enum value gone", Query, MORE_RIGS, RIGS, &["! query `flag`: the value \"yawl\" is gone"]),
    ("enum value new", Query, RIGS, MORE_RIGS, &["- query `flag`: the value \"yawl\" is new"]),
    ("enum told otherwise", Query, RIGS, TOLD_RIGS, &[]),
    ("text becomes an enum", Query, STRING, RIGS, &["! query `flag`: only listed values fit now"]),
    (
        "type changed",
        Query,
        STRING,
        r#"{ "type": "boolean" }"#,
        &["! query `flag`: the type was string and is boolean now"],
    ),
    (
        "integer to number",
        Query,
        r#"{ "type": "integer" }"#,
        r#"{ "type": "number" }"#,
        &["- query `flag`: the type was integer and is integer or number now"],
    ),
    (
        "number to integer",
        Query,
        r#"{ "type": "number" }"#,
        r#"{ "type": "integer" }"#,
        &["! query `flag`: the type was integer or number and is integer now"],
    ),
    (
        "anything to text",
        Query,
        "true",
        STRING,
        &["! query `flag`: must not be null any more", "! query `flag`: has a type now, where anything went"],
    ),
    (
        "maximum tightened",
        Query,
        r#"{ "type": "integer", "maximum": 10 }"#,
        r#"{ "type": "integer", "maximum": 5 }"#,
        &["! query `flag`: `maximum` was 10 and is 5 now"],
    ),
    (
        "maximum loosened",
        Query,
        r#"{ "type": "integer", "maximum": 5 }"#,
        r#"{ "type": "integer", "maximum": 10 }"#,
        &["- query `flag`: `maximum` was 5 and is 10 now"],
    ),
    (
        "minimum new",
        Query,
        r#"{ "type": "integer" }"#,
        r#"{ "type": "integer", "minimum": 1 }"#,
        &["! query `flag`: `minimum` is 1 now"],
    ),
    (
        "minimum gone",
        Query,
        r#"{ "type": "integer", "minimum": 1 }"#,
        r#"{ "type": "integer" }"#,
        &["- query `flag`: `minimum` was 1 and is gone"],
    ),
    ("at least nothing", Query, STRING, r#"{ "type": "string", "minLength": 0 }"#, &[]),
    (
        "length tightened",
        Query,
        STRING,
        r#"{ "type": "string", "maxLength": 8 }"#,
        &["! query `flag`: `maxLength` is 8 now"],
    ),
    (
        "pattern new",
        Query,
        STRING,
        r#"{ "type": "string", "pattern": "^a" }"#,
        &["! query `flag`: `pattern` is \"^a\" now"],
    ),
    (
        "pattern gone",
        Query,
        r#"{ "type": "string", "pattern": "^a" }"#,
        STRING,
        &["- query `flag`: `pattern` is gone"],
    ),
    (
        "integer narrower",
        Query,
        r#"{ "type": "integer", "format": "uint32", "maximum": 4294967295 }"#,
        r#"{ "type": "integer", "format": "uint8", "maximum": 255 }"#,
        &["! query `flag`: the format was uint32 and is uint8 now"],
    ),
    (
        "items narrower",
        Query,
        r#"{ "type": "array", "items": { "type": "string" } }"#,
        r#"{ "type": "array", "items": { "type": "integer" } }"#,
        &["! query `flag` `/*`: the type was string and is integer now"],
    ),
    (
        "default changed",
        Query,
        r#"{ "type": "integer", "default": 1 }"#,
        r#"{ "type": "integer", "default": 2 }"#,
        &["- query `flag`: `default` has changed"],
    ),
    // What is sent: members.
    ("required member new", Body, NAME, BOTH_NEEDED, &["! body `/age`: is new and required"]),
    ("optional member new", Body, NAME, NAME_AND_AGE, &["- body `/age`: is new"]),
    ("member required now", Body, OPTIONAL_NAME, NAME, &["! body `/name`: is required now"]),
    ("member optional now", Body, NAME, OPTIONAL_NAME, &["- body `/name`: is optional now"]),
    ("member gone", Body, NAME_AND_AGE, NAME, &["- body `/age`: is not read any more"]),
    (
        "member gone and refused",
        Body,
        NAME_AND_AGE,
        CLOSED,
        &["! body `/age`: is refused now", "! body: members that are not listed are refused now"],
    ),
    ("closed", Body, NAME, CLOSED, &["! body: members that are not listed are refused now"]),
    ("opened", Body, CLOSED, NAME, &["- body: members that are not listed are allowed now"]),
    ("null refused", Body, BOAT_OR_NULL, BOAT, &["! body: must not be null any more"]),
    ("null taken", Body, BOAT, BOAT_OR_NULL, &["- body: may be null now"]),
    ("a form is gone", Body, CAT_OR_DOG, CAT, &["! body: the form `kind` = \"dog\" is gone"]),
    ("a form is new", Body, CAT, CAT_OR_DOG, &["- body: the form `kind` = \"dog\" is new"]),
    ("inlined", Body, BOAT, NAME, &[]),
    // Bodies.
    ("body new", Operation, "{}", r#"{ "requestBody": { "content": {} } }"#, &["- the body is new"]),
    (
        "required body new",
        Operation,
        "{}",
        r#"{ "requestBody": { "required": true, "content": {} } }"#,
        &["! the body is new and required"],
    ),
    (
        "body required now",
        Operation,
        r#"{ "requestBody": { "content": {} } }"#,
        r#"{ "requestBody": { "required": true, "content": {} } }"#,
        &["! the body is required now"],
    ),
    (
        "body media type gone",
        Operation,
        r#"{ "requestBody": { "content": { "text/plain": {}, "text/html": {} } } }"#,
        r#"{ "requestBody": { "content": { "text/html": {} } } }"#,
        &["! body: the media type `text/plain` is gone"],
    ),
    // Replies.
    ("reply member gone", Reply, NAME_AND_AGE, NAME, &["! reply 200 `/age`: is gone"]),
    ("reply member new", Reply, NAME, NAME_AND_AGE, &["- reply 200 `/age`: is new"]),
    ("reply member optional now", Reply, NAME, OPTIONAL_NAME, &["! reply 200 `/name`: is optional now"]),
    ("reply member always there now", Reply, OPTIONAL_NAME, NAME, &["- reply 200 `/name`: is required now"]),
    (
        "reply type changed",
        Reply,
        STRING,
        r#"{ "type": "integer" }"#,
        &["! reply 200: the type was string and is integer now"],
    ),
    ("reply null introduced", Reply, BOAT, BOAT_OR_NULL, &["! reply 200: may be null now"]),
    (
        "reply null introduced by type",
        Reply,
        STRING,
        r#"{ "type": ["string", "null"] }"#,
        &["! reply 200: may be null now"],
    ),
    ("reply null gone", Reply, BOAT_OR_NULL, BOAT, &["- reply 200: must not be null any more"]),
    ("reply enum value new", Reply, RIGS, MORE_RIGS, &["! reply 200: the value \"yawl\" is new"]),
    ("reply enum value gone", Reply, MORE_RIGS, RIGS, &["- reply 200: the value \"yawl\" is gone"]),
    (
        "reply range",
        Reply,
        r#"{ "type": "integer", "maximum": 5 }"#,
        r#"{ "type": "integer", "maximum": 10 }"#,
        &["- reply 200: `maximum` was 5 and is 10 now"],
    ),
    (
        "reply integer wider",
        Reply,
        r#"{ "type": "integer", "format": "int32" }"#,
        r#"{ "type": "integer", "format": "int64" }"#,
        &["! reply 200: the format was int32 and is int64 now"],
    ),
    (
        "reply map",
        Reply,
        r#"{ "type": "object", "additionalProperties": { "type": "string" } }"#,
        r#"{ "type": "object", "additionalProperties": { "type": "integer" } }"#,
        &["! reply 200 `/*`: the type was string and is integer now"],
    ),
    (
        "reply forms",
        Reply,
        CAT_OR_DOG,
        DOG_OR_COW,
        &["! reply 200: the form `kind` = \"cow\" is new", "- reply 200: the form `kind` = \"cat\" is gone"],
    ),
    ("reply recursive", Reply, TREE, TREE, &[]),
    (
        "reply recursion unrolled",
        Reply,
        TREE,
        r##"{ "type": "object", "properties": { "next": { "$ref": "#/components/schemas/Tree" }, "leaf": true } }"##,
        &["- reply 200 `/leaf`: is new"],
    ),
    (
        "status gone",
        Operation,
        r#"{ "responses": { "201": {}, "204": {} } }"#,
        r#"{ "responses": { "204": {} } }"#,
        &["! the status 201 is gone"],
    ),
    (
        "error gone",
        Operation,
        r#"{ "responses": { "200": {}, "404": {} } }"#,
        r#"{ "responses": { "200": {} } }"#,
        &["- the status 404 is gone"],
    ),
    (
        "error code gone",
        Operation,
        r#"{ "responses": { "404": { "x-ketch-errors": [{ "code": "a" }, { "code": "b" }] } } }"#,
        r#"{ "responses": { "404": { "x-ketch-errors": [{ "code": "b" }, { "code": "c" }] } } }"#,
        &["- the error 404 `a` is gone", "- the error 404 `c` is new"],
    ),
    (
        "reply media type gone",
        Operation,
        r#"{ "responses": { "200": { "content": { "text/plain": {} } } } }"#,
        r#"{ "responses": { "200": {} } }"#,
        &["! reply 200: the media type `text/plain` is gone"],
    ),
    (
        "reply header gone",
        Operation,
        r#"{ "responses": { "200": { "headers": { "ETag": {} } } } }"#,
        r#"{ "responses": { "200": {} } }"#,
        &["- reply 200: the header `ETag` is gone"],
    ),
    // Callers.
    (
        "locked",
        Operation,
        "{}",
        r#"{ "security": [{ "bearer": [] }] }"#,
        &["! a caller needed nothing and needs `bearer` now"],
    ),
    (
        "unlocked",
        Operation,
        r#"{ "security": [{ "bearer": ["admin"] }] }"#,
        "{}",
        &["- a caller needed `admin` and `bearer` and needs nothing now"],
    ),
    (
        "one scope more",
        Operation,
        r#"{ "security": [{ "bearer": ["a"] }] }"#,
        r#"{ "security": [{ "bearer": ["a", "b"] }] }"#,
        &["! a caller needed `a` and `bearer` and needs `a` and `b` and `bearer` now"],
    ),
    (
        "one way more",
        Operation,
        r#"{ "security": [{ "bearer": ["a"] }] }"#,
        r#"{ "security": [{ "bearer": ["a"] }, { "bearer": ["b"] }] }"#,
        &["- a caller needed `a` and `bearer` and needs `a` and `bearer`, or `b` and `bearer` now"],
    ),
    (
        "one way less",
        Operation,
        r#"{ "security": [{ "bearer": ["a"] }, { "bearer": ["b"] }] }"#,
        r#"{ "security": [{ "bearer": ["a"] }] }"#,
        &["! a caller needed `a` and `bearer`, or `b` and `bearer` and needs `a` and `bearer` now"],
    ),
];

#[test]
fn what_breaks_a_client_and_what_does_not() {
    let mut failures = Vec::new();
    for (name, part, before, after, expected) in CASES {
        let changes = compare(&document(*part, before), &document(*part, after));
        let told: Vec<String> = changes
            .iter()
            .map(|change| {
                let place = if matches!(part, Paths) { format!("{}: ", change.place) } else { String::new() };
                format!("{} {place}{}", if change.breaking { "!" } else { "-" }, change.what)
            })
            .collect();
        let mut wanted: Vec<&str> = expected.to_vec();
        wanted.sort_unstable();
        let mut sorted: Vec<&str> = told.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        if sorted != wanted {
            failures.push(format!("{name}:\n  told   {told:?}\n  wanted {expected:?}"));
        }
    }
    assert!(CASES.len() >= 40);
    assert!(failures.is_empty(), "{} of {} failed:\n{}", failures.len(), CASES.len(), failures.join("\n"));
}

#[test]
fn a_document_is_no_different_from_itself() {
    for (name, part, before, after, _) in CASES {
        for text in [before, after] {
            let document = document(*part, text);
            assert_eq!(compare(&document, &document), [], "{name}: {text}");
        }
    }
}

#[test]
fn what_breaks_comes_first_and_the_order_is_that_of_paths() {
    let before = document(Paths, r#"{ "/b": { "get": {}, "put": {} }, "/a": { "get": {} } }"#);
    let after = document(
        Paths,
        r#"{ "/b": { "get": { "deprecated": true, "security": [{ "x": [] }] } }, "/c": { "get": {} } }"#,
    );
    let told: Vec<String> = compare(&before, &after)
        .iter()
        .map(|change| format!("{} {}", change.place, change.breaking))
        .collect();
    assert_eq!(told, ["GET /a true", "GET /b true", "GET /b false", "PUT /b true", "GET /c false"]);
}

/// Each schema refers twice to the next: followed blindly, that is 2⁶⁴ schemas.
#[test]
fn a_document_that_unfolds_without_end_is_called_breaking_in_good_time() {
    let mut schemas = serde_json::Map::new();
    for level in 0..64 {
        let next = json!({ "$ref": format!("#/components/schemas/S{}", level + 1) });
        schemas.insert(
            format!("S{level}"),
            json!({ "allOf": [next, next], "properties": { "a": next, "b": next } }),
        );
    }
    let mut bomb = document(Body, r##"{ "$ref": "#/components/schemas/S0" }"##);
    bomb["components"]["schemas"] = schemas.into();
    let changes = compare(&bomb, &bomb);
    assert!(changes.iter().any(|change| change.what.contains("too large or too deep")), "{changes:?}");
}

/// JSON with the words that a document is made of, so that it is often nearly one.
fn nearly_a_document() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "paths",
        "/a/{b}",
        "get",
        "post",
        "parameters",
        "in",
        "query",
        "path",
        "name",
        "b",
        "schema",
        "$ref",
        "#/paths",
        "#/components/schemas/A",
        "components",
        "schemas",
        "A",
        "requestBody",
        "content",
        "application/json",
        "responses",
        "200",
        "default",
        "type",
        "string",
        "object",
        "null",
        "enum",
        "const",
        "anyOf",
        "oneOf",
        "allOf",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "prefixItems",
        "minimum",
        "maxLength",
        "format",
        "uint8",
        "security",
        "x-ketch-errors",
        "headers",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 96, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(word.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_json_never_panics(before in nearly_a_document(), after in nearly_a_document()) {
        let whole = |part: &Value| json!({ "paths": { "/a/{b}": { "get": part } }, "components": { "schemas": { "A": part } } });
        let as_schema = |part: &Value| document(Body, &part.to_string());
        for wrap in [Value::clone, whole, as_schema] {
            compare(&wrap(&before), &wrap(&after));
            prop_assert_eq!(compare(&wrap(&before), &wrap(&before)), []);
        }
    }
}
