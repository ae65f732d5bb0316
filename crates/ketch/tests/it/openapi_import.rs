//! `ketch openapi import`: what it makes of a document passes `ketch check`, answers examples, and says the same API again.

use std::fs;
use std::path::Path;

use ketch::http::Method;
use ketch::prelude::*;
use ketch::test::{client, expect_file};
use serde_json::{Value, json};

use crate::manifest_commands::ketch;
use crate::scratch::Scratch;

const HARBOUR: &str = include_str!("../golden/import/harbour.yaml");

/// A folder with the project `made`, from a document; and what was told.
fn made(name: &str, document: &str) -> (Scratch, String) {
    let scratch = Scratch::new(name);
    scratch.write("spec.yaml", document);
    let (code, out, told) = ketch(scratch.as_ref(), &["openapi", "import", "spec.yaml", "made"]);
    assert_eq!((code, out.as_str()), (Some(0), ""), "{told}");
    let (code, out, err) = ketch(scratch.as_ref(), &["check", "made"]);
    assert_eq!(code, Some(0), "what is made has no problems: {out} {err}");
    (scratch, told)
}

#[test]
fn what_is_made_of_a_document_is_what_stands_here() {
    let (scratch, told) = made("import-golden", HARBOUR);
    let read = |name: &str| fs::read_to_string(scratch.path("made").join(name)).unwrap();
    expect_file!["../golden/import/harbour.api.json"].assert_eq(&read("api.json"));
    expect_file!["../golden/import/harbour.told.txt"].assert_eq(&told);
    assert_eq!(read("ketch.json").lines().filter(|line| line.contains("prefix")).count(), 1);
    let boat = read("type/Boat.json");
    assert!(boat.contains("\"exclusiveMinimum\": 0") && boat.contains("\"$ref\": \"Owner.json\""), "{boat}");
    assert!(boat.contains("// NOT CARRIED OVER #/components/schemas/Boat/properties/code/pattern"), "{boat}");
    for line in told.lines().filter(|line| line.starts_with('#')) {
        let comment = format!("// NOT CARRIED OVER {line}");
        let somewhere = ["api.json", "type/Boat.json", "type/Owner.json"]
            .iter()
            .any(|name| read(name).contains(&comment));
        assert!(somewhere, "it stands where it would have been, too: {line}");
    }
}

#[tokio::test]
async fn what_is_made_answers_the_examples_of_the_document() {
    let (scratch, _) = made("import-served", HARBOUR);
    let client = client(Server::new().manifest(scratch.path("made")));
    let boats = client.get("/api/v1/boats?since=2026-01-31&flag=nl&flag=de&length[gt]=2.5").await;
    assert_eq!(
        (boats.status.as_u16(), boats.json::<Value>()),
        (200, json!({ "boats": [{ "id": 7, "name": "Ada", "kind": "sail" }], "more": false }))
    );
    let boat: Value = client.get("/api/v1/boats/7").await.json();
    assert_eq!((&boat["name"], &boat["kind"], &boat["id"]), (&json!("Ada"), &json!("sail"), &json!(1)));
    let wrong = client.get("/api/v1/boats?limit=1000&flag=fr").await;
    let wrong = (wrong.status, wrong.text());
    assert!(
        wrong.0 == 400 && wrong.1.contains("`since`") && wrong.1.contains("`limit`"),
        "arguments are checked: {wrong:?}"
    );
    assert_eq!(client.get("/api/v1/boats/0").await.status, 400, "an `id` is 1 or more");
    for (body, status) in [(json!({ "name": "Eve", "id": 8 }), 204), (json!({ "name": "" }), 422)] {
        assert_eq!(client.json(Method::PUT, "/api/v1/boats/7", &body).await.status, status);
    }
    assert_eq!(client.get("/api/v1/names").await.json::<Value>(), json!(["Ada"]));
    assert_eq!(client.get("/api/v1/boats/7.json").await.status, 200);
    let closed = client.post("/api/v1/boats", &json!({ "name": "Eve" })).await;
    assert_eq!(closed.status, 401, "what asks for scopes is closed until a middleware grants them");
}

/// What `ketch openapi --check` finds between a project, and what is made of its document.
fn round(project: &Path, name: &str) -> (Option<i32>, String) {
    let scratch = Scratch::new(name);
    let (code, document, err) = ketch(project, &["openapi", "."]);
    assert_eq!(code, Some(0), "{err}");
    scratch.write("first.json", &document);
    let (code, _, told) = ketch(scratch.as_ref(), &["openapi", "import", "first.json", "made"]);
    assert_eq!(code, Some(0), "{told}");
    let (code, out, _) = ketch(scratch.as_ref(), &["check", "made"]);
    assert_eq!(code, Some(0), "{out}");
    let (code, changes, _) = ketch(scratch.as_ref(), &["openapi", "made", "--check", "first.json"]);
    (code, changes)
}

#[test]
fn the_document_of_the_example_says_the_same_again() {
    let (code, changes) =
        round(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/todos"), "import-todos");
    assert!(code == Some(0) && changes.contains("0 breaking changes"), "{changes}");
}

#[test]
fn every_type_and_every_source_comes_back() {
    let types = [
        "any",
        "bool",
        "int",
        "uint",
        "id",
        "float",
        "string",
        "varchar(1,80)",
        "varchar(0,9)",
        "token",
        "digest(8)",
        "uuid",
        "email",
        "url",
        "date",
        "datetime",
        "enum(a,b)",
        "[int]",
        "[enum(a,b)]",
        "<:int>",
        "<:>",
        "<uuid:[string]>",
        "string|null",
        "[string|null]|null",
        "schema(type/point.json)",
        "[schema(type/point.json)]",
        "schema(type/point.json)|null",
        "schema(type/tree.json)",
    ];
    let named = |prefix: &str, optional: &str| -> Value {
        let one = |(at, ty): (usize, &&str)| {
            (format!("{prefix}a{at}"), json!({ "info": "i", "type": format!("{optional}{ty}") }))
        };
        types.iter().enumerate().map(one).collect::<serde_json::Map<_, _>>().into()
    };
    let api = json!({ "/": {
        "body": {
            "POST": { "info": "Takes all.\n\nIn a body.", "status": 201, "stub": "s.json", "in": named("", ""), "out": named("", "") },
            "PUT": { "deprecated": true, "scope": [["a", "b"], ["c"]], "stub": "s.json", "in": named("", "?"), "out": named("", "?") },
        },
        "query": { "GET": { "stub": "s.json", "in": named("GET@", "?") } },
        "head": { "GET": { "stub": "s.json", "in": {
            "HEADER@x-a": { "type": "int" }, "HEADER@x-b": { "type": "?[string]" }, "COOKIE@c": { "type": "?uuid" },
            "GET@d": { "type": "?int", "default": 7 }, "GET@e": { "type": "?enum(a,b)", "default": "b" },
        } } },
        "file": { "POST": { "stub": "s.json", "in": { "f": { "type": "FILE" }, "g": { "type": "?[FILE]" }, "h": { "type": "?string" } } } },
        "{id}": { "GET": { "stub": "s.json", "in": { "id": { "type": "id" } } }, "/": {
            "{n:[0-9]+}": { "GET": { "stub": "s.json", "in": { "id": { "type": "uuid" }, "n": { "type": "string" } } } },
            "rest": { "/": { "{*more}": { "GET": { "stub": "s.json", "in": { "id": { "type": "string" }, "more": { "type": "string" } } } } } },
        } },
    } });
    let scratch = Scratch::new("import-types");
    scratch.write("p/api.json", api.to_string());
    scratch.write("p/ketch.json", r#"{ "prefix": "api", "version": "2", "api": { "title": "All" } }"#);
    scratch.write("p/s.json", "{}");
    scratch.write("p/type/point.json", r#"{ "type": "object", "required": ["x"], "properties": { "x": { "type": "number", "minimum": 0 }, "y": { "type": ["number", "null"] } } }"#);
    scratch.write("p/type/tree.json", r##"{ "type": "object", "properties": { "left": { "$ref": "#" }, "name": { "type": "string", "minLength": 1 } } }"##);
    let (code, changes) = round(&scratch.path("p"), "import-types-made");
    assert!(code == Some(0) && changes.contains("0 breaking changes"), "{changes}");
}

#[test]
fn json_and_yaml_are_the_same_document() {
    let (scratch, told) = made("import-yaml", HARBOUR);
    let api = fs::read_to_string(scratch.path("made/api.json")).unwrap();
    let (code, document, _) = ketch(scratch.as_ref(), &["openapi", "made"]);
    assert_eq!(code, Some(0));
    assert!(
        document.contains("\"title\": \"Harbour\"") && document.contains("/api/v1/boats/{path_id}"),
        "{document}"
    );
    assert!(
        told.contains("`{id}` of the path is called `path_id` here") && api.contains("{path_id}"),
        "a member of a body is called `id` too"
    );
}

#[test]
fn what_cannot_be_read_is_refused_and_nothing_is_written() {
    let scratch = Scratch::new("import-refused");
    scratch.write("swagger.json", r#"{ "swagger": "2.0" }"#);
    scratch.write("broken.yaml", "openapi: 3.1.0\npaths: [\n");
    scratch.write("twice.yaml", "openapi: 3.1.0\nopenapi: 3.1.0\n");
    scratch.write("other.json", "[1]");
    let folder = scratch.path("");
    let cases = [
        ("swagger.json", "is a Swagger 2.0 document"),
        ("broken.yaml", "is neither JSON nor YAML"),
        ("twice.yaml", "is neither JSON nor YAML"),
        ("other.json", "is no OpenAPI document"),
        ("missing.json", "cannot read `missing.json`"),
        ("https://site.example/a.json", "nothing is fetched from the network"),
        (".", "is no file"),
    ];
    for (spec, expected) in cases {
        let (code, out, err) = ketch(&folder, &["openapi", "import", spec, "made"]);
        assert!(code == Some(1) && out.is_empty() && err.contains(expected), "{spec}: {err}");
        assert!(!scratch.path("made").exists(), "{spec}");
    }
}

#[test]
fn a_folder_with_something_in_it_is_left_alone_by_an_import() {
    let scratch = Scratch::new("import-full");
    scratch.write("spec.yaml", HARBOUR);
    scratch.write("made/mine.txt", "mine");
    let (code, _, err) = ketch(scratch.as_ref(), &["openapi", "import", "spec.yaml", "made"]);
    assert!(code == Some(1) && err.contains("made is not empty: choose another folder"), "{err}");
    assert_eq!(fs::read_dir(scratch.path("made")).unwrap().count(), 1);
    let (code, ..) = ketch(scratch.as_ref(), &["openapi", "import", "spec.yaml"]);
    assert!(
        code == Some(0) && scratch.path("spec/api.json").is_file(),
        "its folder is called as the document is"
    );
}

/// The files below a folder, and what is beside it.
fn files(folder: &Path, found: &mut Vec<String>, root: &Path) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            files(&entry.path(), found, root);
        } else {
            found.push(entry.path().strip_prefix(root).unwrap().display().to_string());
        }
    }
}

#[test]
fn names_of_a_document_never_lead_out_of_the_folder() {
    let names = ["..", "../../up", "/etc/cron", "a/../../b", ".hidden", "CON", "a\\b", "é", "", "A", "a"];
    let schemas: serde_json::Map<String, Value> = names
        .iter()
        .map(|name| {
            ((*name).to_owned(), json!({ "type": "object", "properties": { "x": { "type": "string" } } }))
        })
        .collect();
    let mut paths = serde_json::Map::new();
    for (at, name) in names.iter().enumerate() {
        let pointer = name.replace('~', "~0").replace('/', "~1").replace('%', "%25");
        let schema = json!({ "type": "object", "properties": { "p": { "$ref": format!("#/components/schemas/{pointer}") } } });
        paths.insert(format!("/odd{at}/{{{name}}}"), json!({ "get": { "responses": {} } }));
        paths.insert(format!("/{at}/..%2F..%2Fup/{name}"), json!({ "get": { "responses": {} } }));
        paths.insert(
            format!("/ok{at}"),
            json!({ "get": {
            "parameters": [{ "name": name, "in": "query", "schema": { "type": "integer", "maximum": at } }],
            "responses": { "200": { "content": { "application/json": { "schema": schema } } } },
        } }),
        );
    }
    let document =
        json!({ "openapi": "3.1.0", "info": {}, "paths": paths, "components": { "schemas": schemas } });
    let (scratch, _) = made("import-names", &document.to_string());
    let mut found = Vec::new();
    files(scratch.as_ref(), &mut found, scratch.as_ref());
    for name in &found {
        assert!(name == "spec.yaml" || name.starts_with("made/"), "{name}");
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
        assert!(plain && !name.contains(".."), "{name}");
    }
    assert!(found.iter().filter(|name| name.starts_with("made/type/")).count() >= 10, "{found:?}");
}

#[cfg(unix)]
#[test]
fn a_file_that_a_link_leads_out_to_is_not_read() {
    let scratch = Scratch::new("import-link");
    scratch.write("secret.json", r#"{ "type": "object", "properties": { "secret": { "type": "string" } } }"#);
    scratch
        .write("spec/more.json", r#"{ "type": "object", "properties": { "fine": { "type": "integer" } } }"#);
    std::os::unix::fs::symlink(scratch.path("secret.json"), scratch.path("spec/link.json")).unwrap();
    let reply = |file: &str| json!({ "get": { "responses": { "200": { "content": { "application/json": { "schema": { "$ref": file } } } } } } });
    let document = json!({ "openapi": "3.1.0", "info": {}, "paths": { "/a": reply("link.json"), "/b": reply("more.json") } });
    scratch.write("spec/api.json", document.to_string());
    let (code, _, told) = ketch(scratch.as_ref(), &["openapi", "import", "spec/api.json", "made"]);
    assert!(
        code == Some(0) && told.contains("`link.json` is left out: it leads out of the document's folder"),
        "{told}"
    );
    let api = fs::read_to_string(scratch.path("made/api.json")).unwrap();
    assert!(api.contains("\"fine\"") && !api.contains("secret"), "{api}");
}

/// Thirty schemas of which each refers to every other: there are more ways through them than could ever be gone.
#[test]
fn a_web_of_schemas_is_read_checked_and_described() {
    let names: Vec<String> = (0..30).map(|at| format!("S{at}")).collect();
    let refer =
        |name: &String| (format!("to{name}"), json!({ "$ref": format!("#/components/schemas/{name}") }));
    let all: serde_json::Map<String, Value> = names.iter().map(refer).collect();
    let schemas: serde_json::Map<String, Value> = names
        .iter()
        .map(|name| (name.clone(), json!({ "type": "object", "properties": all, "allOf": [{ "$ref": "#/components/schemas/S0" }, { "$ref": "#/components/schemas/S1" }] })))
        .collect();
    let schema = json!({ "$ref": "#/components/schemas/S7" });
    let document = json!({ "openapi": "3.1.0", "info": {}, "components": { "schemas": schemas }, "paths": { "/a": { "post": {
        "requestBody": { "required": true, "content": { "application/json": { "schema": schema } } },
        "responses": { "200": { "content": { "application/json": { "schema": { "type": "object", "properties": { "s": schema } } } } } },
    } } } });
    let (scratch, _) = made("import-web", &document.to_string());
    let (code, document, err) = ketch(scratch.as_ref(), &["openapi", "made"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(document.len() < 64 << 20, "{} bytes", document.len());
}
