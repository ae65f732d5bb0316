//! Which scripts of other origins may read a reply: cross-origin resource sharing (Fetch standard, section 3.3).
//!
//! It is ours and not tower-http's layer, because that one answers every OPTIONS request before routing, by one policy:
//! here a preflight finds the endpoint of the method it asks for, errors made outside of an endpoint's middlewares
//! carry the headers too, and an endpoint without a policy costs nothing. What a layer named as a middleware sends is
//! left alone as long as the endpoint has no `cors`.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method};
use ketch_model::{Effective, Problem};

use crate::exchange::Request;
use crate::outermost::Mode;

/// Headers of ours that scripts may read; an endpoint's `headers` are added to them.
const EXPOSED: &str = "deprecation, etag, link, location, retry-after, sunset, x-request-id";
/// How long a browser may keep the answer to a preflight, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const ANY: HeaderValue = HeaderValue::from_static("*");
const TRUE: HeaderValue = HeaderValue::from_static("true");
const BY_ORIGIN: HeaderValue = HeaderValue::from_static("origin");
const BY_PREFLIGHT: HeaderValue =
    HeaderValue::from_static("access-control-request-method, access-control-request-headers");

/// An endpoint's policy, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cors {
    origins: Vec<HeaderValue>,
    any: bool,
    localhost: bool,
    credentials: bool,
    exposed: HeaderValue,
}

impl Cors {
    /// The policy that settings come to; none when no origin is allowed. Contradictions go to `problems`.
    pub(crate) fn of(
        settings: &Effective,
        mode: Mode,
        subject: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let localhost = mode == Mode::Development;
        if settings.cors.is_empty() && !localhost {
            return None;
        }
        let any = settings.cors.iter().any(|origin| origin.value == "*");
        let credentials = &settings.credentials;
        if any && credentials.value {
            let message = "cookies are not for every origin: name the origins in `cors` instead of `*`, or leave out \
                           `credentials`";
            problems.push(Problem::new(credentials.place.clone(), subject, message));
        }
        let mut origins = Vec::new();
        for origin in settings.cors.iter().filter(|origin| origin.value != "*") {
            if let Some(usual) = without_usual_port(&origin.value) {
                let message = format!(
                    "browsers leave out the usual port, so `{}` is never met: write `{usual}`",
                    origin.value
                );
                problems.push(Problem::new(origin.place.clone(), subject, message));
            }
            origins.extend(HeaderValue::try_from(origin.value.as_str()).ok());
        }
        let exposed = settings.headers.iter().filter_map(|line| line.value.split_once(':'));
        let exposed = exposed.fold(EXPOSED.to_owned(), |all, (name, _)| format!("{all}, {}", name.trim()));
        let exposed = HeaderValue::try_from(exposed).unwrap_or(HeaderValue::from_static(EXPOSED));
        Some(Self { origins, any, localhost, credentials: credentials.value, exposed })
    }

    /// Says on a reply whether the origin's scripts may read it.
    pub(crate) fn grant(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        // What an endpoint or a middleware says of this has no say where the policy is set.
        headers.remove(ACCESS_CONTROL_ALLOW_ORIGIN);
        headers.remove(ACCESS_CONTROL_ALLOW_CREDENTIALS);
        headers.append(VARY, BY_ORIGIN);
        let Some(origin) = origin.filter(|origin| self.allows(origin)) else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, if self.any { ANY } else { origin.clone() });
        if self.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, self.exposed.clone());
    }

    /// Adds to the reply of a preflight which methods and headers may be sent. [`grant`](Self::grant) adds the rest.
    pub(crate) fn answer_preflight(&self, request: &Request, methods: &[Method], headers: &mut HeaderMap) {
        headers.append(VARY, BY_PREFLIGHT);
        if !request.headers().get(ORIGIN).is_some_and(|origin| self.allows(origin)) {
            return;
        }
        let methods = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        if let Ok(methods) = HeaderValue::try_from(methods) {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        }
        if let Some(asked) = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    }

    /// Whole and byte by byte: browsers write origins in one way only (RFC 6454, section 6.1).
    fn allows(&self, origin: &HeaderValue) -> bool {
        self.any || self.origins.contains(origin) || (self.localhost && is_localhost(origin.as_bytes()))
    }
}

/// The method that a preflight asks for; none when the request is none.
pub(crate) fn preflight(request: &Request) -> Option<Method> {
    if *request.method() != Method::OPTIONS || !request.headers().contains_key(ORIGIN) {
        return None;
    }
    Method::from_bytes(request.headers().get(ACCESS_CONTROL_REQUEST_METHOD)?.as_bytes()).ok()
}

fn is_localhost(origin: &[u8]) -> bool {
    let Some(rest) = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://")) else {
        return false;
    };
    [b"localhost".as_slice(), b"127.0.0.1", b"[::1]"].iter().any(|host| {
        rest.strip_prefix(*host).is_some_and(|port| match port {
            [] => true,
            [b':', digits @ ..] => (1..=5).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit),
            _ => false,
        })
    })
}

fn without_usual_port(origin: &str) -> Option<&str> {
    [("https://", ":443"), ("http://", ":80")]
        .iter()
        .find_map(|(scheme, port)| origin.starts_with(scheme).then(|| origin.strip_suffix(port)).flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_localhost() {
        for origin in
            ["http://localhost", "https://localhost:5173", "http://127.0.0.1:1", "http://[::1]:65535"]
        {
            assert!(is_localhost(origin.as_bytes()), "{origin}");
        }
        for origin in [
            "null",
            "localhost",
            "http://localhost.evil",
            "http://localhost:5173.evil",
            "http://localhost:",
            "http://localhost:80@evil",
            "http://localhost:123456",
            "ftp://localhost",
            "HTTP://localhost",
            "http://evil.localhost",
            "http://127.0.0.12",
            "http://[::1]evil",
        ] {
            assert!(!is_localhost(origin.as_bytes()), "{origin}");
        }
    }
}
