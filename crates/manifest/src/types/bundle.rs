//! The files that a schema refers to as one schema.
//!
//! A validator keeps what it has compiled by the files that led there, because of `$dynamicRef`. Of files that refer to one
//! another in many ways it would compile each once for every way. Within one schema it compiles each once.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

/// Files that are put together, at most.
const MOST: usize = 10_000;
/// Words that say something of one file, or of the way that led there: files with them stay apart.
const APART: [&str; 7] =
    ["$id", "id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef", "$recursiveAnchor"];
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema at a place of a file with all files that it refers to, and the reference by which it is found there. None
/// when the files cannot be put together, or one cannot be read.
pub(super) fn bundle(
    path: &str,
    fragment: &str,
    read: &mut dyn FnMut(&str) -> Option<Value>,
) -> Option<(Value, String)> {
    let mut bundle = Bundle::default();
    let reference = bundle.reference(path, fragment)?;
    let mut definitions = Map::new();
    while let Some(path) = bundle.left.pop() {
        let mut schema = read(&path)?;
        if let Some(members) = schema.as_object_mut()
            && members.remove("$schema").is_some_and(|draft| draft != DRAFT)
        {
            return None;
        }
        bundle.rewrite(&mut schema, &path)?;
        definitions.insert(bundle.names[&path].clone(), schema);
    }
    Some((json!({ "$defs": definitions }), reference))
}

#[derive(Default)]
struct Bundle {
    names: BTreeMap<String, String>,
    left: Vec<String>,
}

impl Bundle {
    /// How a place of a file is referred to.
    fn reference(&mut self, path: &str, fragment: &str) -> Option<String> {
        if !(fragment.is_empty() || fragment.starts_with('/')) {
            return None;
        }
        if !self.names.contains_key(path) {
            if self.names.len() >= MOST {
                return None;
            }
            self.names.insert(path.to_owned(), format!("f{}", self.names.len()));
            self.left.push(path.to_owned());
        }
        Some(format!("#/$defs/{}{fragment}", self.names[path]))
    }

    /// Makes the references of a file, which is at `path`, those of the whole.
    fn rewrite(&mut self, schema: &mut Value, path: &str) -> Option<()> {
        match schema {
            Value::Object(members) => {
                if APART.iter().any(|word| members.get(*word).is_some_and(Value::is_string)) {
                    return None;
                }
                for (name, value) in members {
                    match (name.as_str(), &mut *value) {
                        ("$ref", Value::String(reference)) => {
                            let (file, fragment) = reference.split_once('#').unwrap_or((reference, ""));
                            let target = if file.is_empty() { path.to_owned() } else { beside(path, file)? };
                            *reference = self.reference(&target, fragment)?;
                        }
                        // What stands there is data.
                        ("enum" | "const" | "default" | "examples", _) => {}
                        // The names in these are anybody's.
                        (
                            "properties" | "patternProperties" | "dependentSchemas" | "$defs",
                            Value::Object(named),
                        ) => {
                            for schema in named.values_mut() {
                                self.rewrite(schema, path)?;
                            }
                        }
                        _ => self.rewrite(value, path)?,
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.rewrite(item, path)?;
                }
            }
            _ => {}
        }
        Some(())
    }
}

/// A file that is named by another.
fn beside(path: &str, file: &str) -> Option<String> {
    if file.contains(':') || file.starts_with('/') || file.contains('?') {
        return None;
    }
    let file = percent_decode_str(file).decode_utf8().ok()?;
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_become_one_schema() {
        let mut read = |path: &str| match path {
            "type/a.json" => {
                Some(json!({ "$schema": DRAFT, "b": { "$ref": "more/b.json#/x" }, "me": { "$ref": "#/b" } }))
            }
            "type/more/b.json" => Some(
                json!({ "x": { "$ref": "../a.json" }, "enum": [{ "$ref": "#" }], "properties": { "default": { "$ref": "#/x" } } }),
            ),
            _ => None,
        };
        let (whole, reference) = bundle("type/a.json", "/b", &mut read).unwrap();
        assert_eq!(reference, "#/$defs/f0/b");
        assert_eq!(
            whole["$defs"],
            json!({
                "f0": { "b": { "$ref": "#/$defs/f1/x" }, "me": { "$ref": "#/$defs/f0/b" } },
                "f1": {
                    "x": { "$ref": "#/$defs/f0" },
                    "enum": [{ "$ref": "#" }],
                    "properties": { "default": { "$ref": "#/$defs/f1/x" } },
                },
            })
        );
    }

    #[test]
    fn files_that_say_where_they_are_stay_apart() {
        let cases = [
            json!({ "$id": "x" }),
            json!({ "a": { "$anchor": "x" } }),
            json!({ "$ref": "#x" }),
            json!({ "$ref": "https://site.example/a.json" }),
            json!({ "$ref": "../../a.json" }),
            json!({ "$schema": "http://json-schema.org/draft-07/schema#" }),
            json!({ "$ref": "missing.json" }),
        ];
        for case in cases {
            let mut read = |path: &str| (path == "type/a.json").then(|| case.clone());
            assert!(bundle("type/a.json", "", &mut read).is_none(), "{case}");
        }
    }
}
