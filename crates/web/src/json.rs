//! JSON bodies, in and out.

use std::ops::{Deref, DerefMut};

use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use ketch_model::{ArgSpec, Content, Error, In, ReplySpec};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::{DeserializeOwned, Deserializer, Visitor};

use crate::arg::{Arg, ArgDocs};
use crate::body::{self, media_type, pointer, unfit};
use crate::exchange::{Input, Response};
use crate::reply::{Reply, ReplyDocs};

/// A JSON body (RFC 8259): as an argument it is read, as a reply it is written.
///
/// As an argument it fails with 415 when the content type is not JSON, 413 when the body is larger than the
/// endpoint's `limit`, and 400 when it is not JSON or does not fit `T`, naming the member by JSON Pointer. Nesting is
/// read 128 levels deep. A struct is read from an object only, where it is the body itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T> Json<T> {
    /// The value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Json<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> From<T> for Json<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: DeserializeOwned + JsonSchema + Send> Arg for Json<T> {
    const PLACE: In = In::Body;

    fn describe(name: &'static str, docs: &mut ArgDocs<'_>) {
        let schema = docs.schemas().read::<T>();
        let media_type = Some("application/json");
        docs.push(ArgSpec { media_type, ..ArgSpec::new(name, In::Body, schema) });
    }

    async fn read(input: &mut Input, _name: &'static str) -> Result<Self, Error> {
        if !media_type(&input.parts.headers).is_some_and(|essence| is_json(&essence)) {
            return Err(Error::new(
                415,
                "unsupported_media_type",
                "the body is read as JSON: send it with `Content-Type: application/json`",
            ));
        }
        let bytes = body::whole(input).await?;
        parse::<T>(&bytes).map(Json).map_err(|error| unreadable::<T>(&bytes, error))
    }
}

impl<T: Serialize + JsonSchema> Reply for Json<T> {
    fn reply(self) -> Result<Response, Error> {
        written(StatusCode::OK, &self.0)
    }

    fn describe(docs: &mut ReplyDocs<'_>) {
        let schema = docs.schemas().written::<T>();
        docs.push(ReplySpec {
            status: StatusCode::OK,
            description: "The answer.".to_owned(),
            content: Some(Content { media_type: "application/json", schema }),
        });
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A reply with a JSON body.
///
/// # Errors
/// 500 when the value cannot be written as JSON, such as a map whose keys are no text.
pub(crate) fn written(status: StatusCode, value: &impl Serialize) -> Result<Response, Error> {
    let bytes = serde_json::to_vec(value).map_err(Error::internal)?;
    let mut response = Response::new(bytes.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    Ok(response)
}

/// Whether the media type is `application/json` or ends in `+json` (RFC 6839).
fn is_json(essence: &str) -> bool {
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = T::deserialize(Whole(&mut reader))?;
    reader.end()?;
    Ok(value)
}

/// The body is read a second time, now with an eye on where: only failing requests pay for that.
pub(crate) fn unreadable<T: DeserializeOwned>(bytes: &[u8], error: serde_json::Error) -> Error {
    if !error.is_data() {
        return Error::new(400, "invalid_json", format!("the body is not JSON: {error}"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let Err(located) = serde_path_to_error::deserialize::<_, T>(Whole(&mut reader)) else {
        return Error::internal(error);
    };
    unfit(pointer(located.path()), located.inner().to_string())
}

/// Reads a struct from an object only. serde would also take an array of its members in their order, which no document
/// tells of. This holds for the body itself; structs within it are read as serde does.
struct Whole<D>(D);

macro_rules! as_it_is {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method(visitor)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Whole<D> {
    type Error = D::Error;

    as_it_is! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_byte_buf deserialize_option deserialize_unit deserialize_seq deserialize_map
        deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(length, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple_struct(name, length, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}
