//! Replies that no endpoint makes: 405, OPTIONS, and the redirect to the path without its final slash.

use http::header::{ALLOW, LOCATION};
use http::{HeaderValue, Method, StatusCode};
use ketch_model::Error;

use crate::exchange::{Request, Response};

/// A known path under a method it does not have: 405, or for OPTIONS the methods it has.
pub(crate) fn wrong_method(method: &Method, methods: &[Method]) -> Result<Response, Error> {
    let allow = allowed(methods);
    if *method == Method::OPTIONS {
        return Ok(options(allow));
    }
    let message = format!("this path answers {allow}");
    let allow = HeaderValue::try_from(allow).map_err(Error::internal)?;
    let error = Error::new(405, "method_not_allowed", message).header(ALLOW, allow);
    // After a refused CONNECT the client may send bytes that are no request.
    Err(if *method == Method::CONNECT { error.closing() } else { error })
}

/// The methods of a path, as `Allow` lists them.
pub(crate) fn allowed(methods: &[Method]) -> String {
    let mut names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    if methods.contains(&Method::GET) && !methods.contains(&Method::HEAD) {
        names.push("HEAD");
    }
    if !methods.contains(&Method::OPTIONS) {
        names.push("OPTIONS");
    }
    names.join(", ")
}

/// The answer to OPTIONS.
pub(crate) fn options(allow: String) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    if let Ok(allow) = HeaderValue::try_from(allow) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

/// The path without its final slashes, if it may be redirected to. A path that begins with two slashes, or holds a
/// backslash, would send browsers to another host.
pub(crate) fn bare(path: &str) -> Option<&str> {
    let bare = path.trim_end_matches('/');
    let good = bare.len() < path.len() && !bare.is_empty() && !bare.starts_with("//") && !bare.contains('\\');
    good.then_some(bare)
}

/// The redirect to the path without its final slash.
pub(crate) fn without_slash(request: &Request) -> Response {
    let bare = request.uri().path().trim_end_matches('/');
    let location = match request.uri().query() {
        Some(query) => format!("{bare}?{query}"),
        None => bare.to_owned(),
    };
    let mut response = Response::default();
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
