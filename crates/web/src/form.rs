//! URL-encoded forms as bodies.

use std::ops::{Deref, DerefMut};

use ketch_model::{ArgSpec, Error, In};
use percent_encoding::percent_decode;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::arg::{Arg, ArgDocs};
use crate::body::{self, media_type, pointer, unfit};
use crate::exchange::Input;

/// A body of `application/x-www-form-urlencoded` (WHATWG URL, section 5), as a page's form sends it.
///
/// A field that may come several times is a `Vec` with `#[serde(default)]`. It fails with 415 when the content type is
/// another, 413 when the body is larger than the endpoint's `limit`, and 400 when it is not UTF-8 once decoded or does
/// not fit `T`, naming the field by JSON Pointer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form<T>(pub T);

impl<T> Form<T> {
    /// The value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Form<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Form<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

pub(crate) const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";

impl<T: DeserializeOwned + JsonSchema + Send> Arg for Form<T> {
    const PLACE: In = In::Body;

    fn describe(name: &'static str, docs: &mut ArgDocs<'_>) {
        let schema = docs.schemas().read::<T>();
        docs.push(ArgSpec { media_type: Some(MEDIA_TYPE), ..ArgSpec::new(name, In::Body, schema) });
    }

    async fn read(input: &mut Input, _name: &'static str) -> Result<Self, Error> {
        check(&input.parts.headers)?;
        parse(&body::whole(input).await?).map(Self)
    }
}

/// # Errors
/// 415 when the body is no form.
pub(crate) fn check(headers: &http::HeaderMap) -> Result<(), Error> {
    if media_type(headers).as_deref() == Some(MEDIA_TYPE) {
        return Ok(());
    }
    let message = format!("the body is read as a form: send it with `Content-Type: {MEDIA_TYPE}`");
    Err(Error::new(415, "unsupported_media_type", message))
}

/// # Errors
/// 400, naming the field that does not fit.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    // The reader would replace what is not UTF-8. No separator can be part of a character, so all is looked at in one.
    if percent_decode(bytes).decode_utf8().is_err() {
        return Err(Error::new(400, "invalid_form", "the form is not UTF-8 once it is decoded"));
    }
    let reader = serde_html_form::Deserializer::from_bytes(bytes);
    serde_path_to_error::deserialize(reader)
        .map_err(|error| unfit(pointer(error.path()), error.inner().to_string()))
}
