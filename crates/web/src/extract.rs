//! Any axum extractor as an argument.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;

use axum::body::Body;
use axum::extract::{ConnectInfo, DefaultBodyLimit, FromRequest, FromRequestParts};
use axum::response::IntoResponse;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::request::Parts;
use http_body_util::{BodyExt, Limited as Cut};
use ketch_model::{ArgSpec, Error, In, Sees};
use serde_json::Value;

use crate::arg::{Arg, ArgDocs};
use crate::body::{Failure, Limited, plain};
use crate::exchange::{Exchange, Input, Request, Response};
use crate::raw::octets;

/// Whatever an axum extractor takes from a request's head, such as `Extract<axum::extract::ws::WebSocketUpgrade>`.
///
/// The extractor's state is `()`. `ConnectInfo<SocketAddr>` is the socket's other end; `Path`, `RawPathParams` and
/// `MatchedPath` are axum's own router's and find nothing here. A refusal becomes problem details with its status, its
/// headers and its text as the message; the text of a 5xx goes to the log, and so does a refusal that is no error, such
/// as a redirect: it is a 500.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extract<T>(pub T);

/// Whatever an axum extractor takes from a whole request, such as `ExtractBody<axum::extract::Multipart>`.
///
/// As [`Extract`], and the body is bounded by the endpoint's `limit`, not by axum's default; 415 when it has a
/// `Content-Encoding`. What the extractor keeps of it counts to no other bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtractBody<T>(pub T);

macro_rules! inner {
    ($($name:ident)*) => {$(
        impl<T> Deref for $name<T> {
            type Target = T;

            fn deref(&self) -> &T {
                &self.0
            }
        }

        impl<T> DerefMut for $name<T> {
            fn deref_mut(&mut self) -> &mut T {
                &mut self.0
            }
        }
    )*};
}
inner!(Extract ExtractBody);

impl<T: FromRequestParts<()> + Send> Arg for Extract<T> {
    const PLACE: In = In::Context;

    fn describe(name: &'static str, docs: &mut ArgDocs<'_>) {
        let spec = ArgSpec::new(name, In::Context, Value::Bool(true));
        docs.push(ArgSpec { required: false, sees: Sees::Everything, ..spec });
    }

    async fn read(input: &mut Input, _name: &'static str) -> Result<Self, Error> {
        extend(&mut input.parts, &input.exchange);
        let refusal = match T::from_request_parts(&mut input.parts, &()).await {
            Ok(value) => return Ok(Self(value)),
            Err(refusal) => refusal.into_response(),
        };
        Err(refused(refusal).await)
    }
}

impl<T: FromRequest<()> + Send> Arg for ExtractBody<T> {
    const PLACE: In = In::Body;

    fn describe(name: &'static str, docs: &mut ArgDocs<'_>) {
        docs.push(ArgSpec { sees: Sees::Everything, ..octets(name) });
    }

    async fn read(input: &mut Input, _name: &'static str) -> Result<Self, Error> {
        plain(&input.parts.headers)?;
        extend(&mut input.parts, &input.exchange);
        let failure = Failure::default();
        let body = input.take_body();
        let body = Limited::new(body, &input.parts.headers, &input.exchange)?.telling(&failure);
        let mut request = Request::from_parts(input.parts.clone(), Body::new(body));
        DefaultBodyLimit::disable().apply(&mut request);
        let refusal = match T::from_request(request, &()).await {
            Ok(value) => return Ok(Self(value)),
            Err(refusal) => refusal.into_response(),
        };
        // The extractor knows that the body failed, and we know why.
        let failed = failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        match failed {
            Some(error) => Err(error),
            None => Err(refused(refusal).await),
        }
    }
}

/// What axum's own server would have put beside a request.
fn extend(parts: &mut Parts, exchange: &Exchange) {
    if let Some(peer) = exchange.peer()
        && parts.extensions.get::<ConnectInfo<SocketAddr>>().is_none()
    {
        parts.extensions.insert(ConnectInfo(peer));
    }
}

/// As much of a refusal's text as is read.
const LONGEST: usize = 16 << 10;

/// A refusal as an error of ours.
async fn refused(refusal: Response) -> Error {
    let (head, body) = refusal.into_parts();
    let text = Cut::new(body, LONGEST).collect().await.map(http_body_util::Collected::to_bytes);
    let text = text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let status = head.status.as_u16();
    if !head.status.is_client_error() {
        let cause = format!("an extractor refused with {status}: {text}");
        let message = "something went wrong on our side";
        return Error::new(status, "internal_error", message).because(cause);
    }
    let text = if text.is_empty() { "the request was refused".to_owned() } else { text };
    let mut error = Error::new(status, "refused", text);
    let kept = |name: &http::HeaderName| ![CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING].contains(name);
    for (name, value) in head.headers.iter().filter(|(name, _)| kept(name)) {
        error = error.header(name.clone(), value.clone());
    }
    error
}
