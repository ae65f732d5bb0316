//! Middlewares of a project: what they see and say, and how they stand before an endpoint.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use http::header::{CONTENT_TYPE, LOCATION};
use http::{Method, StatusCode};
use ketch_model::{Caller, Error};
use ketch_web::{Exchange, Middleware, Next, Request, RequestId, Response, caller_mut, problem};
use serde_json::{Map, Value};
use tower::{Layer, Service, ServiceExt};

use crate::driver::{Inspector, Pending};
use crate::headers::Headers;
use crate::{numbers, reply};

/// What a middleware sees of a request.
#[derive(Clone, Debug)]
pub struct Inspect {
    /// The method.
    pub method: Method,
    /// The path and query as asked for.
    pub target: String,
    /// The headers, in order; what is not UTF-8 is left out.
    pub headers: Vec<(String, String)>,
    /// The socket's other end.
    pub peer: Option<SocketAddr>,
    /// The endpoint's path with its parameters.
    pub route: String,
    /// The clauses of scopes that the endpoint needs, with what the path has for their captures; none when everyone may
    /// call.
    pub required: Vec<Vec<String>>,
    /// The scopes that the middlewares before have granted.
    pub scope: Vec<String>,
    /// The request's id.
    pub request_id: RequestId,
    /// The time there is.
    pub time_left: Duration,
}

/// What a middleware says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// Scopes to grant.
    pub scope: Vec<String>,
    /// What is known of the caller; `id`, text or a number, identifies it. They come together with those of other
    /// middlewares; the last word counts.
    pub claims: Map<String, Value>,
    /// Headers of the reply, whatever answers it.
    pub headers: Vec<(String, String)>,
    /// Answers in place of the endpoint, with a status from 200 to 599.
    pub status: Option<u16>,
    /// The body of that answer. From 400 on it is the error body, and an object's members come beside its own.
    pub body: Option<Value>,
}

/// What middlewares have said of the caller, in a request's extensions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims(pub(crate) Arc<Map<String, Value>>);

impl Claims {
    /// None. Most requests have none, so there is one for all of them.
    pub(crate) fn none() -> Self {
        static NONE: LazyLock<Claims> = LazyLock::new(Claims::default);
        NONE.clone()
    }
}

/// A middleware that endpoints can name.
pub(crate) fn named(inspector: Arc<dyn Inspector>, redirects: Arc<[String]>, project: Kind) -> Middleware {
    Middleware::new(Inspecting { inspector, redirects, project })
}

/// Whose clients read the errors of a middleware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Those of a project with an `aicra.json`, who look for numbers.
    Seed,
    /// Those of every other project.
    Usual,
}

#[derive(Clone)]
struct Inspecting {
    inspector: Arc<dyn Inspector>,
    redirects: Arc<[String]>,
    project: Kind,
}

impl Layer<Next> for Inspecting {
    type Service = Inspected;

    fn layer(&self, next: Next) -> Inspected {
        Inspected { inspecting: self.clone(), next }
    }
}

#[derive(Clone)]
struct Inspected {
    inspecting: Inspecting,
    next: Next,
}

impl Service<Request> for Inspected {
    type Response = Response;
    type Error = Infallible;
    type Future = Pending<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let Self { inspecting, next } = self.clone();
        Box::pin(async move {
            let (seen, id) = see(&mut request);
            match inspecting.judge(seen, &mut request).await {
                Ok(Judged::Answered(response)) => Ok(response),
                Ok(Judged::GoesOn(headers)) => {
                    let mut response = next.oneshot(request).await?;
                    headers.give(&mut response);
                    Ok(response)
                }
                Err(error) if inspecting.project == Kind::Seed => Ok(problem(&numbers::annotate(error), id)),
                Err(error) => Ok(problem(&error, id)),
            }
        })
    }
}

/// What a verdict comes to.
enum Judged {
    /// The request goes on, and its reply gets these headers.
    GoesOn(Headers),
    Answered(Response),
}

impl Inspecting {
    /// Asks the middleware, and does as it says. Whatever goes wrong here refuses the request.
    async fn judge(&self, seen: Inspect, request: &mut Request) -> Result<Judged, Error> {
        let Verdict { scope, claims, headers, status, body } = self.inspector.inspect(seen).await?;
        let bad = |cause: String| Error::internal(format!("a middleware's verdict is none: {cause}"));
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let headers = Headers::of(headers).map_err(bad)?;
        if status.is_some() || body.is_some() {
            return self.answer(status, body.unwrap_or_default(), headers).map(Judged::Answered);
        }
        if let Some(name) = [CONTENT_TYPE, LOCATION].iter().find(|name| headers.has(name)) {
            return Err(bad(format!("`{name}` is for answers of its own, which have a `status`")));
        }
        let caller = caller_mut(request.extensions_mut());
        identify(caller, claims.get("id")).map_err(bad)?;
        scope.into_iter().for_each(|name| caller.grant(name));
        let known = request.extensions_mut().get_or_insert_default::<Claims>();
        Arc::make_mut(&mut known.0).extend(claims);
        Ok(Judged::GoesOn(headers))
    }

    /// The answer of a middleware in place of the endpoint's.
    fn answer(&self, status: Option<u16>, body: Value, headers: Headers) -> Result<Response, Error> {
        let number = body.get("error").and_then(Value::as_i64).filter(|number| *number != numbers::SUCCESS);
        let wanted = status.or_else(|| number.map(|number| numbers::known(number).status)).unwrap_or(200);
        let status = StatusCode::from_u16(wanted).ok().filter(|_| (200..600).contains(&wanted));
        let bad = |cause: String| Error::internal(format!("a middleware's verdict is none: {cause}"));
        let status = status.ok_or_else(|| bad(format!("{wanted} is no status from 200 to 599")))?;
        if status.as_u16() >= 400 {
            let fields = match body {
                Value::Object(fields) => fields,
                Value::Null => Map::new(),
                Value::String(text) => Map::from_iter([("message".to_owned(), text.into())]),
                other => Map::from_iter([("data".to_owned(), other)]),
            };
            return Err(reply::with_headers(reply::refusal(status, number, fields), headers));
        }
        let location = headers.0.iter().find(|(name, _)| *name == LOCATION).map(|(_, value)| value.clone());
        if let Some(location) = location.filter(|_| status.is_redirection()) {
            let target = location.to_str().map_err(|_| bad("`location` is no text".to_owned()))?;
            let mut response = reply::leading(target, &self.redirects, status)?;
            let rest = headers.0.into_iter().filter(|(name, _)| *name != LOCATION && *name != CONTENT_TYPE);
            Headers(rest.collect()).give(&mut response);
            return Ok(response);
        }
        let mut response = Response::default();
        *response.status_mut() = status;
        let bodiless = [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::NOT_MODIFIED];
        if !body.is_null() && !bodiless.contains(&status) {
            response = reply::json(status, body.to_string().into());
        }
        headers.give(&mut response);
        Ok(response)
    }
}

fn identify(caller: &mut Caller, id: Option<&Value>) -> Result<(), String> {
    match id {
        None | Some(Value::Null) => {}
        Some(Value::String(id)) if !id.is_empty() => caller.identify(id),
        Some(Value::Number(id)) => caller.identify(id.to_string()),
        Some(_) => return Err("`claims.id` is neither text nor a number".to_owned()),
    }
    Ok(())
}

fn see(request: &mut Request) -> (Inspect, RequestId) {
    let exchange = request.extensions().get::<Exchange>().cloned();
    let caller = caller_mut(request.extensions_mut());
    let scope = caller.scopes().map(str::to_owned).collect();
    let id = exchange.as_ref().map_or_else(RequestId::next, Exchange::id);
    let headers = request.headers().iter();
    let text = |value: &[u8]| std::str::from_utf8(value).ok().map(str::to_owned);
    // A target may be a whole URL (RFC 9112, 3.2.2), which would not begin with the path that a middleware looks for.
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let seen = Inspect {
        method: request.method().clone(),
        target,
        headers: headers
            .filter_map(|(name, value)| Some((name.to_string(), text(value.as_bytes())?)))
            .collect(),
        peer: exchange.as_ref().and_then(Exchange::peer),
        route: exchange.as_ref().map(|exchange| exchange.endpoint().path.plain()).unwrap_or_default(),
        required: exchange.as_ref().map(|exchange| required(exchange, request)).unwrap_or_default(),
        scope,
        request_id: id,
        time_left: exchange.as_ref().map(Exchange::time_left).unwrap_or_default(),
    };
    (seen, id)
}

fn required(exchange: &Exchange, request: &Request) -> Vec<Vec<String>> {
    let scope = &exchange.endpoint().settings.scope.value;
    scope.filled(|name| exchange.capture(name, request.uri().path()))
}
