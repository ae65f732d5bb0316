//! One column as a serde deserializer.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::{BorrowedStrDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{IntoDeserializer, Unexpected, Visitor};

use super::document::Document;
use crate::value::Value;

/// What is wrong with a row.
#[derive(Debug)]
pub(crate) struct Mistake {
    message: String,
    column: Option<String>,
}

impl Mistake {
    pub(crate) fn new(message: String) -> Self {
        Self { message, column: None }
    }

    /// The innermost column is the one that is told.
    pub(crate) fn at(mut self, column: &str) -> Self {
        self.column.get_or_insert_with(|| column.to_owned());
        self
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "column `{column}`: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Mistake {}

impl serde::de::Error for Mistake {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    /// As serde says it, but for texts and bytes, which may be secrets.
    fn invalid_type(found: Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::new(format!("{} instead of {expected}", told(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::new(format!("{} instead of {expected}", told(found)))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("text that is none of `{}`", expected.join("`, `")))
    }
}

fn told(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Str(_) => "text".to_owned(),
        Unexpected::Bytes(_) => "bytes".to_owned(),
        Unexpected::Char(_) => "a letter".to_owned(),
        Unexpected::Unit => "null".to_owned(),
        other => other.to_string(),
    }
}

pub(super) struct Column<'r> {
    pub(super) value: Value<'r>,
}

impl<'r> Column<'r> {
    /// JSON text as what it describes.
    fn json(&self) -> Option<Result<Document, Mistake>> {
        let (Value::Text(text) | Value::Json(text)) = &self.value else { return None };
        // serde_json's messages may quote the text, so only where it is wrong is told.
        let parsed = serde_json::from_str(text).map(Document);
        Some(parsed.map_err(|error| Mistake::new(format!("text that is not JSON (at {})", error.column()))))
    }

    fn mismatch<T>(&self, expected: &str) -> Result<T, Mistake> {
        Err(Mistake::new(format!("{} instead of {expected}", self.value)))
    }
}

/// Numbers may have come as text (decimals of PostgreSQL do), and booleans as 0 and 1 (SQLite has no others).
macro_rules! numbers {
    ($($method:ident $ty:ty;)*) => {$(
        fn $method<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Mistake> {
            match self.value {
                Value::Text(ref text) => match text.parse::<$ty>() {
                    Ok(number) => number.into_deserializer().$method(visitor),
                    Err(_) => self.mismatch(concat!("a number of type ", stringify!($ty))),
                },
                _ => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'r> serde::Deserializer<'r> for Column<'r> {
    type Error = Mistake;

    numbers! {
        deserialize_i8 i8; deserialize_i16 i16; deserialize_i32 i32; deserialize_i64 i64; deserialize_i128 i128;
        deserialize_u8 u8; deserialize_u16 u16; deserialize_u32 u32; deserialize_u64 u64; deserialize_u128 u128;
        deserialize_f32 f32; deserialize_f64 f64;
    }

    fn deserialize_any<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(it) => visitor.visit_bool(it),
            Value::Integer(it) => visitor.visit_i64(it),
            Value::Real(it) => visitor.visit_f64(it),
            Value::Text(Cow::Borrowed(it)) => visitor.visit_borrowed_str(it),
            Value::Text(Cow::Owned(it)) => visitor.visit_string(it),
            Value::Blob(Cow::Borrowed(it)) => visitor.visit_borrowed_bytes(it),
            Value::Blob(Cow::Owned(it)) => visitor.visit_byte_buf(it),
            Value::Json(ref text) => {
                let json: serde_json::Value =
                    serde_json::from_str(text).map_err(|_| Mistake::new("broken JSON".to_owned()))?;
                Document(json).deserialize_any(visitor)
            }
        }
    }

    fn deserialize_bool<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.value {
            Value::Integer(0) => visitor.visit_bool(false),
            Value::Integer(1) => visitor.visit_bool(true),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'r>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_str<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.value {
            Value::Json(Cow::Borrowed(it)) => visitor.visit_borrowed_str(it),
            Value::Json(Cow::Owned(it)) => visitor.visit_string(it),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.deserialize_any(visitor)
    }

    fn deserialize_seq<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Mistake> {
        if let Value::Blob(bytes) = &self.value {
            return visitor.visit_seq(SeqDeserializer::new(bytes.iter().copied()));
        }
        match self.json() {
            Some(json) => json?.deserialize_seq(visitor),
            None => self.mismatch("a sequence"),
        }
    }

    fn deserialize_tuple<V: Visitor<'r>>(self, _len: usize, visitor: V) -> Result<V::Value, Mistake> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'r>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.json() {
            Some(json) => json?.deserialize_map(visitor),
            None => self.mismatch("a map"),
        }
    }

    fn deserialize_struct<V: Visitor<'r>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        match self.json() {
            Some(json) => json?.deserialize_struct(name, fields, visitor),
            None => self.mismatch("a struct"),
        }
    }

    fn deserialize_enum<V: Visitor<'r>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        match &self.value {
            Value::Json(_) => match self.json() {
                Some(json) => json?.deserialize_enum(name, variants, visitor),
                None => self.mismatch("an enum"),
            },
            Value::Text(Cow::Borrowed(text)) => {
                BorrowedStrDeserializer::new(text).deserialize_enum(name, variants, visitor)
            }
            Value::Text(Cow::Owned(text)) => {
                StrDeserializer::new(text).deserialize_enum(name, variants, visitor)
            }
            _ => self.mismatch("the name of a variant"),
        }
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'r>>
        bytes byte_buf unit unit_struct identifier ignored_any
    }
}
