//! JSON bodies: an object whose declared members are kept. A member that comes twice is refused, wherever it stands:
//! somebody else may have looked at the other one.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use ketch_model::Error;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::Given;
use crate::tree::Param;

/// A body may have this many values whatever its limit, and one more for each so many bytes of its limit. A value in
/// memory is many times the two bytes that it can be on the wire.
const VALUES: usize = 100_000;
const BYTES: usize = 16;

/// # Errors
/// 400 when it is no JSON object or deeper than 128 levels, 413 when it has too many values.
pub(super) fn members(
    wanted: &[&Param],
    bytes: &[u8],
    limit: usize,
) -> Result<BTreeMap<String, Given>, Error> {
    let Some(first) = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) else {
        return Ok(BTreeMap::new());
    };
    let most = VALUES.max(limit / BYTES);
    let left = Cell::new(Some(most));
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    // What is no object is not given to a reader whose messages would repeat it.
    let read = if *first == b'{' {
        Members { wanted, left: &left }
            .deserialize(&mut reader)
            .and_then(|members| reader.end().map(|()| members))
    } else {
        let message = "the body must be a JSON object: `{ … }`";
        return Err(Error::new(400, "invalid_json", message));
    };
    read.map_err(|error| match left.get() {
        None => {
            let message = format!("the body has more than {most} values, which is as many as are read here");
            Error::new(413, "too_many_values", message)
        }
        Some(_) => {
            Error::new(400, "invalid_json", format!("the body is not JSON as it is read here: {error}"))
        }
    })
}

/// The body itself.
struct Members<'a> {
    wanted: &'a [&'a Param],
    left: &'a Cell<Option<usize>>,
}

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = BTreeMap<String, Given>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = BTreeMap<String, Given>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut all = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            if !self.wanted.iter().any(|param| param.wire == name) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = map.next_value_seed(Tree(self.left))?;
            let given = match all.contains_key(&name) {
                false => Given::Json(value),
                true => Given::Wrong("repeated", "is given more than once".to_owned()),
            };
            all.insert(name, given);
        }
        Ok(all)
    }
}

/// Any value.
#[derive(Clone, Copy)]
struct Tree<'a>(&'a Cell<Option<usize>>);

impl Tree<'_> {
    fn count<E: serde::de::Error>(self) -> Result<(), E> {
        let left = self.0.get().and_then(|left| left.checked_sub(1));
        self.0.set(left);
        left.map(drop).ok_or_else(|| E::custom("too many values"))
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            all.push(item);
        }
        Ok(all.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if all.contains_key(&name) {
                return Err(A::Error::custom("an object has a member twice"));
            }
            all.insert(name, members.next_value_seed(self)?);
        }
        Ok(all.into())
    }
}
