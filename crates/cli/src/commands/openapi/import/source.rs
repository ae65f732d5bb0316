//! The document's files: JSON or YAML, inside of the document's folder, bounded.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use serde_saphyr::{Budget, Options};

/// All files of a document together, in bytes.
const MOST_BYTES: u64 = 32 << 20;
/// How deep values stand in one another; JSON has the same bound.
const DEEPEST: usize = 120;
/// Values of a document that is YAML, with all that its aliases repeat.
const MOST_VALUES: usize = 4_000_000;

/// A document that is being read.
#[derive(Debug)]
pub(super) struct Source {
    file: PathBuf,
    folder: PathBuf,
    left: u64,
}

impl Source {
    pub(super) fn open(spec: &Path) -> Result<Self> {
        let shown = spec.display();
        if spec.to_string_lossy().contains("://") {
            bail!(
                "`{shown}` is a URL, and nothing is fetched from the network: save the document, and name the file"
            );
        }
        let file = spec.canonicalize().with_context(|| format!("cannot read `{shown}`"))?;
        ensure!(file.is_file(), "`{shown}` is no file: name the document");
        let folder = file.parent().unwrap_or(&file).to_owned();
        Ok(Self { file, folder, left: MOST_BYTES })
    }

    /// The document itself.
    pub(super) fn document(&mut self) -> Result<Value> {
        let file = self.file.clone();
        self.read(&file).map_err(|why| anyhow::anyhow!("`{}` {why}", file.display()))
    }

    /// A file that the document refers to.
    ///
    /// # Errors
    /// Why it is not read.
    pub(super) fn other(&mut self, path: &str) -> Result<Value, String> {
        let file =
            self.folder.join(path).canonicalize().map_err(|error| format!("it cannot be read: {error}"))?;
        if !file.starts_with(&self.folder) {
            return Err("it leads out of the document's folder".to_owned());
        }
        if !file.is_file() {
            return Err("it is no file".to_owned());
        }
        self.read(&file)
    }

    fn read(&mut self, file: &Path) -> Result<Value, String> {
        let length = fs::metadata(file).map_err(|error| format!("cannot be read: {error}"))?.len();
        self.left = self.left.checked_sub(length).ok_or_else(|| {
            format!("is too large: the files of a document may have {} MiB together", MOST_BYTES >> 20)
        })?;
        let bytes = fs::read(file).map_err(|error| format!("cannot be read: {error}"))?;
        let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
        parse(&text)
    }
}

/// Reads JSON, or else YAML 1.2: `no` is a text, and a key that is there twice is an error.
///
/// # Errors
/// What is wrong, and where.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('{') {
        let json = serde_json::from_str::<Value>(text);
        // YAML may begin so too; what is neither is told of as JSON.
        return json.or_else(|error| yaml(text).map_err(|_| format!("is no JSON: {error}")));
    }
    yaml(text).map_err(|error| format!("is neither JSON nor YAML: {error}"))
}

fn yaml(text: &str) -> Result<Value, String> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| error.to_string())
}

fn options() -> Options {
    let mut budget = Budget::default();
    budget.max_depth = DEEPEST;
    budget.max_nodes = MOST_VALUES;
    budget.max_events = 2 * MOST_VALUES;
    budget.max_total_scalar_bytes = usize::try_from(MOST_BYTES).unwrap_or(usize::MAX);
    budget.max_documents = 1;
    let mut options = Options::default();
    options.budget = Some(budget);
    options.strict_booleans = true;
    options.leading_zero_numbers_as_strings = true;
    options.underscored_numbers_as_strings = true;
    options.with_snippet = false;
    options
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_is_read_as_json_would_be() {
        let text = "openapi: 3.1.0\nno: no\nresponses:\n  200: { a: 1, b: 1.5, c: ~, d: '1', e: 007, f: 2026-01-31 }\nlist: [yes, true, null, 1e3]\nmore: |\n  one\n  two\n";
        let value = parse(text).unwrap();
        assert_eq!(
            value,
            json!({
                "openapi": "3.1.0", "no": "no", "list": ["yes", true, null, 1000.0], "more": "one\ntwo\n",
                "responses": { "200": { "a": 1, "b": 1.5, "c": null, "d": "1", "e": "007", "f": "2026-01-31" } },
            })
        );
        assert_eq!(parse("{ a: 1, }").unwrap(), json!({ "a": 1 }));
        assert_eq!(parse("\u{feff}{ \"a\": 1 }").unwrap(), json!({ "a": 1 }));
        assert_eq!(
            parse("a: &x { b: 1 }\nc: *x\nd:\n  <<: *x\n  e: 2").unwrap()["d"],
            json!({ "b": 1, "e": 2 })
        );
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        assert!(parse("a: 1\na: 2").unwrap_err().contains("neither JSON nor YAML"));
        assert!(parse("{\n  \"a\": 1\n  \"b\"").unwrap_err().contains("line 3"));
        assert!(parse("a: [1\nb: 2").unwrap_err().contains("line"));
    }

    #[test]
    fn bombs_do_not_go_off() {
        let mut laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..12 {
            let last = level - 1;
            laughs += &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{last}"); 10].join(","));
        }
        assert!(parse(&laughs).is_err());
        assert!(parse(&format!("a: {}", "[".repeat(100_000))).is_err());
        assert!(parse(&format!("{{ \"a\": {}", "[".repeat(100_000))).is_err());
    }
}
