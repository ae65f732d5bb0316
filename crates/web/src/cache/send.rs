//! Replies made of entries: `Age`, `Cache-Status` (RFC 9211) and 304 for who has the reply already (RFC 9110, 13).

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::header::{
    AGE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::entry::Entry;
use super::policy::CACHE_STATUS;
use super::store::Kept;
use crate::exchange::Response;

/// What became of a request in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Hit,
    Miss,
    MissKept,
    /// It waited for another request's reply.
    Collapsed,
    /// The client wanted it anew.
    Refresh,
    RefreshKept,
    Bypass,
}

impl Status {
    pub(super) fn kept(self, kept: Kept) -> Self {
        match (self, kept) {
            (Self::Miss, Kept::Yes) => Self::MissKept,
            (Self::Refresh, Kept::Yes) => Self::RefreshKept,
            _ => self,
        }
    }

    fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Hit => "ketch; hit",
            Self::Miss => "ketch; fwd=miss",
            Self::MissKept => "ketch; fwd=miss; stored",
            Self::Collapsed => "ketch; fwd=miss; collapsed",
            Self::Refresh => "ketch; fwd=request",
            Self::RefreshKept => "ketch; fwd=request; stored",
            Self::Bypass => "ketch; fwd=bypass",
        })
    }
}

/// Says in the reply what became of its request.
pub(super) fn mark(response: &mut Response, status: Status) {
    response.headers_mut().append(CACHE_STATUS, status.header());
}

/// The reply that is kept, or 304 when the request says that the client has it. `age` is none for a reply that was
/// made while the request waited.
pub(super) fn from_entry(
    entry: &Arc<Entry>,
    request: &HeaderMap,
    status: Status,
    age: Option<Duration>,
) -> Response {
    let unmodified = is_unmodified(request, entry.status(), entry.headers());
    let body = if unmodified { Body::empty() } else { Body::from(entry.body().clone()) };
    let mut response = Response::new(body);
    *response.status_mut() = entry.status();
    *response.headers_mut() = entry.headers().clone();
    if unmodified {
        make_unmodified(&mut response);
    }
    if let Some(age) = age {
        response.headers_mut().insert(AGE, HeaderValue::from(age.as_secs()));
    }
    mark(&mut response, status);
    response
}

/// The reply, or 304 when the request says that the client has it.
pub(super) fn unless_modified(mut response: Response, request: &HeaderMap) -> Response {
    if is_unmodified(request, response.status(), response.headers()) {
        *response.body_mut() = Body::empty();
        make_unmodified(&mut response);
    }
    response
}

/// Leaves what a 304 has: all that is not about the body (RFC 9110, 15.4.5).
fn make_unmodified(response: &mut Response) {
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    for name in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_RANGE] {
        response.headers_mut().remove(name);
    }
}

/// Whether the client has the reply: one of its tags is the reply's, or without tags, its day is not before the reply's.
fn is_unmodified(request: &HeaderMap, status: StatusCode, reply: &HeaderMap) -> bool {
    if !status.is_success() {
        return false;
    }
    if request.contains_key(IF_NONE_MATCH) {
        let Some(tag) = reply.get(ETAG).map(HeaderValue::as_bytes) else { return false };
        return request.get_all(IF_NONE_MATCH).iter().any(|list| names(list.as_bytes(), tag));
    }
    let day = |headers: &HeaderMap, name| {
        headers.get(name).and_then(|value| httpdate::parse_http_date(value.to_str().ok()?).ok())
    };
    match (day(request, IF_MODIFIED_SINCE), day(reply, LAST_MODIFIED)) {
        (Some(since), Some(modified)) => modified <= since,
        _ => false,
    }
}

/// Whether a list of tags names this one, by weak comparison (RFC 9110, 8.8.3.2). A tag may hold commas.
fn names(list: &[u8], tag: &[u8]) -> bool {
    if list.trim_ascii() == b"*" {
        return true;
    }
    let wanted = tag.strip_prefix(b"W/").unwrap_or(tag);
    let mut rest = list;
    while let Some(start) = rest.iter().position(|byte| *byte == b'"') {
        let Some(length) = rest[start + 1..].iter().position(|byte| *byte == b'"') else { return false };
        let end = start + length + 2;
        if &rest[start..end] == wanted {
            return true;
        }
        rest = &rest[end..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_a_tag_weakly() {
        for list in ["*", " * ", "\"a\"", "W/\"a\"", "\"b\", W/\"a\"", "\"x,y\",\"a\"", "\"b\"\t,\"a\"  "] {
            assert!(names(list.as_bytes(), b"\"a\"") && names(list.as_bytes(), b"W/\"a\""), "{list}");
        }
        for list in ["", "a", "\"b\"", "\"a", "W/a", "\"A\"", "\"aa\"", "\"b,a\"", "**"] {
            assert!(!names(list.as_bytes(), b"\"a\""), "{list}");
        }
        assert!(names(b"\"x\", \"a,b\"", b"W/\"a,b\""));
    }

    #[test]
    fn a_day_counts_only_without_tags() {
        let headers = |lines: &[(http::HeaderName, &'static str)]| -> HeaderMap {
            lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
        };
        const DAY: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        let reply = headers(&[(LAST_MODIFIED, DAY), (ETAG, "\"a\"")]);
        let unmodified = |lines: &[_]| is_unmodified(&headers(lines), StatusCode::OK, &reply);
        assert!(unmodified(&[(IF_MODIFIED_SINCE, DAY)]));
        assert!(!unmodified(&[(IF_MODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:36 GMT")]));
        assert!(!unmodified(&[(IF_MODIFIED_SINCE, DAY), (IF_NONE_MATCH, "\"b\"")]));
        assert!(!unmodified(&[(IF_MODIFIED_SINCE, "some day")]));
        assert!(!is_unmodified(&headers(&[(IF_NONE_MATCH, "\"a\"")]), StatusCode::GONE, &reply));
    }
}
