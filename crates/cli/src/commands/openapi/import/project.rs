//! The files of a project, made of what a document says.

use std::collections::BTreeSet;

use ketch_model::In;
use ketch_openapi::{Description, Named, Operation, Told, file_name};
use ketch_syntax::Template;
use serde_json::{Map, Value, json};

use super::body::{Taken, body};
use super::endpoint::{Notes, Writing};
use super::examples::example;
use super::text::{Entry, Text, comments_and, file};
use super::tree::{Placed, Tree};
use super::types::Types;

/// A project that is not written yet.
#[derive(Debug)]
pub(super) struct Project {
    /// Paths below its folder, and what the files hold.
    pub(super) files: Vec<(String, String)>,
    /// How many operations it has, and how many the document has.
    pub(super) carried: usize,
    pub(super) operations: usize,
    /// What could not be carried over, in the order of the document.
    pub(super) told: Vec<Told>,
}

/// Where the schemas for editors are.
pub(super) const SCHEMAS: [(&str, &str); 2] =
    [("api.json", ".ketch/manifest.schema.json"), ("ketch.json", ".ketch/project.schema.json")];

/// Paths that every server answers.
const BUILT_IN: [&str; 6] =
    ["health/live", "health/ready", "openapi.json", "docs", "docs/page.css", "docs/page.js"];

/// Makes the files. `source` is what the document is called, for people.
pub(super) fn project(spec: &Description, source: &str) -> Project {
    let mut notes = Notes::default();
    let mut tree = Tree::default();
    let mut placed: Vec<(&Operation, Taken, Placed, Notes)> = Vec::new();
    for operation in &spec.operations {
        let mut own = Notes::default();
        let taken = body(operation, spec, &mut own);
        let members: BTreeSet<String> = taken.members.iter().map(|member| member.name.clone()).collect();
        let catch_all = |name: &str| {
            operation.parameters.iter().any(|it| it.place == In::Path && it.catch_all && it.name == name)
        };
        if built_in(spec, operation) {
            notes.add(&operation.at, "the operation is left out: every Ketch server answers this itself");
            continue;
        }
        match tree.place(&operation.path, operation.method, &members, &catch_all) {
            Ok(place) => placed.push((operation, taken, place, own)),
            Err(why) => notes.add(&operation.at, format!("the operation is left out: {why}")),
        }
    }
    tree.name(&BTreeSet::new());
    let mut types = Types::new(&spec.schemas);
    let (mut files, mut taken_names) = (Vec::new(), BTreeSet::new());
    let carried = placed.len();
    let left_out = std::mem::take(&mut notes.list);
    notes.list.extend(spec.told.iter().chain(&left_out).cloned());
    for (operation, taken, place, mut own) in placed {
        let (names, parts) = tree.names(&place.way);
        for changed in place.changed {
            own.add(&operation.at, changed);
        }
        let stub = stub(operation, spec, &parts, &mut taken_names, &mut own, &mut files);
        let params: Vec<(String, String)> = place.params.into_iter().zip(names).collect();
        let mut writing = Writing { spec, types: &mut types, notes: own, called: BTreeSet::new() };
        let entry = writing.method(operation, &taken, &params, &stub);
        notes.list.extend(writing.notes.list);
        tree.set(&place.way, operation.method, entry);
    }
    describe(&mut tree, spec);
    let homeless = schema_files(types, spec, &left_out, &mut files, &mut notes);
    let mut top = vec![Entry::line("$schema", format!("./{}", SCHEMAS[0].1))];
    top.extend(tree.write("", &mut files, &mut BTreeSet::new()));
    let mut comments = vec![format!(
        "Made from {source} by `ketch openapi import`. What it could not say is beside what it is about, after NOT CARRIED OVER."
    )];
    comments.extend(homeless.iter().map(|told| comment(told)));
    files.push(("api.json".to_owned(), file(&comments, &top)));
    files.push(("ketch.json".to_owned(), project_file(spec, &mut notes)));
    files.push((".gitignore".to_owned(), "/data\n/.build\n".to_owned()));
    let mut known = BTreeSet::new();
    let told: Vec<Told> = notes.list.into_iter().filter(|told| known.insert(told.clone())).collect();
    Project { files, carried, operations: spec.operations.len(), told }
}

/// Writes the schemas. What is told of something that no file has is given back.
fn schema_files<'t>(
    types: Types<'_>,
    spec: &'t Description,
    left_out: &'t [Told],
    files: &mut Vec<(String, String)>,
    notes: &mut Notes,
) -> Vec<&'t Told> {
    let mut homeless: Vec<&Told> = spec.told.iter().chain(left_out).collect();
    homeless
        .retain(|told| !spec.operations.iter().any(|it| it.told.contains(told)) || left_out.contains(told));
    for (path, named, schema) in types.files() {
        let of_it: Vec<&Told> = homeless
            .iter()
            .copied()
            .filter(|told| named.is_some_and(|named| is_within(told, named)))
            .collect();
        homeless.retain(|told| !of_it.contains(told));
        files.push((path.clone(), schema_file(&path, named, schema, &of_it, notes)));
    }
    homeless
}

/// Whether it is an endpoint that every server has: in a document that such a one has written.
fn built_in(spec: &Description, operation: &Operation) -> bool {
    let path = format!("{}/{}", spec.prefix, operation.path.trim_matches('/'));
    operation.method == "GET" && BUILT_IN.contains(&path.trim_matches('/'))
}

/// The project file: the API's name, and where it begins.
fn project_file(spec: &Description, notes: &mut Notes) -> String {
    let mut api = Map::new();
    for (name, text) in
        [("title", &spec.title), ("version", &spec.version), ("description", &spec.description)]
    {
        api.extend(text.as_ref().map(|text| (name.to_owned(), json!(text))));
    }
    let mut entries = vec![Entry::line("$schema", format!("./{}", SCHEMAS[1].1))];
    if !api.is_empty() {
        let api = api.into_iter().map(|(name, value)| Entry::line(name, value)).collect();
        entries.push(Entry::new("api", Text::Object(api)));
    }
    if !spec.prefix.is_empty() {
        match Template::parse(&spec.prefix) {
            Ok(path) if path.params().next().is_none() => {
                entries.push(Entry::line("prefix", spec.prefix.as_str()))
            }
            _ => notes.add(
                "#/servers",
                format!("the path of the server, `{:.80}`, can be no prefix and is left out", spec.prefix),
            ),
        }
    }
    file(&[], &entries)
}

/// The nodes below the root say what the tag of all their operations says.
fn describe(tree: &mut Tree, spec: &Description) {
    let first = |path: &str| path.split('/').find(|part| !part.is_empty()).map(str::to_owned);
    let mut tags: Vec<(String, BTreeSet<&str>)> = Vec::new();
    for operation in &spec.operations {
        let Some(name) = first(&operation.path) else { continue };
        let tag = operation.tags.first().map_or("", String::as_str);
        match tags.iter_mut().find(|(known, _)| *known == name) {
            Some((_, all)) => drop(all.insert(tag)),
            None => tags.push((name, BTreeSet::from([tag]))),
        }
    }
    for (name, tags) in tags {
        if let (Some(tag), 1) = (tags.first(), tags.len())
            && let Some(about) = spec.tags.get(*tag)
        {
            tree.describe(&name, about);
        }
    }
}

/// Writes the stub of an operation, and says where.
fn stub(
    operation: &Operation,
    spec: &Description,
    parts: &[String],
    taken: &mut BTreeSet<String>,
    notes: &mut Notes,
    files: &mut Vec<(String, String)>,
) -> String {
    let reply = &operation.reply;
    let media_type = reply.media_type.as_deref().unwrap_or("application/json");
    let extension = extension(media_type);
    let made = || match &reply.example {
        Some(example) => example.clone(),
        None => example(&reply.schema, &spec.schemas),
    };
    let text = match (extension, reply.media_type.is_some()) {
        (Some("json"), true) => format!("{:#}\n", made()),
        (_, false) => "{}\n".to_owned(),
        (Some(_), _) => match made() {
            Value::String(text) => text,
            Value::Object(members) if members.is_empty() => String::new(),
            other => other.to_string(),
        },
        (None, _) => {
            notes.add(&reply.at, format!("no example is made of {media_type:.80}: the stub is empty"));
            String::new()
        }
    };
    let name = if parts.is_empty() { "ROOT".to_owned() } else { parts.join("_") };
    let wanted = format!("{name:.60}.{}", operation.method);
    let path = format!("stub/{}.{}", file_name(&wanted, taken), extension.unwrap_or("bin"));
    files.push((path.clone(), text));
    path
}

/// What a file is called whose type follows from its name.
fn extension(media_type: &str) -> Option<&'static str> {
    Some(match media_type {
        "text/plain" => "txt",
        "text/html" => "html",
        "text/csv" => "csv",
        "text/markdown" => "md",
        "text/xml" | "application/xml" => "xml",
        it if it.contains("json") || it.contains('*') => "json",
        _ => return None,
    })
}

/// Whether something is told of a schema, or of a part of it.
fn is_within(told: &Told, named: &Named) -> bool {
    told.at.strip_prefix(named.at.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub(super) fn comment(Told { at, what }: &Told) -> String {
    format!("NOT CARRIED OVER {at}: {what}")
}

/// A file of `type/`. What its document said of it that it cannot say stands at its top.
fn schema_file(
    path: &str,
    named: Option<&Named>,
    mut schema: Value,
    of_it: &[&Told],
    notes: &mut Notes,
) -> String {
    let mut comments: Vec<String> = of_it.iter().map(|told| comment(told)).collect();
    if one_way(&mut schema) {
        let what = "members that are only sent or only answered (`readOnly`, `writeOnly`) are not required, because this is read both ways";
        let at = named.map_or(path, |named| named.at.as_str());
        notes.add(at, what);
        comments.push(format!("NOT CARRIED OVER {at}: {what}"));
    }
    let mut whole = Map::new();
    whole.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    match schema {
        Value::Object(members) => whole.extend(members),
        // All or nothing.
        other => drop(whole.insert("allOf".to_owned(), json!([other]))),
    }
    comments_and(&comments, &Value::Object(whole))
}

/// Takes what is only sent or only answered from what is required, everywhere in a schema. Says whether there was any.
fn one_way(schema: &mut Value) -> bool {
    let mut found = false;
    match schema {
        Value::Object(members) => {
            let gone: Vec<String> = members
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .filter(|(_, schema)| schema.get("readOnly").is_some() || schema.get("writeOnly").is_some())
                .map(|(name, _)| name.clone())
                .collect();
            if let Some(Value::Array(required)) = members.get_mut("required") {
                let before = required.len();
                required.retain(|name| name.as_str().is_none_or(|name| !gone.iter().any(|it| it == name)));
                found |= required.len() < before;
                if required.is_empty() {
                    members.remove("required");
                }
            }
            for (name, value) in members.iter_mut() {
                match (name.as_str(), value) {
                    ("default" | "examples" | "enum" | "const", _) => {}
                    // The names in these are anybody's.
                    (
                        "properties" | "patternProperties" | "dependentSchemas" | "$defs",
                        Value::Object(named),
                    ) => {
                        for schema in named.values_mut() {
                            found |= one_way(schema);
                        }
                    }
                    (_, value) => found |= one_way(value),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                found |= one_way(item);
            }
        }
        _ => {}
    }
    found
}
