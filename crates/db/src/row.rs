//! Rows into serde types.
//!
//! A struct or map is read by the columns' names, a tuple or sequence by their order, anything else from a row of one
//! column. A column that holds JSON text can be a struct, map or sequence of its own. Bytes are read as `Vec<u8>`.

mod column;
mod document;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};

use crate::driver::Row;
use crate::error::{Error, Result};
use crate::value::Value;

use column::Column;
pub(crate) use column::Mistake;

/// Reads a row.
///
/// # Errors
/// [`Error::Row`], with the column, what it holds and what was expected.
pub fn from_row<T: DeserializeOwned>(row: &dyn Row) -> Result<T> {
    T::deserialize(Whole { row }).map_err(|mistake| Error::Row(mistake.to_string()))
}

/// A row as a serde deserializer.
struct Whole<'r> {
    row: &'r dyn Row,
}

impl<'r> Whole<'r> {
    /// The value of a row of one column.
    fn only(&self) -> Result<Column<'r>, Mistake> {
        match self.row.len() {
            1 => column(self.row, 0),
            count => Err(Mistake::new(format!("one column was expected, and the row has {count}"))),
        }
    }
}

fn column(row: &dyn Row, index: usize) -> Result<Column<'_>, Mistake> {
    let value = row.value(index).map_err(|error| Mistake::new(error.to_string()))?;
    Ok(Column { value })
}

macro_rules! from_the_only_column {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Mistake> {
            self.only()?.$method(visitor)
        }
    )*};
}

impl<'r> serde::Deserializer<'r> for Whole<'r> {
    type Error = Mistake;

    from_the_only_column! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16
        deserialize_u32 deserialize_u64 deserialize_i128 deserialize_u128 deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
        deserialize_identifier
    }

    fn deserialize_any<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.deserialize_map(visitor)
    }

    fn deserialize_option<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.row.len() {
            1 => self.only()?.deserialize_option(visitor),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'r>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'r>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Mistake> {
        // One column that is itself a sequence, bytes or JSON, is what was meant.
        if self.row.len() == 1 {
            let only = self.only()?;
            if matches!(only.value, Value::Blob(_) | Value::Text(_) | Value::Json(_)) {
                return only.deserialize_seq(visitor);
            }
        }
        visitor.visit_seq(InOrder { row: self.row, len: self.row.len(), next: 0 })
    }

    fn deserialize_tuple<V: Visitor<'r>>(self, len: usize, visitor: V) -> Result<V::Value, Mistake> {
        let has = self.row.len();
        if has != len {
            return Err(Mistake::new(format!("{len} columns were expected, and the row has {has}")));
        }
        visitor.visit_seq(InOrder { row: self.row, len: self.row.len(), next: 0 })
    }

    fn deserialize_tuple_struct<V: Visitor<'r>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_map(ByName { row: self.row, len: self.row.len(), next: 0 })
    }

    fn deserialize_struct<V: Visitor<'r>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'r>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_unit()
    }
}

/// The columns in their order.
struct InOrder<'r> {
    row: &'r dyn Row,
    len: usize,
    next: usize,
}

impl<'r> SeqAccess<'r> for InOrder<'r> {
    type Error = Mistake;

    fn next_element_seed<S: DeserializeSeed<'r>>(&mut self, seed: S) -> Result<Option<S::Value>, Mistake> {
        if self.next == self.len {
            return Ok(None);
        }
        let (row, at) = (self.row, self.next);
        self.next += 1;
        seed.deserialize(column(row, at)?).map(Some).map_err(|mistake| mistake.at(row.name(at)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.len - self.next)
    }
}

/// The columns by their names.
struct ByName<'r> {
    row: &'r dyn Row,
    len: usize,
    next: usize,
}

impl<'r> MapAccess<'r> for ByName<'r> {
    type Error = Mistake;

    fn next_key_seed<K: DeserializeSeed<'r>>(&mut self, seed: K) -> Result<Option<K::Value>, Mistake> {
        if self.next == self.len {
            return Ok(None);
        }
        seed.deserialize(BorrowedStrDeserializer::new(self.row.name(self.next))).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'r>>(&mut self, seed: V) -> Result<V::Value, Mistake> {
        let (row, at) = (self.row, self.next);
        self.next += 1;
        seed.deserialize(column(row, at)?).map_err(|mistake| mistake.at(row.name(at)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.len - self.next)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    struct Given(Vec<(&'static str, Value<'static>)>);

    impl Row for Given {
        fn len(&self) -> usize {
            self.0.len()
        }

        fn name(&self, column: usize) -> &str {
            self.0[column].0
        }

        fn value(&self, column: usize) -> Result<Value<'_>> {
            Ok(self.0[column].1.clone())
        }
    }

    fn boat() -> Given {
        Given(vec![
            ("id", 7.into()),
            ("name", "Spray".into()),
            ("length", Value::Real(11.2)),
            ("sold", Value::Integer(0)),
            ("kind", "yawl".into()),
            ("tags", "[\"old\",\"wood\"]".into()),
            ("owner", Value::Null),
        ])
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Ketch,
        Yawl,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Boat {
        id: u32,
        name: String,
        length: f32,
        sold: bool,
        kind: Kind,
        tags: Vec<String>,
        owner: Option<u64>,
    }

    #[test]
    fn a_struct_is_read_by_names() {
        let expected = Boat {
            id: 7,
            name: "Spray".into(),
            length: 11.2,
            sold: false,
            kind: Kind::Yawl,
            tags: vec!["old".into(), "wood".into()],
            owner: None,
        };
        assert_eq!(from_row::<Boat>(&boat()), Ok(expected));
    }

    #[test]
    fn a_tuple_is_read_in_order_and_must_fit() {
        let two = Given(vec![("n", 3.into()), ("s", "x".into())]);
        assert_eq!(from_row::<(u8, String)>(&two), Ok((3, "x".into())));
        let error = from_row::<(u8, String, u8)>(&two).unwrap_err().to_string();
        assert!(error.contains("3 columns were expected, and the row has 2"), "{error}");
    }

    #[test]
    fn one_column_is_a_value() {
        let one = Given(vec![("n", 300.into())]);
        assert_eq!(from_row::<u16>(&one), Ok(300));
        assert_eq!(from_row::<Option<u16>>(&one), Ok(Some(300)));
        assert_eq!(from_row::<Option<u16>>(&Given(vec![("n", Value::Null)])), Ok(None));
        let error = from_row::<u16>(&boat()).unwrap_err().to_string();
        assert!(error.contains("one column was expected, and the row has 7"), "{error}");
    }

    #[test]
    fn a_row_of_any_shape_becomes_json() {
        let json: serde_json::Value = from_row(&boat()).unwrap();
        assert_eq!(json["name"], "Spray");
        assert_eq!(json["id"], 7);
        assert_eq!(json["owner"], serde_json::Value::Null);
        let map: BTreeMap<String, serde_json::Value> = from_row(&boat()).unwrap();
        assert_eq!(map.len(), 7);
    }

    #[test]
    fn bytes_are_bytes() {
        let row = Given(vec![("b", vec![1_u8, 2, 255].into())]);
        assert_eq!(from_row::<Vec<u8>>(&row), Ok(vec![1, 2, 255]));
        assert_eq!(from_row::<(Vec<u8>,)>(&row), Ok((vec![1, 2, 255],)));
    }

    #[test]
    fn a_mistake_names_the_column_and_shows_no_text() {
        let mut row = boat();
        row.0[0].1 = Value::Text("secret".into());
        let error = from_row::<Boat>(&row).unwrap_err().to_string();
        assert!(error.contains("column `id`") && !error.contains("secret"), "{error}");
        row.0[0].1 = Value::Integer(-1);
        let error = from_row::<Boat>(&row).unwrap_err().to_string();
        assert!(error.contains("column `id`") && error.contains("-1"), "{error}");
    }

    #[test]
    fn a_mistake_inside_json_shows_no_text_either() {
        #[derive(Debug, Deserialize)]
        #[expect(dead_code, reason = "it is never read")]
        struct Crew {
            names: Vec<u32>,
        }
        for json in ["{\"names\":[\"secret\"]}", "{\"names\":{\"a\":\"secret\"}}", "{\"names\":\"secret\"}"] {
            let row = Given(vec![("crew", json.into())]);
            let error = from_row::<(Crew,)>(&row).unwrap_err().to_string();
            assert!(error.contains("column `crew`") && !error.contains("secret"), "{error}");
            let row = Given(vec![("kind", Value::Json("\"secret\"".into())), ("n", 1.into())]);
            let error = from_row::<(Kind, u8)>(&row).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        let row = Given(vec![("tags", "[\"secret\"]".into())]);
        let error = from_row::<(Vec<u32>,)>(&row).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
        let row = Given(vec![("tags", Value::Json("\"secret\"".into()))]);
        let error = from_row::<(std::collections::BTreeMap<String, u8>,)>(&row).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
