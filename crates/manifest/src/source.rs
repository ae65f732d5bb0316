//! A file's text and its values, where every value knows its place. How the text is read is in [`syntax`](crate::syntax).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ketch_model::{Place, Problem};

use crate::syntax;

/// The largest file that is read, in bytes. Five hundred endpoints are written in half a mebibyte.
pub(crate) const LARGEST: u64 = 4 << 20;

/// Names of files that are kept for good, so that places need no copy of them.
const MOST_NAMES: usize = 4096;

/// A file's text, and where its lines begin.
#[derive(Debug)]
pub struct Source {
    name: Cow<'static, str>,
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
    /// When it cannot be read, is no file, is larger than 4 MiB, or is not UTF-8.
    pub fn read(path: &Path, name: &str) -> Result<Self, Problem> {
        let failed = |why: String| Problem::new(None, name, why);
        let unread = |error: std::io::Error| failed(format!("cannot be read: {error}"));
        // Opening a pipe would wait for whoever writes to it.
        if !path.metadata().map_err(unread)?.is_file() {
            return Err(failed("is no file".to_owned()));
        }
        let mut bytes = Vec::new();
        File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)).map_err(unread)?;
        if bytes.len() as u64 > LARGEST {
            return Err(failed(format!(
                "is larger than {} MiB, the most that is read: split it with `$include`",
                LARGEST >> 20
            )));
        }
        Self::decode(name, bytes)
    }

    /// The text of a file's bytes.
    ///
    /// # Errors
    /// When they are not UTF-8.
    pub fn decode(name: &str, bytes: Vec<u8>) -> Result<Self, Problem> {
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err(Problem::new(None, name, "is written in UTF-16: save it as UTF-8"));
        }
        String::from_utf8(bytes).map(|text| Self::new(name, text)).map_err(|error| {
            let good = error.utf8_error().valid_up_to();
            let before = String::from_utf8_lossy(&error.as_bytes()[..good]).into_owned();
            let place = Self::new(name, before).place(usize::MAX);
            Problem::new(Some(place), "JSON", "here is a byte that is not UTF-8: save the file as UTF-8")
        })
    }

    /// A text that is no file's.
    pub fn new(name: &str, text: String) -> Self {
        // Some editors put a mark before the text that says it is UTF-8; nobody sees it, so it has no column.
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { name: kept(name), text, lines }
    }

    /// The file, as messages name it: relative to the project.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text, without a byte order mark.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The place of a byte; of the end for what is beyond it.
    pub fn place(&self, at: usize) -> Place {
        let at = at.min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= at).max(1);
        let before = self.text.get(self.lines[line - 1]..at).unwrap_or_default();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Place { file: self.name.clone(), line: count(line), column: count(before.chars().count() + 1) }
    }

    /// Reads the text as JSON with comments and trailing commas. What is missing or too much is told of, and as far as
    /// it is plain what was meant, the rest is read too.
    pub fn parse(&self, problems: &mut Vec<Problem>) -> Option<Spanned> {
        syntax::parse(self, problems)
    }
}

/// A name that lives as long as the program, as long as there are not too many. A manifest has a place for each of its
/// values, and each reload makes them anew.
fn kept(name: &str) -> Cow<'static, str> {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return Cow::Borrowed(known);
    }
    if names.len() >= MOST_NAMES {
        return Cow::Owned(name.to_owned());
    }
    let kept: &'static str = Box::leak(name.into());
    names.insert(kept);
    Cow::Borrowed(kept)
}

impl Spanned {
    /// The value without its places; the last of members with the same name counts.
    pub fn plain(&self) -> serde_json::Value {
        match &self.value {
            Json::Null => serde_json::Value::Null,
            Json::Bool(it) => (*it).into(),
            // What no number can hold was refused when it was read.
            Json::Number(it) => serde_json::from_str(it).unwrap_or_default(),
            Json::Text(it) => it.clone().into(),
            Json::List(items) => items.iter().map(Self::plain).collect(),
            Json::Object(members) => {
                members.iter().map(|(name, _, value)| (name.clone(), value.plain())).collect()
            }
        }
    }

    /// The texts of all members of this name, however deep; those of a `default` are the user's.
    pub(crate) fn texts_called<'a>(&'a self, wanted: &str, found: &mut Vec<&'a str>) {
        match &self.value {
            Json::List(items) => items.iter().for_each(|item| item.texts_called(wanted, found)),
            Json::Object(members) => {
                for (name, _, value) in members.iter().filter(|(name, _, _)| name != "default") {
                    match &value.value {
                        Json::Text(text) if name == wanted => found.push(text),
                        _ => value.texts_called(wanted, found),
                    }
                }
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => {}
        }
    }

    /// The text that it is, and its place.
    pub fn as_text(&self) -> Option<(&str, &Place)> {
        if let Json::Text(text) = &self.value { Some((text, &self.place)) } else { None }
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
