//! How types are written, and which a project may name.
//!
//! ```text
//! type  = one [ "|null" ]
//! one   = name | name "(" … ")" | "[" type "]" | "<" type ">" | "<" [ type ] ":" [ type ] ">"
//! ```
//!
//! The `?` before a type belongs to the argument, not to its type.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ketch_syntax::suggestion;

use super::Type;
use super::own::{self, Own};
use super::schema::{Files, Schema};
use crate::project::ProjectFile;

/// How deep types stand in one another.
const DEEPEST: usize = 16;
/// The longest that a type is written, in bytes.
const LONGEST: usize = 4 << 10;
/// The names that stand alone, for suggestions.
pub(super) const NAMES: [&str; 15] = [
    "any", "bool", "int", "uint", "id", "float", "string", "token", "uuid", "email", "url", "date",
    "datetime", "FILE", "varchar",
];

/// The types that a project may name: the built-in ones, JSON Schemas of its files, and, where it has checkers, any
/// name that one of them may know.
#[derive(Debug)]
pub struct Types {
    files: Option<Files>,
    built_in: bool,
    own: bool,
    schemas: Mutex<BTreeMap<String, Result<Schema, String>>>,
}

impl Default for Types {
    /// The built-in types.
    fn default() -> Self {
        Self { files: None, built_in: true, own: false, schemas: Mutex::default() }
    }
}

impl Types {
    /// The types of a project.
    pub fn of(file: &ProjectFile) -> Self {
        let own = !own::files(file).is_empty();
        Self { files: Some(Files::of(&file.root)), built_in: file.default_types, own, ..Self::default() }
    }

    /// Reads a type as a manifest writes it, without its `?`. A name that only a checker may know is taken when the
    /// project has any; whether one does is asked when the project is lowered.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(&self, text: &str) -> Result<Type, String> {
        if text.len() > LONGEST {
            return Err(format!("has {} bytes; a type may have {LONGEST}", text.len()));
        }
        self.read(text, 0)
    }

    fn read(&self, text: &str, depth: usize) -> Result<Type, String> {
        if depth > DEEPEST {
            return Err(format!("stands more than {DEEPEST} deep in other types"));
        }
        if let Some(inner) = text.strip_suffix("|null") {
            return match self.read(inner, depth + 1)? {
                Type::Nullable(_) => Err(format!("`{text}` says `|null` twice")),
                Type::File => {
                    Err("a `FILE` cannot be null: write `?FILE` for one that may be left out".to_owned())
                }
                inner => Ok(Type::Nullable(Box::new(inner))),
            };
        }
        if let Some(inner) = between(text, '[', ']') {
            return self.list(inner, text, depth);
        }
        if let Some(inner) = between(text, '<', '>') {
            return match colon(inner) {
                Some(at) => self.map(&inner[..at], &inner[at + 1..], depth),
                None => self.list(inner, text, depth),
            };
        }
        if let Some((name, arguments)) = text.strip_suffix(')').and_then(|text| text.split_once('('))
            && (self.built_in || name == "schema")
            && let Some(read) = self.called(name, arguments)
        {
            return read;
        }
        self.named(text)
    }

    fn named(&self, text: &str) -> Result<Type, String> {
        let built_in = match text {
            "FILE" => return Ok(Type::File),
            "any" => Some(Type::Any),
            "bool" => Some(Type::Bool),
            "int" => Some(Type::Int),
            "uint" => Some(Type::Uint),
            "id" => Some(Type::Id),
            "float" | "float64" => Some(Type::Float),
            "string" => Some(Type::Text),
            "token" => Some(Type::Token),
            "uuid" => Some(Type::Uuid),
            "email" => Some(Type::Email),
            "url" => Some(Type::Url),
            "date" => Some(Type::Date),
            "datetime" => Some(Type::Datetime),
            _ => None,
        };
        match built_in {
            Some(built_in) if self.built_in => Ok(built_in),
            _ if self.own && !text.trim().is_empty() => Ok(Type::Own(Own::unknown(text))),
            Some(_) => Err(format!("`{text}` is no type here: the project leaves out the built-in types")),
            None => Err(unknown(text)),
        }
    }

    /// A type with arguments, if its name is one of theirs.
    fn called(&self, name: &str, arguments: &str) -> Option<Result<Type, String>> {
        Some(match name {
            "varchar" => range(arguments)
                .ok_or_else(|| {
                    format!("`varchar({arguments})` is not `varchar(min,max)`, such as `varchar(1,80)`")
                })
                .and_then(|(least, most)| lengths(least, most)),
            // aicra's later spelling of the same.
            "string" => range(arguments)
                .or_else(|| digits(arguments).map(|length| (length, length)))
                .ok_or_else(|| format!("`string({arguments})` is neither `string(n)` nor `string(min,max)`"))
                .and_then(|(least, most)| lengths(least, most)),
            "digest" => match digits(arguments) {
                Some(length) if (1..=1024).contains(&length) => Ok(Type::Digest(length)),
                _ => Err(format!("`digest({arguments})` is not `digest(n)`, with 1 to 1024 digits")),
            },
            "enum" => choices(arguments).map(Type::Enum),
            "schema" => self.schema(arguments).map(Type::Schema),
            _ => return None,
        })
    }

    fn list(&self, inner: &str, text: &str, depth: usize) -> Result<Type, String> {
        if inner.is_empty() {
            return Err(format!("`{text}` does not say a list of what: write `[any]` for anything"));
        }
        self.read(inner, depth + 1).map(|item| Type::List(Box::new(item)))
    }

    /// Either side may be left out: names that are any text, values that are anything.
    fn map(&self, key: &str, inner: &str, depth: usize) -> Result<Type, String> {
        let or =
            |text: &str, else_: Type| if text.is_empty() { Ok(else_) } else { self.read(text, depth + 1) };
        let (key, inner) = (or(key, Type::Text)?, or(inner, Type::Any)?);
        if matches!(
            key,
            Type::List(_) | Type::Map(..) | Type::Nullable(_) | Type::Schema(_) | Type::File | Type::Own(_)
        ) {
            return Err(
                "the names of a map are text: give them a type of one value, such as `string` or `id`"
                    .to_owned(),
            );
        }
        if inner.is_file() {
            return Err(
                "a file is an argument of its own or one of a list: write `FILE` or `[FILE]`".to_owned()
            );
        }
        Ok(Type::Map(Box::new(key), Box::new(inner)))
    }

    /// Each reference is read once.
    fn schema(&self, reference: &str) -> Result<Schema, String> {
        let Some(files) = &self.files else {
            return Err("a schema is a file of a project, and there is no project".to_owned());
        };
        let mut schemas = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        schemas.entry(reference.to_owned()).or_insert_with(|| Schema::read(files, reference)).clone()
    }
}

fn unknown(text: &str) -> String {
    match text {
        "" => "an empty type is none".to_owned(),
        "varchar" => "`varchar` has no lengths: write `varchar(min,max)`, such as `varchar(1,80)`".to_owned(),
        "digest" => "`digest` has no length: write `digest(n)`, such as `digest(64)`".to_owned(),
        "enum" => "`enum` has no values: write `enum(a,b)`".to_owned(),
        "schema" => "`schema` names no file: write `schema(type/point.json)`".to_owned(),
        _ => format!("`{text}` is no type{}", suggestion(text, NAMES)),
    }
}

fn between(text: &str, open: char, close: char) -> Option<&str> {
    text.strip_prefix(open)?.strip_suffix(close)
}

/// Where the colon of a map is: the first that no bracket is around.
fn colon(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '[' | '<' | '(' => depth += 1,
            ']' | '>' | ')' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

/// `a,b` or `a, b`.
fn range(text: &str) -> Option<(usize, usize)> {
    let (least, most) = text.split_once(',')?;
    Some((digits(least)?, digits(most.strip_prefix(' ').unwrap_or(most))?))
}

fn digits(text: &str) -> Option<usize> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn lengths(least: usize, most: usize) -> Result<Type, String> {
    if least > most {
        return Err(format!("the least length, {least}, is above the most, {most}"));
    }
    Ok(Type::Varchar(least, most))
}

fn choices(text: &str) -> Result<Vec<String>, String> {
    let mut all: Vec<String> = Vec::new();
    for choice in text.split(',').map(str::trim) {
        if choice.is_empty() {
            return Err(format!("`enum({text})` has an empty value: write `enum(a,b)`"));
        }
        if all.iter().any(|known| known == choice) {
            return Err(format!("`enum({text})` says `{choice}` twice"));
        }
        all.push(choice.to_owned());
    }
    Ok(all)
}
