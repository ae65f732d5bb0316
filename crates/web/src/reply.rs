//! What an endpoint may give back: the trait behind replies, text, and the statuses that types stand for.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use ketch_model::{Content, Error, ErrorSpec, ReplySpec};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::exchange::{Input, RequestId, Response};
use crate::json::written;
use crate::schemas::Schemas;

/// A value that becomes a reply. Its type says the status, so that the documents know it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as a response",
    label = "not a response",
    note = "return `String`, `Json<T>`, `Created<T>`, `NoContent`, `Html`, or `Result` of one of those",
    note = "more: `File`, `ByteStream`, `Sse`, `Redirect`, and `Status<207, …>` for another status",
    note = "an error type becomes a response with `#[derive(ApiError)]`"
)]
pub trait Reply: Sized {
    /// Whether it depends on what was asked: then [`reply_to`](Self::reply_to) is called. The head of the request is
    /// kept for those alone.
    const LOOKS_BACK: bool = false;

    /// Makes the reply.
    ///
    /// # Errors
    /// The error that is answered instead.
    fn reply(self) -> Result<Response, Error>;

    /// Makes the reply to this request.
    ///
    /// # Errors
    /// As [`reply`](Self::reply).
    fn reply_to(self, _asked: &Asked) -> Result<Response, Error> {
        self.reply()
    }

    /// Says what the documents need to know.
    fn describe(docs: &mut ReplyDocs<'_>);
}

/// The head of a request, as far as a reply may depend on it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The request's id, for the log.
    pub id: RequestId,
    /// Its method.
    pub method: Method,
    /// Its headers.
    pub headers: HeaderMap,
}

impl Asked {
    pub(crate) fn of(input: &Input) -> Self {
        let parts = input.parts();
        Self { id: input.exchange().id(), method: parts.method.clone(), headers: parts.headers.clone() }
    }
}

/// An error that an endpoint may return; [`ketch_macros::ApiError`] derives it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of an endpoint",
    label = "not an endpoint's error",
    note = "put `#[derive(ApiError)]` on the enum, or use `ketch::Error`"
)]
pub trait ApiError {
    /// Every error it can be, for the documents.
    const ERRORS: &'static [ErrorSpec];

    /// The error on the wire.
    fn into_error(self) -> Error;
}

impl ApiError for Error {
    const ERRORS: &'static [ErrorSpec] = &[];

    fn into_error(self) -> Error {
        self
    }
}

/// What a reply type says of itself.
#[derive(Debug)]
pub struct ReplyDocs<'a> {
    schemas: &'a mut Schemas,
    replies: Vec<ReplySpec>,
    errors: Vec<ErrorSpec>,
}

impl<'a> ReplyDocs<'a> {
    /// Nothing said yet.
    pub fn new(schemas: &'a mut Schemas) -> Self {
        Self { schemas, replies: Vec::new(), errors: Vec::new() }
    }

    /// Where schemas are collected.
    pub fn schemas(&mut self) -> &mut Schemas {
        self.schemas
    }

    /// Adds a kind of reply.
    pub fn push(&mut self, reply: ReplySpec) {
        self.replies.push(reply);
    }

    /// Adds errors.
    pub fn errors(&mut self, errors: &[ErrorSpec]) {
        self.errors.extend_from_slice(errors);
    }

    /// All that was said.
    pub fn finish(self) -> (Vec<ReplySpec>, Vec<ErrorSpec>) {
        (self.replies, self.errors)
    }
}

impl<R: Reply, E: ApiError> Reply for Result<R, E> {
    const LOOKS_BACK: bool = R::LOOKS_BACK;

    fn reply(self) -> Result<Response, Error> {
        self.map_err(ApiError::into_error)?.reply()
    }

    fn reply_to(self, asked: &Asked) -> Result<Response, Error> {
        self.map_err(ApiError::into_error)?.reply_to(asked)
    }

    fn describe(docs: &mut ReplyDocs<'_>) {
        R::describe(docs);
        docs.errors(E::ERRORS);
    }
}

// Constants, so that they are checked once, by the compiler, and not for every reply.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

#[diagnostic::do_not_recommend]
impl Reply for String {
    fn reply(self) -> Result<Response, Error> {
        Ok(text(Bytes::from(self), TEXT))
    }

    fn describe(docs: &mut ReplyDocs<'_>) {
        docs.push(content("The text.", "text/plain"));
    }
}

#[diagnostic::do_not_recommend]
impl Reply for &'static str {
    fn reply(self) -> Result<Response, Error> {
        Ok(text(Bytes::from_static(self.as_bytes()), TEXT))
    }

    fn describe(docs: &mut ReplyDocs<'_>) {
        String::describe(docs);
    }
}

/// Nothing to say: 204.
#[diagnostic::do_not_recommend]
impl Reply for () {
    fn reply(self) -> Result<Response, Error> {
        NoContent.reply()
    }

    fn describe(docs: &mut ReplyDocs<'_>) {
        NoContent::describe(docs);
    }
}

/// A raw response. The documents cannot know what is in it.
#[diagnostic::do_not_recommend]
impl Reply for Response {
    fn reply(self) -> Result<Response, Error> {
        Ok(self)
    }

    fn describe(docs: &mut ReplyDocs<'_>) {
        docs.push(ReplySpec { status: StatusCode::OK, description: "The answer.".to_owned(), content: None });
    }
}

/// An HTML page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Html<T>(pub T);

impl<T: Into<Bytes>> Reply for Html<T> {
    fn reply(self) -> Result<Response, Error> {
        Ok(text(self.0.into(), HTML))
    }

    fn describe(docs: &mut ReplyDocs<'_>) {
        docs.push(content("The page.", "text/html"));
    }
}

/// 204: done, and nothing to say about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoContent;

#[diagnostic::do_not_recommend]
impl Reply for NoContent {
    fn reply(self) -> Result<Response, Error> {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }

    fn describe(docs: &mut ReplyDocs<'_>) {
        docs.push(ReplySpec {
            status: StatusCode::NO_CONTENT,
            description: "Done.".to_owned(),
            content: None,
        });
    }
}

macro_rules! json_with_status {
    ($($(#[$about:meta])* $name:ident, $status:ident, $description:literal;)*) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name<T>(pub T);

        impl<T: Serialize + JsonSchema> Reply for $name<T> {
            fn reply(self) -> Result<Response, Error> {
                written(StatusCode::$status, &self.0)
            }

            fn describe(docs: &mut ReplyDocs<'_>) {
                let schema = docs.schemas().written::<T>();
                docs.push(ReplySpec {
                    status: StatusCode::$status,
                    description: $description.to_owned(),
                    content: Some(Content { media_type: "application/json", schema }),
                });
            }
        }
    )*};
}

json_with_status! {
    /// 201: made, and this is it.
    Created, CREATED, "Made.";
    /// 202: taken, and it will be done.
    Accepted, ACCEPTED, "Taken; it will be done.";
}

fn text(bytes: Bytes, content_type: HeaderValue) -> Response {
    let mut response = Response::new(bytes.into());
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn content(description: &str, media_type: &'static str) -> ReplySpec {
    ReplySpec {
        status: StatusCode::OK,
        description: description.to_owned(),
        content: Some(Content { media_type, schema: json!({ "type": "string" }) }),
    }
}
