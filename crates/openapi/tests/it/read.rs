//! Documents of others: what is read of them, what is told, and that nothing that a document holds makes reading it fail
//! in another way than with words.

use ketch_openapi::{Description, read};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn none(_: &str) -> Result<Value, String> {
    Err("there is none".to_owned())
}

fn document(members: &Value) -> Description {
    let mut document = json!({ "openapi": "3.1.0", "info": { "title": "T", "version": "1" } });
    for (name, value) in members.as_object().unwrap() {
        document[name] = value.clone();
    }
    read(document, &mut none).unwrap()
}

fn told(description: &Description) -> Vec<String> {
    description.told.iter().map(|told| format!("{}: {}", told.at, told.what)).collect()
}

#[test]
fn only_openapi_3_is_read() {
    let cases = [
        (json!({ "swagger": "2.0" }), "Swagger 2.0"),
        (json!({ "openapi": "4.0.0" }), "is OpenAPI 4.0.0"),
        (json!({ "openapi": 2 }), "is OpenAPI 2"),
        (json!({ "title": "x" }), "no `openapi"),
        (json!([]), "no `openapi"),
        (json!(null), "no `openapi"),
    ];
    for (document, expected) in cases {
        let why = read(document, &mut none).unwrap_err();
        assert!(why.contains(expected), "{why}");
    }
    // YAML takes it for a number.
    assert!(read(json!({ "openapi": 3.1 }), &mut none).is_ok());
}

#[test]
fn words_of_3_0_are_said_in_those_of_json_schema() {
    let schemas = json!({
        "A": { "type": "string", "nullable": true, "example": "x" },
        "B": { "type": "integer", "minimum": 1, "exclusiveMinimum": true, "maximum": 9 },
        "C": { "nullable": true, "allOf": [{ "$ref": "#/components/schemas/A" }], "description": "d" },
        "D": { "type": "string", "enum": ["a"], "nullable": true },
        "E": { "$ref": "#/components/schemas/A", "description": "beside it", "maxLength": 1 },
    });
    let content = |name: &str| json!({ "200": { "content": { "application/json": { "schema": { "$ref": format!("#/components/schemas/{name}") } } } } });
    let paths: Map<String, Value> = ["A", "B", "C", "D", "E"]
        .iter()
        .map(|name| (format!("/{name}"), json!({ "get": { "responses": content(name) } })))
        .collect();
    let document = json!({ "openapi": "3.0.0", "paths": paths, "components": { "schemas": schemas } });
    let read = read(document, &mut none).unwrap();
    let schema = |name: &str| read.schemas[name].schema.clone();
    assert_eq!(schema("A"), json!({ "type": ["string", "null"], "examples": ["x"] }));
    assert_eq!(schema("B"), json!({ "type": "integer", "exclusiveMinimum": 1, "maximum": 9 }));
    assert_eq!(
        schema("C"),
        json!({ "anyOf": [{ "allOf": [{ "$ref": "A.json" }] }, { "type": "null" }], "description": "d" })
    );
    assert_eq!(schema("D"), json!({ "type": ["string", "null"], "enum": ["a", null] }));
    assert_eq!(schema("E"), json!({ "$ref": "A.json", "description": "beside it" }));
    assert_eq!(told(&read), Vec::<String>::new());
}

#[test]
fn what_no_validator_takes_is_left_out_and_told() {
    let schema = json!({
        "type": "file", "pattern": "(?=x)", "minLength": -1, "required": true, "enum": [], "items": [{}],
        "properties": { "a": 7 }, "xml": {}, "discriminator": {}, "x-mine": 1, "unheard": 1, "$id": "i",
    });
    let description = document(&json!({ "paths": { "/a": { "post": {
        "requestBody": { "content": { "application/json": { "schema": schema } } },
    } } } }));
    let body = description.operations[0].body.as_ref().unwrap();
    assert_eq!(body.schema, json!({ "properties": { "a": {} }, "prefixItems": [{}] }));
    let told = told(&description).join("\n");
    let at = "#/paths/~1a/post/requestBody/content/application~1json/schema";
    for name in [
        "type",
        "pattern",
        "minLength",
        "required",
        "enum",
        "properties/a",
        "xml",
        "discriminator",
        "x-mine",
        "unheard",
        "$id",
    ] {
        assert!(told.contains(&format!("{at}/{name}: ")), "{name} is told of:\n{told}");
    }
}

#[test]
fn references_lead_to_files_and_never_in_circles() {
    let mut asked = Vec::new();
    let mut file = |path: &str| {
        asked.push(path.to_owned());
        match path {
            "common/types.yaml" => Ok(
                json!({ "Pet": { "type": "object", "properties": { "kin": { "$ref": "#/Pet" }, "own": { "$ref": "own.json" } } } }),
            ),
            "common/named.json" => Ok(
                json!({ "content": { "application/json": { "schema": { "properties": { "default": { "$ref": "own.json" } } } } } }),
            ),
            "common/own.json" => Ok(json!({ "type": "integer" })),
            _ => Err("there is none".to_owned()),
        }
    };
    let reply = |reference: &str| json!({ "get": { "responses": { "200": { "content": { "application/json": { "schema": { "$ref": reference } } } } } } });
    let named = json!({ "get": { "responses": { "default": { "$ref": "common/named.json" } } } });
    let document = json!({ "openapi": "3.1.0", "paths": {
        "/0": named,
        "/a": reply("common/types.yaml#/Pet"),
        "/b": reply("https://site.example/pet.json"),
        "/c": reply("../outside.json"),
        "/d": reply("missing.json"),
        "/e": { "$ref": "#/paths/~1e" },
        "/f": reply("#/components/schemas/None"),
    } });
    let description = read(document, &mut file).unwrap();
    assert_eq!(asked, ["common/named.json", "common/types.yaml", "missing.json", "common/own.json"]);
    assert_eq!(
        description.schemas["Pet"].schema["properties"],
        json!({ "kin": { "$ref": "Pet.json" }, "own": { "$ref": "own.json" } })
    );
    assert_eq!(description.schemas["own"].schema, json!({ "type": "integer" }));
    let told = told(&description).join("\n");
    for expected in [
        "nothing is fetched from the network",
        "leads out of the document's folder",
        "`missing.json` is left out",
        "leads in a circle",
        "leads nowhere",
    ] {
        assert!(told.contains(expected), "{expected}:\n{told}");
    }
    assert_eq!(description.operations.len(), 6);
}

#[test]
fn there_is_a_bound_for_operations() {
    let paths: Map<String, Value> =
        (0..=ketch_openapi::MOST_OPERATIONS).map(|at| (format!("/{at}"), json!({ "get": {} }))).collect();
    let why = read(json!({ "openapi": "3.1.0", "paths": paths }), &mut none).unwrap_err();
    assert!(why.contains("more than 5000 operations"), "{why}");
}

const WORDS: [&str; 48] = [
    "openapi",
    "paths",
    "/a",
    "/a/{b}",
    "get",
    "post",
    "parameters",
    "name",
    "in",
    "query",
    "path",
    "schema",
    "type",
    "object",
    "array",
    "items",
    "properties",
    "allOf",
    "anyOf",
    "oneOf",
    "$ref",
    "#/components/schemas/A",
    "#/paths",
    "a.json#/b",
    "components",
    "schemas",
    "A",
    "B",
    "requestBody",
    "content",
    "application/json",
    "multipart/form-data",
    "responses",
    "200",
    "default",
    "required",
    "enum",
    "nullable",
    "security",
    "servers",
    "url",
    "style",
    "deepObject",
    "additionalProperties",
    "pattern",
    "minimum",
    "example",
    "format",
];

/// Values made of the words that a document is made of, in any order.
fn values() -> impl Strategy<Value = Value> {
    let word = || proptest::sample::select(WORDS.to_vec());
    let leaf = prop_oneof![
        4 => word().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => "\\PC{0,8}".prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(8, 96, 6, move |inner| {
        prop_oneof![
            4 => proptest::collection::vec((word(), inner.clone()), 0..6)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()),
            1 => proptest::collection::vec(inner, 0..4).prop_map(Value::from),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_a_document_holds_it_is_read_or_refused(paths in values(), components in values(), rest in values(), old in any::<bool>()) {
        let mut document = rest.as_object().cloned().unwrap_or_default();
        document.insert("openapi".to_owned(), json!(if old { "3.0.3" } else { "3.1.0" }));
        document.insert("paths".to_owned(), json!({ "/a": paths, "/b": { "get": components.clone(), "post": components.clone() } }));
        document.insert("components".to_owned(), json!({ "schemas": { "A": components, "B": { "$ref": "#/components/schemas/A" } } }));
        let document: Value = document.into();
        let mut file = |_: &str| Ok(document.clone());
        let read = read(document.clone(), &mut file);
        let description = read.expect("it is small, and says its version");
        for operation in &description.operations {
            prop_assert!(operation.reply.status >= 200);
        }
        for (name, named) in &description.schemas {
            let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c)) && !name.starts_with('.');
            prop_assert!(plain, "{name}");
            prop_assert!(named.schema.is_object() || named.schema.is_boolean());
        }
    }
}
