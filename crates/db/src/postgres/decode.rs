//! Columns as values.

use std::borrow::Cow;
use std::error::Error as StdError;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use tokio_postgres::types::{FromSql, Kind, Type};
use uuid::Uuid;

use super::encode::{base, is_text};
use super::numeric;
use crate::driver::Row;
use crate::error::{Error, Result};
use crate::value::Value;

/// A row of PostgreSQL as every engine shows it.
#[derive(Debug)]
pub(super) struct Shown<'r>(pub(super) &'r tokio_postgres::Row);

impl Row for Shown<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn name(&self, column: usize) -> &str {
        self.0.columns().get(column).map_or("", |column| column.name())
    }

    fn value(&self, column: usize) -> Result<Value<'_>> {
        self.0.try_get::<_, Column<'_>>(column).map(|column| column.0).map_err(|error| {
            let why =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            Error::Row(format!("column `{}`: {why}", self.name(column)))
        })
    }
}

/// A column's value, whatever its type.
struct Column<'r>(Value<'r>);

impl<'r> FromSql<'r> for Column<'r> {
    fn from_sql(ty: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        decode(base(ty), raw).map(Column)
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(Value::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn decode<'r>(ty: &Type, raw: &'r [u8]) -> Result<Value<'r>, Box<dyn StdError + Sync + Send>> {
    let text = |it: String| Ok(Value::Text(Cow::Owned(it)));
    match *ty {
        Type::BOOL => bool::from_sql(ty, raw).map(Value::Bool),
        Type::INT2 => i16::from_sql(ty, raw).map(|it| Value::Integer(it.into())),
        Type::INT4 => i32::from_sql(ty, raw).map(|it| Value::Integer(it.into())),
        Type::INT8 => i64::from_sql(ty, raw).map(Value::Integer),
        Type::OID => u32::from_sql(ty, raw).map(|it| Value::Integer(it.into())),
        Type::FLOAT4 => f32::from_sql(ty, raw).map(|it| Value::Real(it.into())),
        Type::FLOAT8 => f64::from_sql(ty, raw).map(Value::Real),
        Type::NUMERIC => text(numeric::text(raw).ok_or("broken bytes of a number")?),
        Type::BYTEA => Ok(Value::Blob(Cow::Borrowed(raw))),
        Type::UUID => text(Uuid::from_sql(ty, raw)?.to_string()),
        Type::TIMESTAMPTZ => text(finite(raw, Timestamp::from_sql(ty, raw))?.to_string()),
        Type::TIMESTAMP => text(finite(raw, DateTime::from_sql(ty, raw))?.to_string()),
        Type::DATE => text(finite(raw, Date::from_sql(ty, raw))?.to_string()),
        Type::TIME => text(Time::from_sql(ty, raw)?.to_string()),
        Type::JSON => utf8(raw).map(Value::Json),
        Type::JSONB => match raw {
            [1, json @ ..] => utf8(json).map(Value::Json),
            _ => Err("a version of jsonb that is not known".into()),
        },
        Type::CHAR | Type::XML => utf8(raw).map(Value::Text),
        // What a function returns that returns nothing.
        Type::VOID => Ok(Value::Null),
        _ if is_text(ty) => utf8(raw).map(Value::Text),
        _ => match ty.kind() {
            Kind::Enum(_) => utf8(raw).map(Value::Text),
            Kind::Array(of) => array(ty, of, raw).map(|json| Value::Json(Cow::Owned(json))),
            _ => Err(unknown(ty)),
        },
    }
}

fn unknown(ty: &Type) -> Box<dyn StdError + Sync + Send> {
    format!("values of the type {0} are not read; say what they are to be, as in `column::text`", ty.name())
        .into()
}

fn utf8(raw: &[u8]) -> Result<Cow<'_, str>, Box<dyn StdError + Sync + Send>> {
    Ok(Cow::Borrowed(std::str::from_utf8(raw)?))
}

/// A moment; `infinity` and years beyond 9999 are none.
fn finite<T>(
    raw: &[u8],
    moment: Result<T, Box<dyn StdError + Sync + Send>>,
) -> Result<T, Box<dyn StdError + Sync + Send>> {
    match raw {
        [0x7F, rest @ ..] if rest.iter().all(|it| *it == 0xFF) => {
            Err("`infinity` is no date: cast it to text".into())
        }
        [0x80, rest @ ..] if rest.iter().all(|it| *it == 0) => {
            Err("`-infinity` is no date: cast it to text".into())
        }
        _ => moment.map_err(|_| "a year beyond 9999: cast it to text".into()),
    }
}

/// An array of one dimension as JSON. What JSON has no numbers for is text, exact.
fn array(ty: &Type, of: &Type, raw: &[u8]) -> Result<String, Box<dyn StdError + Sync + Send>> {
    let items = Vec::<Column<'_>>::from_sql(ty, raw)
        .map_err(|error| format!("an array of {}: {error}", of.name()))?;
    let mut json = String::from("[");
    for (index, Column(item)) in items.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        match item {
            Value::Null => json.push_str("null"),
            Value::Bool(it) => json.push_str(if *it { "true" } else { "false" }),
            Value::Integer(it) => json.push_str(&it.to_string()),
            Value::Real(it) => json.push_str(&serde_json::to_string(it)?),
            Value::Text(it) => json.push_str(&serde_json::to_string(it)?),
            Value::Json(it) => json.push_str(it),
            Value::Blob(_) => return Err(unknown(ty)),
        }
    }
    json.push(']');
    Ok(json)
}
