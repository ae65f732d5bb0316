//! The published JSON Schemas say what the reader says: good manifests fit, and whatever has a key that nobody reads does
//! not.

use std::fs;
use std::path::Path;

use expect_test::expect_file;
use jsonschema::Validator;
use ketch_manifest::{Form, Keys, NODE, PROJECT, Project, Source, api_schema, project_schema};
use serde_json::{Value, json};

use crate::broken;
use crate::place::Place;

fn validator(schema: &Value) -> Validator {
    jsonschema::validator_for(schema).expect("the schema is one")
}

/// The value of a file as the reader reads it.
fn plain(text: &str) -> Option<Value> {
    let mut problems = Vec::new();
    let value = Source::new("file", text.to_owned()).parse(&mut problems)?;
    problems.is_empty().then(|| value.plain())
}

/// Objects of the tables, with every key that they have.
fn full(keys: &'static Keys, depth: usize) -> Value {
    let mut object = serde_json::Map::new();
    for member in keys.members {
        let value = match member.form {
            Form::Text => json!("text"),
            Form::Word(words) => json!(words[0]),
            Form::Flag => json!(true),
            Form::Count => json!(20),
            Form::Duration => json!("30s"),
            Form::Size => json!("64kb"),
            Form::Secret => json!({ "env": "PATH" }),
            Form::Texts => json!([]),
            Form::TextOrTexts => json!([]),
            Form::TextMap => json!({ "NAME": "value" }),
            Form::Variables => json!({ "NAME": "value", "PATH": true }),
            Form::Folders => json!({}),
            Form::Type => json!("?any"),
            Form::Any => json!(null),
            Form::Object(_) | Form::Map(_) if depth == 0 => continue,
            Form::Object(keys) => full(keys, depth - 1),
            Form::Map(keys) if keys.name == "argument" => json!({ "GET@a": full(keys, depth - 1) }),
            Form::Map(keys) => json!({ "child": full(keys, depth - 1) }),
        };
        object.insert(member.name.to_owned(), value);
    }
    Value::Object(object)
}

#[test]
fn the_reference_and_the_schemas_are_what_the_source_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
    for (name, text) in [
        ("manifest.md", ketch_manifest::reference()),
        ("manifest.schema.json", format!("{:#}\n", api_schema())),
        ("project.schema.json", format!("{:#}\n", project_schema())),
    ] {
        expect_file![folder.join(name)].assert_eq(&text);
    }
}

#[test]
fn every_key_of_the_tables_is_read_and_fits_the_schema() {
    let mut api = full(&NODE, 4);
    let mut project = full(&PROJECT, 2);
    assert!(validator(&api_schema()).is_valid(&api), "{:?}", validator(&api_schema()).validate(&api));
    assert!(validator(&project_schema()).is_valid(&project), "{project:#}");
    // What the values are is for other tests; here no key may be one that nobody reads.
    for (name, value) in [("api.json", &mut api), ("ketch.json", &mut project)] {
        let text = value.to_string();
        let place = Place::new(&[("api.json", "{}"), (name, &text)]);
        let told: Vec<String> = place.problems().iter().map(ToString::to_string).collect();
        assert!(!told.iter().any(|it| it.contains("is no key here")), "{name}: {told:#?}");
    }
}

#[test]
fn manifests_of_this_repository_fit_the_schemas() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut seen = 0;
    let mut open = vec![root.join("examples"), root.join("fuzz/seeds/manifest")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder can be read") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() && !["node_modules", "target"].contains(&name) {
                open.push(path);
                continue;
            }
            let schema = match name {
                "api.json" | "api" => api_schema(),
                "ketch.json" | "project" => project_schema(),
                _ => continue,
            };
            let text = fs::read_to_string(&path).expect("a manifest can be read");
            let value = plain(&text).unwrap_or_else(|| panic!("{} is no JSON", path.display()));
            let faults: Vec<String> =
                validator(&schema).iter_errors(&value).map(|it| it.to_string()).collect();
            assert!(faults.is_empty(), "{}: {faults:#?}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 2, "there are examples to look at");
}

#[test]
fn what_has_an_unknown_key_does_not_fit_the_schema() {
    let mut seen = 0;
    for (name, files, problems) in broken::all() {
        for (file, text) in &files {
            let schema = match file.as_str() {
                "api.json" => api_schema(),
                "ketch.json" => project_schema(),
                _ => continue,
            };
            let said = |it: &&String| it.starts_with(file.as_str()) && it.contains("is no key here");
            let seed = files.iter().any(|(name, _)| name == "aicra.json");
            if problems.iter().any(|it| said(&it)) && !seed {
                let Some(value) = plain(text) else { continue };
                assert!(
                    !validator(&schema).is_valid(&value),
                    "{name}: {file} fits, but has a key that nobody reads"
                );
                seen += 1;
            }
        }
    }
    assert!(seen >= 8, "{seen} manifests have unknown keys");
}

#[test]
fn a_project_without_problems_fits_the_schema() {
    let api = r#"{ "/": { "user": { "scope": [["a"]], "/": { "{id}": {
        "GET": { "info": "One.", "in": { "id": { "type": "int" } }, "+tags": ["x"], "ttl": "1m", "status": 200, "stub": "a.json" }
    } } } } }"#;
    let place = Place::new(&[("api.json", api)]);
    let mut problems = Vec::new();
    assert!(Project::open(place.path(), &mut problems).is_some() && problems.is_empty(), "{problems:?}");
    let value = plain(api).expect("it is JSON");
    assert!(validator(&api_schema()).is_valid(&value));
    assert!(
        !validator(&api_schema()).is_valid(&json!({ "GET": { "in": { "a": {} } } })),
        "a type is missing"
    );
}
