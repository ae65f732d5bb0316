//! The values that go into a statement and come out of a row, the same for every engine.

use std::borrow::Cow;
use std::fmt;

/// One value: a parameter, or a column of a row.
///
/// What an engine has beyond these travels as text: a UUID, a time (RFC 3339), a decimal number. The engine turns it
/// into the column's own type when it is stored, and back when it is read.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// No value.
    Null,
    /// True or false. SQLite stores 1 or 0.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes.
    Blob(Cow<'a, [u8]>),
    /// A JSON document, as text. SQLite stores it as text.
    Json(Cow<'a, str>),
}

impl Value<'_> {
    /// The value with nothing borrowed.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Bool(it) => Value::Bool(it),
            Value::Integer(it) => Value::Integer(it),
            Value::Real(it) => Value::Real(it),
            Value::Text(it) => Value::Text(Cow::Owned(it.into_owned())),
            Value::Blob(it) => Value::Blob(Cow::Owned(it.into_owned())),
            Value::Json(it) => Value::Json(Cow::Owned(it.into_owned())),
        }
    }

    /// What kind of value it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Integer(_) => "a whole number",
            Value::Real(_) => "a number",
            Value::Text(_) => "text",
            Value::Blob(_) => "bytes",
            Value::Json(_) => "JSON",
        }
    }
}

/// Shows the kind, and of numbers the value; never text or bytes, which may be secrets and end in logs.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(it) => write!(f, "the boolean {it}"),
            Value::Integer(it) => write!(f, "the whole number {it}"),
            Value::Real(it) => write!(f, "the number {it}"),
            other => f.write_str(other.kind()),
        }
    }
}

macro_rules! from_integers {
    ($($ty:ty)*) => {$(
        impl From<$ty> for Value<'static> {
            fn from(it: $ty) -> Self {
                Self::Integer(i64::from(it))
            }
        }
    )*};
}
from_integers!(i8 i16 i32 i64 u8 u16 u32);

macro_rules! from_references {
    ($($ty:ty)*) => {$(
        impl From<&$ty> for Value<'static> {
            fn from(it: &$ty) -> Self {
                it.clone().into()
            }
        }
    )*};
}
from_references!(i8 i16 i32 i64 u8 u16 u32 bool f32 f64 String Vec<u8> serde_json::Value);

impl From<bool> for Value<'static> {
    fn from(it: bool) -> Self {
        Self::Bool(it)
    }
}

impl From<f64> for Value<'static> {
    fn from(it: f64) -> Self {
        Self::Real(it)
    }
}

impl From<f32> for Value<'static> {
    fn from(it: f32) -> Self {
        Self::Real(f64::from(it))
    }
}

impl From<String> for Value<'static> {
    fn from(it: String) -> Self {
        Self::Text(Cow::Owned(it))
    }
}

impl From<&str> for Value<'static> {
    fn from(it: &str) -> Self {
        Self::Text(Cow::Owned(it.to_owned()))
    }
}

impl From<Vec<u8>> for Value<'static> {
    fn from(it: Vec<u8>) -> Self {
        Self::Blob(Cow::Owned(it))
    }
}

impl From<&[u8]> for Value<'static> {
    fn from(it: &[u8]) -> Self {
        Self::Blob(Cow::Owned(it.to_vec()))
    }
}

impl From<serde_json::Value> for Value<'static> {
    fn from(it: serde_json::Value) -> Self {
        Self::Json(Cow::Owned(it.to_string()))
    }
}

impl<T: Into<Value<'static>>> From<Option<T>> for Value<'static> {
    fn from(it: Option<T>) -> Self {
        it.map_or(Self::Null, Into::into)
    }
}
