//! The outside judge of the documents: openapi-spec-validator holds them against the OpenAPI specification. Those of the
//! example are asked of its binary, whole and of each version, and those of manifests of the stock one; those of the tests'
//! kitchen sink are goldens, which the tests have compared with what is served.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::command;
use crate::tools::Tools;
use crate::workspace::Workspace;

/// Far above what it takes.
const LIMIT: Duration = Duration::from_secs(120);

/// The documents of the kitchen sink.
const SINK: &str = "crates/ketch/tests/golden";

/// Manifests, below the workspace: the example, the kitchen sink, and a project of aicra's.
const MANIFESTS: [&str; 3] = ["examples/todos", "xtask/manifest", "crates/manifest/tests/it/seed/project"];

/// Validates every document; the first that is not valid fails the run.
pub(crate) fn run(workspace: &Workspace, tools: &Tools) -> Result<()> {
    let mut documents = written(&workspace.root.join(SINK))?;
    documents.extend(of_example(workspace)?);
    documents.extend(of_manifests(workspace)?);
    let mut validator = command::program(tools.program("openapi-spec-validator"), &workspace.root);
    validator.args(["--schema", "3.1", "--validation-errors", "all"]).args(&documents);
    command::run_within(&mut validator, LIMIT).context("a document is no valid OpenAPI 3.1, see above")
}

/// `openapi.json` and the versions beside it. That there is none is an error: nothing would be judged.
fn written(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    let is_document = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("openapi") && name.ends_with(".json")
    };
    let mut documents: Vec<PathBuf> = paths.into_iter().filter(is_document).collect();
    documents.sort();
    ensure!(documents.len() > 1, "there are no documents in {}", folder.display());
    Ok(documents)
}

/// Builds the example and lets it write its documents.
fn of_example(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    command::run(command::cargo(&workspace.root).args(["build", "--package", "harbour"]))?;
    let (path, whole) = asked(workspace, "harbour", "harbour.json", &[])?;
    let mut paths = vec![path];
    for version in versions(&whole)? {
        let name = format!("harbour-v{version}.json");
        paths.push(asked(workspace, "harbour", &name, &["--version", &version])?.0);
    }
    ensure!(paths.len() > 1, "the example has no versions: there is nothing to judge");
    Ok(paths)
}

/// Builds the stock binary and lets it write the documents of the manifests.
fn of_manifests(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    command::run(command::cargo(&workspace.root).args(["build", "--package", "ketch"]))?;
    let one = |(at, manifest): (usize, &&str)| -> Result<PathBuf> {
        let (path, text) = asked(workspace, "ketch", &format!("manifest-{at}.json"), &[manifest])?;
        let document: serde_json::Value =
            serde_json::from_str(&text).with_context(|| format!("the document of {manifest} is not JSON"))?;
        let paths = document["paths"].as_object().map_or(0, serde_json::Map::len);
        ensure!(paths > 1, "the document of {manifest} has {paths} paths: nothing of it is judged");
        Ok(path)
    };
    MANIFESTS.iter().enumerate().map(one).collect()
}

/// What a binary says to `openapi` with these arguments, and the file that it was written to.
fn asked(workspace: &Workspace, binary: &str, name: &str, arguments: &[&str]) -> Result<(PathBuf, String)> {
    let folder = workspace.target.join("documents");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let mut openapi = command::program(workspace.target.join("debug").join(binary), &workspace.root);
    let text = command::output(openapi.arg("openapi").args(arguments))?;
    let path = folder.join(name);
    fs::write(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok((path, text))
}

/// The versions that a document lists.
fn versions(document: &str) -> Result<Vec<String>> {
    let document: serde_json::Value =
        serde_json::from_str(document).context("the example's document is not JSON")?;
    let listed = document["x-ketch-documents"].as_array().cloned().unwrap_or_default();
    let version = |item: &serde_json::Value| item["version"].as_str().map(str::to_owned);
    Ok(listed.iter().filter_map(version).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_the_document() {
        let document = r#"{ "x-ketch-documents": [{ "version": "1" }, { "version": "2.1" }] }"#;
        assert_eq!(versions(document).unwrap(), ["1", "2.1"]);
        assert_eq!(versions("{}").unwrap(), [] as [&str; 0]);
        assert!(versions("no json").is_err());
    }

    #[test]
    fn a_folder_without_documents_is_an_error() {
        assert!(written(Path::new("src")).is_err());
        assert!(written(Path::new("no-such-folder")).is_err());
    }
}
