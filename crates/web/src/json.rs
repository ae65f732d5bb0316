//! JSON bodies, in and out.

use std::ops::{Deref, DerefMut};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use ketch_model::{ArgSpec, Content, Error, FieldError, In, ReplySpec};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::arg::{Arg, ArgDocs};
use crate::body;
use crate::exchange::{Input, Response};
use crate::reply::{Reply, ReplyDocs};

/// A JSON body (RFC 8259): as an argument it is read, as a reply it is written.
///
/// As an argument it fails with 415 when the content type is not JSON, 413 when the body is larger than the
/// endpoint's `limit`, and 400 when it is not JSON or does not fit `T`, naming the member by JSON Pointer. Nesting is
/// read 128 levels deep.
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
        if !is_json(&input.parts.headers) {
            return Err(Error::new(
                415,
                "unsupported_media_type",
                "the body is read as JSON: send it with `Content-Type: application/json`",
            ));
        }
        let bytes = body::whole(input).await?;
        serde_json::from_slice(&bytes).map(Json).map_err(|error| unreadable::<T>(&bytes, error))
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

/// Whether the content type is `application/json` or ends in `+json` (RFC 6839), whatever its parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(content_type)) = headers.get(CONTENT_TYPE).map(HeaderValue::to_str) else { return false };
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// The body is read a second time, now with an eye on where: only failing requests pay for that.
pub(crate) fn unreadable<T: DeserializeOwned>(bytes: &[u8], error: serde_json::Error) -> Error {
    if !error.is_data() {
        return Error::new(400, "invalid_json", format!("the body is not JSON: {error}"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let Err(located) = serde_path_to_error::deserialize::<_, T>(&mut reader) else {
        return Error::internal(error);
    };
    let name = pointer(located.path());
    let message = located.inner().to_string();
    Error::arguments(vec![FieldError { place: In::Body, name, code: "invalid", message }])
}

/// A JSON Pointer (RFC 6901) to what could not be read.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut out = String::new();
    for segment in path {
        let text = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.clone(),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => continue,
        };
        out.push('/');
        out.push_str(&text.replace('~', "~0").replace('/', "~1"));
    }
    out
}
