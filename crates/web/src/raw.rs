//! What is handed on as it came: the bytes of a body, and the whole request.

use axum::body::Body;
use bytes::Bytes;
use ketch_model::{ArgSpec, Error, In, Sees};
use serde_json::json;

use crate::arg::{Arg, ArgDocs};
use crate::body::{self, Limited};
use crate::exchange::{Input, Request};

/// The whole body, whatever its type; empty when there is none.
///
/// It fails with 413 when it is larger than the endpoint's `limit`, and with 415 when it has a `Content-Encoding`.
#[diagnostic::do_not_recommend]
impl Arg for Bytes {
    const PLACE: In = In::Body;

    fn describe(name: &'static str, docs: &mut ArgDocs<'_>) {
        docs.push(octets(name));
    }

    async fn read(input: &mut Input, _name: &'static str) -> Result<Self, Error> {
        body::whole(input).await
    }
}

/// The request itself, for a raw handler. Its body still fails with 413 beyond the endpoint's `limit`;
/// [`read_body`](crate::read_body) reads it whole and keeps such an error as it is. A `Content-Encoding` is left to the
/// handler.
#[diagnostic::do_not_recommend]
impl Arg for Request {
    const PLACE: In = In::Body;

    fn describe(name: &'static str, docs: &mut ArgDocs<'_>) {
        docs.push(ArgSpec { required: false, sees: Sees::Everything, ..octets(name) });
    }

    async fn read(input: &mut Input, _name: &'static str) -> Result<Self, Error> {
        let body = input.take_body();
        let body = Limited::new(body, &input.parts.headers, &input.exchange)?;
        Ok(Self::from_parts(input.parts.clone(), Body::new(body)))
    }
}

/// A body of any bytes. An empty one is one too.
pub(crate) fn octets(name: &'static str) -> ArgSpec {
    let schema = json!({ "contentMediaType": "application/octet-stream" });
    let media_type = Some("application/octet-stream");
    ArgSpec { required: false, media_type, ..ArgSpec::new(name, In::Body, schema) }
}
