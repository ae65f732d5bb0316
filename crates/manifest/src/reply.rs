//! From what a controller answers to a reply: `_STATUS_`, `_HEADERS_`, `_REDIRECT_`, aicra's `error`, and the body.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use axum::body::Body;
use http::header::{CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use ketch_model::Error;
use ketch_web::{Redirect, Reply, Response};
use serde_json::{Map, Value};

use crate::call::Answer;
use crate::headers::Headers;
use crate::numbers::{self, SUCCESS};

/// How answers of one endpoint become replies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    /// Whether good bodies say `error` and `reason` too, as aicra's did.
    pub(crate) seed: bool,
    /// The origins beside the site itself that replies may lead to.
    pub(crate) redirects: Arc<[String]>,
    /// Whether the endpoint declares an output that is called `error`: then it is not aicra's number.
    pub(crate) own_error: bool,
}

/// The error of a controller whose answer is none; why it is none goes to the log.
pub(crate) fn bad_answer(cause: impl Into<String>) -> Error {
    Error::new(502, "bad_controller", "what answers here gave an answer that is none").because(cause.into())
}

impl Shape {
    /// The reply for an answer.
    ///
    /// # Errors
    /// What the controller refuses with, as a status of 400 or more or a number; 502 when its answer cannot be a reply,
    /// and when it leads to where nothing here may lead; 400 for that, if the client sent the target.
    pub(crate) fn reply(&self, answer: Answer, sent: &Sent) -> Result<Response, Error> {
        match answer {
            Answer::Reply(reply) => Ok(reply),
            Answer::Json(bytes) | Answer::Text(bytes) => Ok(json(StatusCode::OK, Body::from(bytes))),
            Answer::Fields(fields) => self.fields(fields, sent),
        }
    }

    fn fields(&self, mut fields: Map<String, Value>, sent: &Sent) -> Result<Response, Error> {
        let status = status(fields.remove("_STATUS_"))?;
        let headers = fields.remove("_HEADERS_").unwrap_or_default();
        let headers = Headers::read(&headers).map_err(bad_answer)?;
        let target = self.target(fields.remove("_REDIRECT_"))?;
        let number = self.number(&mut fields);
        let mut response = match (target, number) {
            (Some(target), number) => {
                let led = self.redirect(&target, status, number, fields);
                led.map_err(|error| sent.blamed(error, &target))?
            }
            (None, number) => {
                let numbered = number.filter(|number| *number != SUCCESS).map(numbers::known);
                let status =
                    status.or_else(|| StatusCode::from_u16(numbered?.status).ok()).unwrap_or(StatusCode::OK);
                if status.as_u16() >= 400 {
                    let error = refusal(status, number.filter(|number| *number != SUCCESS), fields);
                    return Err(with_headers(error, headers));
                }
                if status.is_redirection() && headers.has(&LOCATION) {
                    return Err(bad_answer("it leads on by a header: use `_REDIRECT_`, which is checked"));
                }
                self.good(status, number, fields)
            }
        };
        headers.give(&mut response);
        Ok(response)
    }

    fn good(&self, status: StatusCode, number: Option<i64>, fields: Map<String, Value>) -> Response {
        let bodiless = [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::NOT_MODIFIED];
        if bodiless.contains(&status) {
            let mut response = Response::default();
            *response.status_mut() = status;
            return response;
        }
        json(status, Body::from(Value::Object(self.enveloped(number, fields)).to_string()))
    }

    /// The fields as clients of the seed expect them: with a number and its reason.
    fn enveloped(&self, number: Option<i64>, mut fields: Map<String, Value>) -> Map<String, Value> {
        let Some(number) = number.or_else(|| self.seed.then_some(SUCCESS)) else { return fields };
        if number == SUCCESS && !self.seed {
            fields.insert("error".to_owned(), SUCCESS.into());
            return fields;
        }
        let reason = reason(number, &fields);
        fields.insert("error".to_owned(), number.into());
        fields.insert("reason".to_owned(), reason.into());
        fields
    }

    /// aicra's number, taken out of the fields. What is no number was never one: a seed's is dropped, as it was.
    fn number(&self, fields: &mut Map<String, Value>) -> Option<i64> {
        if self.own_error && !self.seed {
            return None;
        }
        let number = fields.get("error").and_then(whole);
        if number.is_some() || self.seed {
            fields.remove("error");
        }
        number
    }

    fn target(&self, value: Option<Value>) -> Result<Option<String>, Error> {
        match value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(target)) => Ok(Some(target)),
            Some(_) if self.seed => Ok(None),
            Some(_) => Err(bad_answer("`_REDIRECT_` is no text")),
        }
    }

    /// Leads on. A seed's clients were led on by a 308 with the body, which says `_REDIRECT_` too.
    fn redirect(
        &self,
        target: &str,
        status: Option<StatusCode>,
        number: Option<i64>,
        fields: Map<String, Value>,
    ) -> Result<Response, Error> {
        let usual = if self.seed { StatusCode::PERMANENT_REDIRECT } else { StatusCode::SEE_OTHER };
        let status = match status.map(|status| status.as_u16()) {
            None => usual,
            Some(301 | 302 | 303 | 307 | 308) => status.unwrap_or(usual),
            Some(other) => {
                let cause =
                    format!("`_REDIRECT_` with `_STATUS_` {other}: 301, 302, 303, 307 and 308 lead on");
                return Err(bad_answer(cause));
            }
        };
        let mut response = leading(target, &self.redirects, status)?;
        if self.seed {
            let mut fields = self.enveloped(number, fields);
            fields.insert("_REDIRECT_".to_owned(), target.into());
            let location = response.headers_mut().remove(LOCATION);
            response = json(status, Body::from(Value::Object(fields).to_string()));
            response.headers_mut().extend(location.map(|location| (LOCATION, location)));
        }
        Ok(response)
    }
}

/// Texts that are longer are no targets, in bytes: no browser follows them.
const TARGET: usize = 8 << 10;

/// What a client sent as text, so that it is known whose a target is.
#[derive(Debug)]
pub(crate) struct Sent(Vec<u64>);

impl Sent {
    pub(crate) fn of(args: &Map<String, Value>) -> Self {
        Self(args.values().filter_map(Value::as_str).filter(|it| it.len() <= TARGET).map(hash).collect())
    }

    /// The error of a target that is not led to: the client's, if it sent the target, else the controller's.
    fn blamed(&self, error: Error, target: &str) -> Error {
        if error.status() != StatusCode::BAD_REQUEST || self.0.contains(&hash(target)) {
            return error;
        }
        bad_answer(
            "`_REDIRECT_` leads to what is neither a path of the site nor of an origin in `redirects` of the project file",
        )
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// A reply that leads on to a path of the site, or to one of these origins.
///
/// # Errors
/// 400 `bad_redirect` for every other target.
pub(crate) fn leading(target: &str, origins: &[String], status: StatusCode) -> Result<Response, Error> {
    let origins: Vec<&str> = origins.iter().map(String::as_str).collect();
    let mut response = Redirect::<303>::to_allowed(target, &origins)?.reply()?;
    *response.status_mut() = status;
    Ok(response)
}

/// The error of a controller or middleware that refuses: its fields are members of the body, as far as they have the
/// name of none that every error has. `code` and `message` are taken for these.
pub(crate) fn refusal(status: StatusCode, number: Option<i64>, fields: Map<String, Value>) -> Error {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let usual = status.canonical_reason().unwrap_or("refused").to_lowercase();
    let reason = number.map(|number| reason(number, &fields));
    let code = text("code").map(str::to_owned);
    let code = code.or_else(|| number.map(|number| numbers::known(number).code.to_owned()));
    let code = code.unwrap_or_else(|| usual.replace([' ', '-'], "_").replace('\'', ""));
    let message = text("message").or_else(|| text("detail")).or_else(|| text("reason")).map(str::to_owned);
    let message = message.or_else(|| reason.clone()).unwrap_or(usual);
    let mut error = Error::new(status.as_u16(), code, message);
    for (name, value) in fields {
        error = error.member(name, value);
    }
    if let (Some(number), Some(reason)) = (number, reason) {
        error = error.member("error", number).member("reason", reason);
    }
    error
}

/// An error with headers. What its body is, is said already; and a 401 says how to be known.
pub(crate) fn with_headers(mut error: Error, headers: Headers) -> Error {
    if error.status() == StatusCode::UNAUTHORIZED && !headers.has(&WWW_AUTHENTICATE) {
        error = error.header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    let rest = headers.0.into_iter().filter(|(name, _)| name != CONTENT_TYPE);
    rest.fold(error, |error, (name, value)| error.header(name, value))
}

/// A JSON reply.
pub(crate) fn json(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn status(value: Option<Value>) -> Result<Option<StatusCode>, Error> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
    let status = whole(&value).and_then(|number| u16::try_from(number).ok());
    let status = status.filter(|status| (200..600).contains(status));
    match status.and_then(|status| StatusCode::from_u16(status).ok()) {
        Some(status) => Ok(Some(status)),
        None => Err(bad_answer("`_STATUS_` is no number from 200 to 599")),
    }
}

/// A whole number, `3` or `3.0`.
fn whole(value: &Value) -> Option<i64> {
    let exact = |number: f64| (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64);
    value.as_i64().or_else(|| value.as_f64().and_then(exact))
}

fn reason(number: i64, fields: &Map<String, Value>) -> String {
    let own = fields.get("reason").and_then(Value::as_str).filter(|_| number != SUCCESS);
    own.unwrap_or(numbers::known(number).reason).to_owned()
}
