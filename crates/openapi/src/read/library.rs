//! The files of a document, and references among them.
//!
//! All files are asked for before anything else is read. A reference to a URL is refused, and so is one that leads out of
//! the document's folder.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::text;

/// Files beside the document, at most.
const MOST_FILES: usize = 4_096;
/// How often a reference may lead to another one.
const MOST_STEPS: usize = 32;
/// What is told of references that are refused, at most.
const MOST_REFUSED: usize = 1_000;

/// A value of one of the files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The path below the document's folder; empty for the document.
    file: Arc<str>,
    /// A JSON Pointer (RFC 6901).
    pointer: String,
}

impl Place {
    pub(super) fn root() -> Self {
        Self { file: "".into(), pointer: String::new() }
    }

    /// One step deeper.
    pub(super) fn member(&self, name: &str) -> Self {
        let name = name.replace('~', "~0").replace('/', "~1");
        Self { file: Arc::clone(&self.file), pointer: format!("{}/{name}", self.pointer) }
    }

    /// The last step, as a name for what is there; the file's when there is none.
    pub(super) fn name(&self) -> String {
        let last = self.pointer.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~");
        if !last.is_empty() {
            return last;
        }
        let file = self.file.rsplit('/').next().unwrap_or_default();
        file.split('.').next().unwrap_or_default().to_owned()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.file, self.pointer)
    }
}

/// The files.
#[derive(Debug)]
pub(super) struct Library {
    files: BTreeMap<Arc<str>, Value>,
    refused: Vec<(Place, String)>,
}

impl Library {
    pub(super) fn new(document: Value, file: &mut dyn FnMut(&str) -> Result<Value, String>) -> Self {
        let mut library = Self { files: BTreeMap::new(), refused: Vec::new() };
        let mut wanted: VecDeque<(Arc<str>, Value)> = VecDeque::from([("".into(), document)]);
        let mut asked: BTreeSet<Arc<str>> = BTreeSet::from(["".into()]);
        let mut missing: BTreeMap<Arc<str>, String> = BTreeMap::new();
        while let Some((name, value)) = wanted.pop_front() {
            let mut references = Vec::new();
            collect(&value, &Place { file: Arc::clone(&name), pointer: String::new() }, &mut references);
            library.files.insert(name, value);
            for (place, reference) in references {
                let target = match split(&place, &reference) {
                    Ok(target) => target.file,
                    Err(why) => {
                        library.refuse(place, why);
                        continue;
                    }
                };
                if let Some(why) = missing.get(&target).cloned() {
                    library.refuse(place, why);
                    continue;
                }
                if !asked.insert(Arc::clone(&target)) {
                    continue;
                }
                let read = if asked.len() > MOST_FILES {
                    Err(format!("more than {MOST_FILES} files are not read"))
                } else {
                    file(&target)
                };
                match read {
                    Ok(value) => wanted.push_back((target, value)),
                    Err(why) => {
                        let why = format!("the file `{target}` is left out: {why}");
                        missing.insert(target, why.clone());
                        library.refuse(place, why);
                    }
                }
            }
        }
        library
    }

    fn refuse(&mut self, place: Place, why: String) {
        if self.refused.len() < MOST_REFUSED {
            self.refused.push((place, why));
        }
    }

    /// References that are not followed, and why.
    pub(super) fn refused(&self) -> &[(Place, String)] {
        &self.refused
    }

    pub(super) fn get(&self, place: &Place) -> Option<&Value> {
        self.files.get(&place.file)?.pointer(&place.pointer)
    }

    /// What is there, or where references lead from there.
    ///
    /// # Errors
    /// A reference leads nowhere, or in a circle.
    pub(super) fn follow(&self, place: &Place) -> Result<(Place, &Value), String> {
        let mut here = place.clone();
        for _ in 0..MOST_STEPS {
            let value = self.get(&here).ok_or_else(|| format!("there is nothing at `{here:.200}`"))?;
            match value.get("$ref").and_then(Value::as_str) {
                Some(reference) => here = split(&here, reference)?,
                None => return Ok((here, value)),
            }
        }
        Err("the reference leads in a circle".to_owned())
    }

    /// Where a reference leads, if anything is there.
    ///
    /// # Errors
    /// Nothing is there.
    pub(super) fn target(&self, from: &Place, reference: &str) -> Result<Place, String> {
        let target = split(from, reference)?;
        self.get(&target).map(|_| target).ok_or_else(|| format!("`{reference:.200}` leads nowhere"))
    }
}

/// Every reference in a value. It is no deeper than its parser lets it be.
fn collect(value: &Value, place: &Place, into: &mut Vec<(Place, String)>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match (name.as_str(), value) {
                    ("$ref", Value::String(reference)) => into.push((place.clone(), reference.clone())),
                    // The names in these are anybody's, `default` among them.
                    (
                        "properties" | "patternProperties" | "responses" | "schemas" | "$defs",
                        Value::Object(named),
                    ) => {
                        for (key, value) in named {
                            collect(value, &place.member(name).member(key), into);
                        }
                    }
                    // What stands there is data.
                    ("example" | "examples" | "default" | "enum" | "const", _) => {}
                    (name, _) if name.starts_with("x-") => {}
                    _ => collect(value, &place.member(name), into),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &place.member(&index.to_string()), into);
            }
        }
        _ => {}
    }
}

/// Where a reference leads.
fn split(from: &Place, reference: &str) -> Result<Place, String> {
    let (file, pointer) = reference.split_once('#').unwrap_or((reference, ""));
    let pointer = percent_encoding::percent_decode_str(pointer).decode_utf8_lossy().into_owned();
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Err(format!("`{reference:.200}` is left out: anchors are not followed, only JSON Pointers"));
    }
    if file.is_empty() {
        return Ok(Place { file: Arc::clone(&from.file), pointer });
    }
    if file.contains("://") || file.starts_with("//") {
        return Err(format!(
            "`{reference:.200}` is left out: nothing is fetched from the network; save it beside the document and refer to the file"
        ));
    }
    let file = percent_encoding::percent_decode_str(file).decode_utf8_lossy().into_owned();
    let outside = || format!("`{reference:.200}` is left out: it leads out of the document's folder");
    if file.starts_with('/') || file.contains(['\\', ':', '\0']) {
        return Err(outside());
    }
    let mut parts: Vec<&str> = from.file.split('/').collect();
    parts.pop();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop().ok_or_else(outside)?),
            part => parts.push(part),
        }
    }
    Ok(Place { file: parts.join("/").into(), pointer })
}

/// A text of a member, for messages.
pub(super) fn said(value: &Value, name: &str) -> String {
    value.get(name).and_then(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_lead_to_files_of_the_folder_only() {
        let from = Place { file: "a/b.yaml".into(), pointer: "/x".to_owned() };
        let led = |reference: &str| split(&from, reference).map(|place| place.to_string());
        assert_eq!(led("#/y").unwrap(), "a/b.yaml#/y");
        assert_eq!(led("c.json").unwrap(), "a/c.json#");
        assert_eq!(led("./c.json#/a~1b").unwrap(), "a/c.json#/a~1b");
        assert_eq!(led("../c.json#/%7Bx%7D").unwrap(), "c.json#/{x}");
        for outside in ["../../c.json", "/etc/passwd", "..\\c", "C:/x", "file:c", "a/../../../c"] {
            assert!(led(outside).unwrap_err().contains("out of the document's folder"), "{outside}");
        }
        for url in ["https://site.example/c.json", "//site.example/c.json", "file:///etc/passwd"] {
            assert!(led(url).unwrap_err().contains("nothing is fetched"), "{url}");
        }
        assert!(led("#name").unwrap_err().contains("anchors"));
    }

    #[test]
    fn a_circle_of_references_ends() {
        let circle = json!({ "a": { "$ref": "#/b" }, "b": { "$ref": "#/a" }, "c": { "$ref": "#/d" } });
        let library = Library::new(circle, &mut |_| Err("none".to_owned()));
        assert!(library.follow(&Place::root().member("a")).unwrap_err().contains("circle"));
        assert!(library.follow(&Place::root().member("c")).unwrap_err().contains("nothing at `#/d`"));
    }
}
