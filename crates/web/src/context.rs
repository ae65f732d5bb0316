//! A handle on the whole of a request and on the headers of its reply, for what arguments and replies cannot say.

use std::borrow::Cow;
use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use cookie::{Cookie, SameSite};
use http::header::{CONNECTION, CONTENT_LENGTH, SET_COOKIE, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use ketch_model::{ArgSpec, Caller, Endpoint, Error, In, Sees};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::arg::{Arg, ArgDocs};
use crate::body::{self, Limited, plain};
use crate::exchange::{Exchange, Input, RequestId, Said, SharedBody};
use crate::header::Occurs;
use crate::scalar::{Scalar, parse};
use crate::{cookies, form, query};

/// The request with its circumstances, and the headers of its reply.
///
/// No document can tell what an endpoint reads with it, so arguments say it better where they can. It is cheap to
/// clone.
#[derive(Clone, Debug)]
pub struct Ctx(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    parts: Parts,
    body: SharedBody,
    exchange: Exchange,
}

#[diagnostic::do_not_recommend]
impl Arg for Ctx {
    const PLACE: In = In::Context;

    fn describe(name: &'static str, docs: &mut ArgDocs<'_>) {
        let spec = ArgSpec::new(name, In::Context, Value::Bool(true));
        docs.push(ArgSpec { required: false, sees: Sees::Everything, ..spec });
    }

    async fn read(input: &mut Input, _name: &'static str) -> Result<Self, Error> {
        let (parts, body, exchange) = (input.parts.clone(), input.share_body(), input.exchange.clone());
        Ok(Self(Arc::new(Inner { parts, body, exchange })))
    }
}

impl Ctx {
    /// The whole of a request that nothing else is read from: unlike the argument, it copies nothing.
    pub fn taking(mut input: Input) -> Self {
        let body = input.share_body();
        Self(Arc::new(Inner { parts: input.parts, body, exchange: input.exchange }))
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.0.parts.method
    }

    /// The target, as it was asked for.
    pub fn uri(&self) -> &Uri {
        &self.0.parts.uri
    }

    /// The path, still encoded.
    pub fn path(&self) -> &str {
        self.uri().path()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.parts.headers
    }

    /// A header; `T` says how often it may come: `ctx.header::<Option<String>>("if-match")?`.
    ///
    /// # Errors
    /// 400 as for the argument [`Header`](crate::Header).
    pub fn header<T: Occurs>(&self, name: &str) -> Result<T, Error> {
        let lines = self.headers().get_all(name).iter();
        let values = lines.map(|line| std::str::from_utf8(line.as_bytes()).ok().map(Cow::Borrowed));
        T::read(In::Header, name, values)
    }

    /// A value of the path, by its name in the route; none when the route has no such name.
    ///
    /// # Errors
    /// 400 when it cannot be read.
    pub fn param<T: Scalar>(&self, name: &str) -> Result<Option<T>, Error> {
        let Some(raw) = self.0.exchange.param(name, self.path()) else { return Ok(None) };
        parse(In::Path, name, percent_decode_str(raw).decode_utf8().ok()).map(Some)
    }

    /// A value of the query; `T` says how often it may come: `u32`, `Option<u32>` or `Vec<u32>`.
    ///
    /// # Errors
    /// 400, naming what is missing, repeated or cannot be read.
    pub fn query<T: Occurs>(&self, name: &str) -> Result<T, Error> {
        let query = self.uri().query().unwrap_or_default();
        T::read(In::Query, name, query::values(query, name).map(Result::ok))
    }

    /// A cookie; `T` says how often it may come.
    ///
    /// # Errors
    /// 400 as for the argument [`Cookie`](crate::Cookie).
    pub fn cookie<T: Occurs>(&self, name: &str) -> Result<T, Error> {
        T::read(In::Cookie, name, cookies::values(self.headers(), name))
    }

    /// The socket's other end; none for a request that came through no socket.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.0.exchange.peer()
    }

    /// The request's id, as it is in the reply and in the log.
    pub fn request_id(&self) -> RequestId {
        self.0.exchange.id()
    }

    /// Who calls, as far as the middlewares know.
    pub fn caller(&self) -> Caller {
        self.0.parts.extensions.get::<Caller>().cloned().unwrap_or_default()
    }

    /// The endpoint that answers.
    pub fn endpoint(&self) -> &Endpoint {
        self.0.exchange.endpoint()
    }

    /// The whole body.
    ///
    /// # Errors
    /// 413 when it is larger than the endpoint's `limit`, 415 when it has a `Content-Encoding`, 400 when it broke off;
    /// 500 when an argument or an earlier call has taken it.
    pub async fn body(&self) -> Result<Bytes, Error> {
        plain(self.headers())?;
        let body = self.0.body.lock().unwrap_or_else(PoisonError::into_inner).take();
        let body =
            body.ok_or_else(|| Error::internal("the body was read before, by an argument or a call"))?;
        body::collect(Limited::new(body, self.headers(), &self.0.exchange)?).await
    }

    /// The body as a form.
    ///
    /// # Errors
    /// As [`body`](Self::body), and as the argument [`Form`](crate::Form).
    pub async fn form<T: DeserializeOwned>(&self) -> Result<T, Error> {
        form::check(self.headers())?;
        form::parse(&self.body().await?)
    }

    /// Gives the reply a header, in place of what stands there. Errors do not get it.
    ///
    /// # Errors
    /// 500 when it is no header (RFC 9110, 5), or one that belongs to the connection.
    pub fn set_header<N, V>(&self, name: N, value: V) -> Result<(), Error>
    where
        N: TryInto<HeaderName, Error: Display>,
        V: TryInto<HeaderValue, Error: Display>,
    {
        let (name, value) = header(name, value)?;
        self.0.exchange.say(Said::Set(name, value));
        Ok(())
    }

    /// Gives the reply a header, beside what stands there. Errors do not get it.
    ///
    /// # Errors
    /// As [`set_header`](Self::set_header).
    pub fn add_header<N, V>(&self, name: N, value: V) -> Result<(), Error>
    where
        N: TryInto<HeaderName, Error: Display>,
        V: TryInto<HeaderValue, Error: Display>,
    {
        let (name, value) = header(name, value)?;
        self.0.exchange.say(Said::Add(name, value));
        Ok(())
    }

    /// Gives the reply a cookie (RFC 6265bis). What it leaves open is `HttpOnly; SameSite=Lax; Secure; Path=/`. Errors
    /// do not get it.
    ///
    /// # Errors
    /// 500 when its parts hold what a cookie cannot: encode such values.
    pub fn set_cookie<'c>(&self, cookie: impl Into<Cookie<'c>>) -> Result<(), Error> {
        let mut cookie = cookie.into();
        let octets =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && !b";,\\\"".contains(&byte));
        let attribute = |text: Option<&str>| {
            text.is_none_or(|text| text.bytes().all(|byte| (b' '..0x7f).contains(&byte) && byte != b';'))
        };
        let name = !cookie.name().is_empty() && octets(cookie.name()) && !cookie.name().contains('=');
        if !name || !octets(cookie.value()) || !attribute(cookie.path()) || !attribute(cookie.domain()) {
            return Err(Error::internal(format!(
                "the cookie `{}` holds what a cookie cannot",
                cookie.name()
            )));
        }
        if cookie.http_only().is_none() {
            cookie.set_http_only(true);
        }
        if cookie.same_site().is_none() {
            cookie.set_same_site(SameSite::Lax);
        }
        if cookie.secure().is_none() {
            cookie.set_secure(true);
        }
        if cookie.path().is_none() {
            cookie.set_path("/");
        }
        let value = HeaderValue::try_from(cookie.to_string()).map_err(Error::internal)?;
        self.0.exchange.say(Said::Add(SET_COOKIE, value));
        Ok(())
    }
}

/// A header that a handler may set.
fn header<N, V>(name: N, value: V) -> Result<(HeaderName, HeaderValue), Error>
where
    N: TryInto<HeaderName, Error: Display>,
    V: TryInto<HeaderValue, Error: Display>,
{
    let name = name.try_into().map_err(|error| Error::internal(format!("a reply's header: {error}")))?;
    if [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE].contains(&name) {
        return Err(Error::internal(format!("`{name}` belongs to the connection, not to a reply")));
    }
    let value = value.try_into().map_err(|error| Error::internal(format!("the header `{name}`: {error}")))?;
    Ok((name, value))
}
