//! Types of arguments and outputs: what they accept, and how text and JSON become their values.
//!
//! How they are written is in `written`, their JSON Schema in `documents`, JSON Schemas of a project in `schema`, and
//! types that a project's own checkers know in `own`. A type is read once, when the project is, and holds nothing that
//! changes: calls share it.

mod bundle;
mod documents;
mod fuzz;
mod own;
mod scalar;
mod schema;
mod written;

use std::fmt;

use serde_json::{Map, Value};

pub use fuzz::check_types;
pub use own::Own;
pub(crate) use own::{Checks, resolved};
pub use schema::Schema;
pub use written::Types;

/// A type, as declared.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Type {
    /// `any`: anything.
    Any,
    /// `bool`: `true` or `false`.
    Bool,
    /// `int`: a whole number, -2^63 to 2^63-1.
    Int,
    /// `uint`: a whole number, 0 to 2^64-1.
    Uint,
    /// `id`: a whole number, 1 to 2^63-1.
    Id,
    /// `float`: a number, kept as a double unless it is a whole one of 64 bits.
    Float,
    /// `string`: text.
    Text,
    /// `varchar(min,max)`: text of so many characters, both ends included.
    Varchar(usize, usize),
    /// `token`: what a bearer token may be (RFC 9110, 11.2): letters, digits, `-._~+/`, then `=`.
    Token,
    /// `digest(n)`: so many hexadecimal digits, in lower case.
    Digest(usize),
    /// `uuid`: a UUID with its hyphens (RFC 9562, 4). It becomes lower case.
    Uuid,
    /// `email`: an address as HTML's forms have it.
    Email,
    /// `url`: an absolute URL of `http` or `https`.
    Url,
    /// `date`: `2026-01-31` (RFC 3339, `full-date`).
    Date,
    /// `datetime`: `2026-01-31T12:00:00Z` (RFC 3339, `date-time`).
    Datetime,
    /// `enum(a,b)`: one of these texts.
    Enum(Vec<String>),
    /// `FILE`: a file of a multipart form.
    File,
    /// `[a]`: a list.
    List(Box<Type>),
    /// `<a:b>`: an object whose names are of one type and whose values are of another.
    Map(Box<Type>, Box<Type>),
    /// `a|null`: the type or `null`.
    Nullable(Box<Type>),
    /// `schema(file#/pointer)`: what a JSON Schema of the project accepts.
    Schema(Schema),
    /// A type that one of the project's checkers knows.
    Own(Own),
}

/// What is wrong with a value. No value is in it, so that it may be answered and logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Where, below the value: a JSON Pointer (RFC 6901), empty for the value itself.
    pub at: String,
    /// Whether it breaks a rule, and could be read otherwise.
    pub rule: bool,
    /// What to send instead, after a name: `must be text`.
    pub message: String,
}

impl Wrong {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self { at: String::new(), rule: false, message: message.into() }
    }

    pub(crate) fn rule(message: impl Into<String>) -> Self {
        Self { rule: true, ..Self::invalid(message) }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{} {}", self.at, self.message)
        }
    }
}

/// The most that is told of one value.
const MOST: usize = 100;
/// The longest name of a member in a pointer, in characters: names are the sender's.
const NAME: usize = 100;

impl Type {
    /// Reads a built-in type as a manifest writes it, without its `?`. [`Types::parse`] knows the project's own too.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        Types::default().parse(text)
    }

    /// Converts the text of a path, query, header, cookie or form. The type decides: `12` is text for a `string`. What
    /// is not one value (maps, lists within lists) and what says nothing of text (`any`) is read as JSON.
    ///
    /// # Errors
    /// What to send instead.
    pub fn convert(&self, text: &str) -> Result<Value, Vec<Wrong>> {
        let json = || serde_json::from_str::<Value>(text);
        let value = match self {
            Self::Nullable(inner) => return inner.convert(text),
            Self::Any | Self::Own(_) => json().unwrap_or_else(|_| text.into()),
            Self::Bool => match text {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                _ => text.into(),
            },
            Self::Int | Self::Uint | Self::Id | Self::Float => {
                scalar::number(text).unwrap_or_else(|| text.into())
            }
            Self::Schema(schema) if schema.accepts(&text.into()) => text.into(),
            Self::List(_) | Self::Map(..) | Self::Schema(_) => {
                json().map_err(|_| vec![Wrong::invalid(format!("must be {} as JSON", self.noun()))])?
            }
            _ => text.into(),
        };
        self.accept(value)
    }

    /// Takes a value that came as JSON. A whole number that was written with a fraction or exponent (`2.0`, `1e3`)
    /// becomes one where a whole number is wanted, and a UUID becomes lower case, as the name of a map's member too.
    ///
    /// # Errors
    /// Everything that is wrong with it, 100 entries at most.
    pub fn accept(&self, mut value: Value) -> Result<Value, Vec<Wrong>> {
        let mut wrongs = Vec::new();
        self.walk(&mut value, &mut String::new(), &mut wrongs);
        if wrongs.is_empty() { Ok(value) } else { Err(wrongs) }
    }

    /// Whether a value is of the type, as [`accept`](Self::accept) says.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    pub fn check(&self, value: &Value) -> Result<(), Vec<Wrong>> {
        self.accept(value.clone()).map(drop)
    }

    /// The type that text is converted to for each value, where a name comes several times: that of a list's items.
    pub(crate) fn item(&self) -> Option<&Self> {
        match self {
            Self::List(item) => Some(item),
            Self::Nullable(inner) => inner.item(),
            _ => None,
        }
    }

    /// Whether it is anything at all, a list too.
    pub(crate) fn is_any(&self) -> bool {
        matches!(self, Self::Any) || matches!(self, Self::Nullable(inner) if inner.is_any())
    }

    /// Whether files are what it is about.
    pub(crate) fn is_file(&self) -> bool {
        matches!(self, Self::File) || self.item().is_some_and(|item| *item == Self::File)
    }

    /// Whether breaking it can be 422: it has rules beyond its kind.
    pub(crate) fn has_rules(&self) -> bool {
        match self {
            Self::Varchar(..) | Self::Schema(_) | Self::Own(_) => true,
            Self::List(inner) | Self::Nullable(inner) => inner.has_rules(),
            Self::Map(key, inner) => key.has_rules() || inner.has_rules(),
            _ => false,
        }
    }

    fn walk(&self, value: &mut Value, at: &mut String, wrongs: &mut Vec<Wrong>) {
        if wrongs.len() >= MOST {
            return;
        }
        match (self, &mut *value) {
            (Self::Nullable(_), Value::Null) => {}
            (Self::Nullable(inner), _) => inner.walk(value, at, wrongs),
            (Self::List(item), Value::Array(items)) => {
                for (index, value) in items.iter_mut().enumerate() {
                    below(at, &index.to_string(), |at| item.walk(value, at, wrongs));
                }
            }
            (Self::Map(key, inner), Value::Object(members)) => walk_map(key, inner, members, at, wrongs),
            (Self::Schema(schema), value) => schema.walk(value, at, wrongs, MOST),
            (Self::Own(_), _) => {}
            (_, value) => {
                if let Err(wrong) = self.leaf(value) {
                    wrongs.push(Wrong { at: at.clone(), ..wrong });
                }
            }
        }
    }

    /// Reads the name of a map's member. A whole number is written in one way only, so that no two names mean the same.
    fn name(&self, written: &str) -> Result<(), Vec<Wrong>> {
        let plain = self.convert(written)?.to_string();
        let is_whole = matches!(self, Self::Int | Self::Uint | Self::Id);
        if is_whole && plain != written {
            return Err(vec![Wrong::invalid(format!("must be {}", self.noun()))]);
        }
        Ok(())
    }

    /// What it is, after "must be".
    pub(crate) fn noun(&self) -> String {
        match self {
            Self::List(_) => "a list".to_owned(),
            Self::Map(..) => "an object".to_owned(),
            Self::Schema(_) => "a value of its schema".to_owned(),
            other => scalar::noun(other),
        }
    }
}

fn walk_map(
    key: &Type,
    inner: &Type,
    members: &mut Map<String, Value>,
    at: &mut String,
    wrongs: &mut Vec<Wrong>,
) {
    let mut is_otherwise = false;
    for (name, value) in members.iter_mut() {
        is_otherwise |= *key == Type::Uuid && name.contains(|letter: char| letter.is_ascii_uppercase());
        below(at, name, |at| {
            if let Err(found) = key.name(name) {
                let named = |wrong: Wrong| format!("has a name that {}", wrong.message);
                wrongs.extend(found.into_iter().take(1).map(|wrong| Wrong {
                    at: at.clone(),
                    rule: wrong.rule,
                    message: named(wrong),
                }));
            }
            inner.walk(value, at, wrongs);
        });
    }
    if is_otherwise {
        lower(members, at, wrongs);
    }
}

/// Gives the members of a map names in lower case. Two that mean the same are wrong.
fn lower(members: &mut Map<String, Value>, at: &mut String, wrongs: &mut Vec<Wrong>) {
    let mut lowered = Map::with_capacity(members.len());
    for (name, value) in std::mem::take(members) {
        let meant = name.to_ascii_lowercase();
        if lowered.contains_key(&meant) {
            let message = "has the name of another, which is written otherwise";
            below(at, &name, |at| wrongs.push(Wrong { at: at.clone(), ..Wrong::invalid(message) }));
        } else {
            lowered.insert(meant, value);
        }
    }
    *members = lowered;
}

/// One step deeper in a pointer, and back.
fn below(at: &mut String, name: &str, then: impl FnOnce(&mut String)) {
    let before = at.len();
    step(at, name);
    then(at);
    at.truncate(before);
}

/// Adds a step to a JSON Pointer. A long name is cut: it is the sender's.
pub(crate) fn step(pointer: &mut String, name: &str) {
    pointer.push('/');
    let short: String = name.chars().take(NAME).collect();
    pointer.push_str(&short.replace('~', "~0").replace('/', "~1"));
    if short.len() < name.len() {
        pointer.push('…');
    }
}
