//! Values as parameters, by the types that the server inferred for them.
//!
//! What PostgreSQL's own input functions understand is sent as text, so a UUID, a time or an enum is read by the server
//! exactly as in a literal. Nothing is turned silently into something else.

use std::borrow::Cow;
use std::error::Error as StdError;

use bytes::BytesMut;
use tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type, to_sql_checked};

use crate::value::Value;

/// A parameter that is ready to be sent.
#[derive(Debug)]
pub(super) enum Encoded<'v> {
    Null,
    Text(Cow<'v, str>),
    Binary(Cow<'v, [u8]>),
}

/// Why a value is no parameter of a type. The value itself is not told.
#[derive(Debug)]
pub(super) enum Unfit {
    /// No value of its kind is: the statement is wrong.
    Kind(String),
    /// This one is not, and others are: it broke a rule.
    Value(String),
}

/// Makes a parameter of a value; what is wrong with it, if its type does not take it.
pub(super) fn encode<'v>(value: &'v Value<'_>, ty: &Type) -> Result<Encoded<'v>, Unfit> {
    let ty = base(ty);
    let wrong = || Unfit::Kind(format!("{} does not fit the type {}", value.kind(), ty.name()));
    match value {
        Value::Null => Ok(Encoded::Null),
        Value::Bool(it) => match *ty {
            Type::BOOL => Ok(binary(vec![u8::from(*it)])),
            // Flags that are whole numbers, as SQLite has them.
            Type::INT2 | Type::INT4 | Type::INT8 => integer(i64::from(*it), ty),
            Type::JSON | Type::JSONB => Ok(Encoded::Text(Cow::Owned(it.to_string()))),
            _ => Err(wrong()),
        },
        Value::Integer(it) => match *ty {
            Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => integer(*it, ty),
            Type::FLOAT4 | Type::FLOAT8 | Type::NUMERIC | Type::JSON | Type::JSONB => Ok(shown(it)),
            _ if is_text(ty) => Ok(shown(it)),
            _ => Err(wrong()),
        },
        Value::Real(it) => match *ty {
            Type::FLOAT8 => Ok(binary(it.to_be_bytes().to_vec())),
            Type::FLOAT4 => narrow(*it).ok_or_else(|| out_of_range(ty)),
            Type::NUMERIC => Ok(shown(it)),
            Type::JSON | Type::JSONB if it.is_finite() => Ok(shown(it)),
            _ if is_text(ty) => Ok(shown(it)),
            _ => Err(wrong()),
        },
        Value::Text(it) if it.contains('\0') => {
            Err(Unfit::Value("text with a NUL character, which PostgreSQL does not store".to_owned()))
        }
        Value::Text(_) if *ty == Type::BYTEA => Err(wrong()),
        Value::Text(it) => Ok(Encoded::Text(Cow::Borrowed(it))),
        Value::Blob(it) if *ty == Type::BYTEA => Ok(Encoded::Binary(Cow::Borrowed(it))),
        Value::Blob(_) => Err(wrong()),
        Value::Json(it) => match ty.kind() {
            Kind::Array(_) => array(it).map(|text| Encoded::Text(Cow::Owned(text))),
            _ if is_text(ty) || matches!(*ty, Type::JSON | Type::JSONB) => {
                Ok(Encoded::Text(Cow::Borrowed(it)))
            }
            _ => Err(wrong()),
        },
    }
}

/// The type that a domain is made of.
pub(super) fn base(mut ty: &Type) -> &Type {
    while let Kind::Domain(inner) = ty.kind() {
        ty = inner;
    }
    ty
}

/// The types that hold any text.
pub(super) fn is_text(ty: &Type) -> bool {
    matches!(*ty, Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN)
        || ty.name() == "citext"
}

fn binary(bytes: Vec<u8>) -> Encoded<'static> {
    Encoded::Binary(Cow::Owned(bytes))
}

fn shown(it: &impl ToString) -> Encoded<'static> {
    Encoded::Text(Cow::Owned(it.to_string()))
}

fn out_of_range(ty: &Type) -> Unfit {
    Unfit::Value(format!("the number is out of range for the type {}", ty.name()))
}

fn integer(it: i64, ty: &Type) -> Result<Encoded<'static>, Unfit> {
    let bytes = match *ty {
        Type::INT2 => i16::try_from(it).map(|it| it.to_be_bytes().to_vec()),
        Type::INT4 => i32::try_from(it).map(|it| it.to_be_bytes().to_vec()),
        Type::OID => u32::try_from(it).map(|it| it.to_be_bytes().to_vec()),
        _ => Ok(it.to_be_bytes().to_vec()),
    };
    bytes.map(binary).map_err(|_| out_of_range(ty))
}

/// A number of half the size, if it does not become infinite by that.
#[expect(clippy::cast_possible_truncation, reason = "a float4 keeps fewer digits, which is what it is for")]
fn narrow(it: f64) -> Option<Encoded<'static>> {
    let small = it as f32;
    (small.is_finite() || !it.is_finite()).then(|| binary(small.to_be_bytes().to_vec()))
}

/// A JSON array of simple values as an array of PostgreSQL.
fn array(json: &str) -> Result<String, Unfit> {
    let simple =
        || Unfit::Kind("only a JSON array of strings, numbers, booleans and nulls fits an array".to_owned());
    let items: Vec<serde_json::Value> = serde_json::from_str(json).map_err(|_| simple())?;
    let mut text = String::from("{");
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        match item {
            serde_json::Value::Null => text.push_str("NULL"),
            serde_json::Value::Bool(it) => text.push_str(if *it { "true" } else { "false" }),
            serde_json::Value::Number(it) => text.push_str(&it.to_string()),
            serde_json::Value::String(it) => {
                text.push('"');
                text.push_str(&it.replace('\\', "\\\\").replace('"', "\\\""));
                text.push('"');
            }
            _ => return Err(simple()),
        }
    }
    text.push('}');
    Ok(text)
}

/// The type has been looked at by [`encode`].
impl ToSql for Encoded<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Encoded::Null => return Ok(IsNull::Yes),
            Encoded::Text(it) => out.extend_from_slice(it.as_bytes()),
            Encoded::Binary(it) => out.extend_from_slice(it),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        match self {
            Encoded::Text(_) => Format::Text,
            Encoded::Null | Encoded::Binary(_) => Format::Binary,
        }
    }

    to_sql_checked!();
}
