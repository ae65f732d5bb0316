//! `openapi import`: a project of a manifest, made from an OpenAPI document.
//!
//! Here are the files: what is read and what is written. What becomes of the document is in `project`.

mod arguments;
mod body;
mod endpoint;
mod examples;
mod members;
mod project;
mod source;
mod text;
mod tree;
mod types;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;

use self::project::{Project, SCHEMAS, project};
use self::source::Source;
use crate::commands::new::{refuse_full, write};
use crate::terminal::{clean, say};

/// From what, and where to.
#[derive(Args, Clone, Debug)]
pub(super) struct Options {
    /// The document; what it refers to is read from its folder, and nothing from the network
    #[arg(value_name = "SPEC")]
    spec: PathBuf,
    /// The folder to make [default: the document's name without its extension]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> Result<ExitCode> {
    let shown = options.spec.display();
    let dir = match &options.dir {
        Some(dir) => dir.clone(),
        None => default_folder(&options.spec)?,
    };
    refuse_full(&dir)?;
    let mut source = Source::open(&options.spec)?;
    let document = source.document()?;
    let spec = ketch_openapi::read(document, &mut |path| source.other(path))
        .map_err(|why| anyhow::anyhow!("`{shown}` {why}"))?;
    let name = options.spec.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let project = project(&spec, &clean(&name));
    write_all(&dir, &project)?;
    say(&words(&dir, &project));
    Ok(ExitCode::SUCCESS)
}

/// `api/petstore.yaml` becomes `petstore`.
fn default_folder(spec: &Path) -> Result<PathBuf> {
    let stem = spec.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let name = stem.split('.').next().unwrap_or_default();
    if name.is_empty() {
        bail!(
            "`{}` has no name to call a folder by: name one, `ketch openapi import SPEC DIR`",
            spec.display()
        );
    }
    Ok(PathBuf::from(name))
}

/// Every file is new: the folder was empty, and no two have the same name.
fn write_all(dir: &Path, project: &Project) -> Result<()> {
    let mut written = BTreeSet::new();
    for (path, text) in &project.files {
        let inside = path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        if !inside || path.contains('\\') || !written.insert(path.to_ascii_lowercase()) {
            bail!(
                "the file `{path}` cannot be written: this is a fault of `ketch openapi import`, please tell of it"
            );
        }
        write(&dir.join(path), text).with_context(|| format!("{} is not complete", dir.display()))?;
    }
    let [(_, manifest), (_, of_project)] = SCHEMAS;
    write(&dir.join(manifest), &format!("{:#}\n", ketch_manifest::api_schema()))?;
    write(&dir.join(of_project), &format!("{:#}\n", ketch_manifest::project_schema()))
}

/// What was done, what was not, and what comes next.
fn words(dir: &Path, project: &Project) -> String {
    let mut out = String::new();
    for told in &project.told {
        writeln!(out, "{}: {}", clean(&told.at), clean(&told.what)).expect("a String takes everything");
    }
    let Project { carried, operations, .. } = project;
    let count = match project.told.len() {
        0 => "nothing was left out".to_owned(),
        1 => "1 thing could not be carried over as it was: it is above, and in the files after NOT CARRIED OVER".to_owned(),
        count => format!("{count} things could not be carried over as they were: they are above, and in the files after NOT CARRIED OVER"),
    };
    let dir = dir.display();
    write!(
        out,
        "Made {dir}: {carried} of {operations} operations; {count}. Next:\n  cd {dir}\n  ketch check      # what is wrong, each thing at its line\n  ketch serve .    # answers examples: open http://127.0.0.1:8080/docs\n\
         A method answers itself when its `stub` is taken out and a controller is written."
    )
    .expect("a String takes everything");
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    const WORDS: [&str; 44] = [
        "get",
        "post",
        "put",
        "parameters",
        "name",
        "in",
        "query",
        "path",
        "header",
        "cookie",
        "schema",
        "type",
        "object",
        "array",
        "string",
        "integer",
        "items",
        "properties",
        "allOf",
        "anyOf",
        "$ref",
        "#/components/schemas/A",
        "a.json#/b",
        "requestBody",
        "content",
        "application/json",
        "multipart/form-data",
        "responses",
        "200",
        "default",
        "required",
        "enum",
        "security",
        "style",
        "deepObject",
        "explode",
        "additionalProperties",
        "minimum",
        "example",
        "format",
        "binary",
        "readOnly",
        "$include",
        "GET@x",
    ];

    /// Values made of the words that a document is made of, in any order.
    fn values() -> impl Strategy<Value = Value> {
        let word = || proptest::sample::select(WORDS.to_vec());
        let leaf = prop_oneof![
            4 => word().prop_map(Value::from),
            1 => any::<bool>().prop_map(Value::from),
            1 => any::<i64>().prop_map(Value::from),
            1 => "\\PC{0,8}".prop_map(Value::from),
            1 => Just(Value::Null),
        ];
        leaf.prop_recursive(8, 96, 6, move |inner| {
            let member = (word(), inner.clone()).prop_map(|(name, value)| (name.to_owned(), value));
            prop_oneof![
                4 => proptest::collection::vec(member, 0..6).prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
                1 => proptest::collection::vec(inner, 0..4).prop_map(Value::from),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_a_document_holds_its_files_are_inside_and_can_be_read(
            path in "(/(\\{?[a-z.%]{0,3}\\}?|\\.\\.)){0,4}", item in values(), schema in values(), reply in values(),
        ) {
            let operation = json!({
                "parameters": [{ "name": "x", "in": "query", "schema": schema }, reply],
                "requestBody": { "content": { "application/json": { "schema": schema } } },
                "responses": { "200": { "content": { "application/json": { "schema": { "properties": { "a": schema, "b": reply } } } } } },
                "security": [reply],
            });
            let document = json!({
                "openapi": "3.1.0",
                "paths": { path: { "get": operation, "post": operation }, "/other": item },
                "components": { "schemas": { "A": { "properties": { "a": schema } } } },
            });
            let spec = ketch_openapi::read(document, &mut |_| Ok(schema.clone())).expect("it is small");
            let project = project(&spec, "spec");
            let mut names = BTreeSet::new();
            for (path, text) in &project.files {
                let plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
                prop_assert!(plain && !path.contains("..") && !path.starts_with('/') && names.insert(path.to_lowercase()), "{path}");
                if path.ends_with(".json") {
                    let mut problems = Vec::new();
                    let value = ketch_manifest::Source::new(path, text.clone()).parse(&mut problems);
                    prop_assert!(value.is_some() && problems.is_empty(), "{path}: {problems:?}\n{text}");
                }
            }
            prop_assert!(project.carried <= project.operations);
        }
    }
}
