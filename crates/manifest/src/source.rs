//! JSON with comments, where every value knows its place.

use std::borrow::Cow;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, CommentCollectionStrategy, ParseOptions, parse_to_ast};
use ketch_model::{Place, Problem};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 16 << 20;

/// A file's text, and where its lines begin.
#[derive(Debug)]
pub struct Source {
    /// The file, as messages name it: relative to the project.
    pub name: Arc<str>,
    text: String,
    lines: Vec<usize>,
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Spanned {
    /// The value.
    pub value: Json,
    /// Where it begins.
    pub place: Place,
}

/// A JSON value. Members are in the order written; the same name may come twice, which is for the reader to refuse.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as written.
    Number(String),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Spanned>),
    /// An object: names, their places, and values.
    Object(Vec<(String, Place, Spanned)>),
}

impl Source {
    /// Reads a file; `name` is what messages call it.
    ///
    /// # Errors
    /// When it cannot be read, is larger than 16 MiB, or is not UTF-8.
    pub fn read(path: &Path, name: &str) -> Result<Self, Problem> {
        let failed = |why: String| Problem::new(None, name, why);
        let size = fs::metadata(path).map_err(|error| failed(format!("cannot be read: {error}")))?.len();
        if size > LARGEST {
            return Err(failed(format!("has {size} bytes; a manifest may have {LARGEST}")));
        }
        let text = fs::read_to_string(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
        Ok(Self::new(name, text))
    }

    /// A text that is no file's.
    pub fn new(name: &str, text: String) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { name: name.into(), text, lines }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The place of a byte.
    pub fn place(&self, at: usize) -> Place {
        let line = self.lines.partition_point(|start| *start <= at).max(1);
        let before = self.text.get(self.lines[line - 1]..at).unwrap_or_default();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let file = Cow::Owned(self.name.to_string());
        Place { file, line: count(line), column: count(before.chars().count() + 1) }
    }

    /// Reads the text as JSON with comments and trailing commas.
    ///
    /// # Errors
    /// Where it is not.
    pub fn parse(&self) -> Result<Spanned, Problem> {
        let collect = CollectOptions { comments: CommentCollectionStrategy::Off, tokens: false };
        let options = ParseOptions {
            allow_comments: true,
            allow_loose_object_property_names: false,
            allow_trailing_commas: true,
            allow_missing_commas: false,
            allow_single_quoted_strings: false,
            allow_hexadecimal_numbers: false,
            allow_unary_plus_numbers: false,
            allow_bare_decimal_point_numbers: false,
            allow_extended_string_escapes: false,
            allow_non_finite_numbers: false,
        };
        let parsed = parse_to_ast(&self.text, &collect, &options).map_err(|error| {
            let message = format!("is not JSON: {}", error.kind());
            Problem::new(Some(self.place(error.range().start)), &*self.name, message)
        })?;
        match parsed.value {
            Some(value) => self.spanned(value),
            None => Err(Problem::new(Some(self.place(0)), &*self.name, "is empty: write `{}` at least")),
        }
    }

    fn spanned(&self, value: ast::Value<'_>) -> Result<Spanned, Problem> {
        let place = self.place(value.start());
        let value = match value {
            ast::Value::NullKeyword(_) => Json::Null,
            ast::Value::BooleanLit(it) => Json::Bool(it.value),
            ast::Value::NumberLit(it) => Json::Number(it.value.to_owned()),
            ast::Value::StringLit(it) => Json::Text(it.value.into_owned()),
            ast::Value::Array(it) => {
                Json::List(it.elements.into_iter().map(|item| self.spanned(item)).collect::<Result<_, _>>()?)
            }
            ast::Value::Object(it) => {
                let mut members = Vec::with_capacity(it.properties.len());
                for member in it.properties {
                    let place = self.place(member.name.start());
                    members.push((member.name.into_string(), place, self.spanned(member.value)?));
                }
                Json::Object(members)
            }
        };
        Ok(Spanned { value, place })
    }
}

impl Spanned {
    /// The value without its places; the last of members with the same name counts.
    pub fn plain(&self) -> serde_json::Value {
        match &self.value {
            Json::Null => serde_json::Value::Null,
            Json::Bool(it) => (*it).into(),
            Json::Number(it) => serde_json::from_str(it).unwrap_or_default(),
            Json::Text(it) => it.clone().into(),
            Json::List(items) => items.iter().map(Self::plain).collect(),
            Json::Object(members) => {
                members.iter().map(|(name, _, value)| (name.clone(), value.plain())).collect()
            }
        }
    }

    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::Text(_) => "text",
            Json::List(_) => "a list",
            Json::Object(_) => "an object",
        }
    }
}
