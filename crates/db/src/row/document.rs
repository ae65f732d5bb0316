//! A JSON document as a serde deserializer. serde_json's own would quote what it found in its messages, which end in
//! logs; this one says what [`Mistake`] says.

use std::borrow::Cow;

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde_json::Value as Json;

use super::column::{Column, Mistake};
use crate::value::Value;

/// A document, or a part of one.
pub(super) struct Document(pub(super) Json);

/// The members of an object. Their names are text, also where they are numbers.
fn members<'de>(
    object: serde_json::Map<String, Json>,
) -> MapDeserializer<'de, impl Iterator<Item = (Column<'de>, Document)>, Mistake> {
    let name = |name| Column { value: Value::Text(Cow::Owned(name)) };
    MapDeserializer::new(object.into_iter().map(move |(key, it)| (name(key), Document(it))))
}

impl<'de> Deserializer<'de> for Document {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.0 {
            Json::Null => visitor.visit_unit(),
            Json::Bool(it) => visitor.visit_bool(it),
            Json::Number(it) => match (it.as_u64(), it.as_i64()) {
                (Some(it), _) => visitor.visit_u64(it),
                (None, Some(it)) => visitor.visit_i64(it),
                (None, None) => visitor.visit_f64(it.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(it) => visitor.visit_string(it),
            Json::Array(it) => {
                let mut items = SeqDeserializer::new(it.into_iter().map(Document));
                let made = visitor.visit_seq(&mut items)?;
                items.end().map(|()| made)
            }
            Json::Object(it) => {
                let mut members = members(it);
                let made = visitor.visit_map(&mut members)?;
                members.end().map(|()| made)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.0 {
            Json::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        match self.0 {
            Json::String(it) => StringDeserializer::new(it).deserialize_enum(name, variants, visitor),
            Json::Object(it) if it.len() == 1 => {
                MapAccessDeserializer::new(members(it)).deserialize_enum(name, variants, visitor)
            }
            _ => Err(Mistake::new(format!("JSON that is no variant of `{name}`"))),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

impl IntoDeserializer<'_, Mistake> for Document {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> IntoDeserializer<'de, Mistake> for Column<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
