//! What HTTP says of caching (RFC 9111): what a request wants, what a reply allows, and which headers are kept.

use std::time::{Duration, SystemTime};

use http::header::{
    AGE, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, DATE, EXPIRES, IF_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
    PRAGMA, RANGE, SET_COOKIE, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// Tags that the handler adds to its reply: `a, b`. Never sent.
pub(super) const CACHE_TAG: HeaderName = HeaderName::from_static("cache-tag");
pub(super) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// The most tags of one reply, and the longest of them in bytes: a reply with more could not be purged surely, so it
/// is not kept.
const MOST_TAGS: usize = 64;
const LONGEST_TAG: usize = 1 << 10;

/// What a request wants of the cache (RFC 9111, 5.2.1). `max-stale` and `min-fresh` are not read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    /// `no-store`, or a request for a part of the reply or under conditions that only the endpoint can judge.
    pub(super) bypass: bool,
    /// `no-cache`, `max-age=0` or `Pragma: no-cache`: a reply that is made now.
    pub(super) refresh: bool,
    /// `max-age`: nothing older than this.
    pub(super) oldest: Option<Duration>,
    /// `only-if-cached`: no reply that must be made.
    pub(super) only_kept: bool,
}

impl Wish {
    pub(super) fn of(parts: &Parts) -> Self {
        let mut wish = Self::default();
        let headers = &parts.headers;
        for (name, value) in directives(headers) {
            match name.as_str() {
                "no-store" => wish.bypass = true,
                "no-cache" => wish.refresh = true,
                "only-if-cached" => wish.only_kept = true,
                "max-age" => wish.oldest = value.as_deref().and_then(seconds),
                _ => {}
            }
        }
        wish.refresh |= wish.oldest.is_some_and(|oldest| oldest.is_zero());
        // Only where there is no Cache-Control (RFC 9111, 5.4).
        let pragma = headers.get(PRAGMA).filter(|_| !headers.contains_key(CACHE_CONTROL));
        wish.refresh |= pragma.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"no-cache"));
        wish.bypass |=
            [RANGE, IF_RANGE, IF_MATCH, IF_UNMODIFIED_SINCE].iter().any(|n| headers.contains_key(n));
        wish
    }
}

/// How long a reply may be kept by all it says itself, `ttl` at most; none when it may not.
///
/// Kept are 200, 203, 204, 300, 301, 308 and 410 (those of RFC 9110, 15.1, without 206, 404, 405, 414 and 501, which
/// are somebody's mistake). Not when it sets a cookie, when its `Cache-Control` says `no-store`, `private` or
/// `no-cache`, or when its `Vary` names what is not in the key.
pub(super) fn keeps(
    (status, headers): (StatusCode, &HeaderMap),
    (ttl, now): (Duration, SystemTime),
    keyed: impl Fn(&str) -> bool,
) -> Option<Duration> {
    if ![200, 203, 204, 300, 301, 308, 410].contains(&status.as_u16()) || headers.contains_key(SET_COOKIE) {
        return None;
    }
    let varies = list(headers, &VARY);
    // CORS headers are not kept, so it does not matter that they depend on the origin.
    if varies.iter().any(|name| name != "origin" && !keyed(name)) {
        return None;
    }
    let (mut private, mut shared) = (None, None);
    for (name, value) in directives(headers) {
        match name.as_str() {
            "no-store" | "private" | "no-cache" => return None,
            // What cannot be read is stale (RFC 9111, 4.2.1).
            "max-age" => private = Some(value.as_deref().and_then(seconds).unwrap_or_default()),
            "s-maxage" => shared = Some(value.as_deref().and_then(seconds).unwrap_or_default()),
            _ => {}
        }
    }
    let said = shared.or(private).or_else(|| expires(headers, now));
    let ttl = said.unwrap_or(ttl).min(ttl);
    (!ttl.is_zero()).then_some(ttl)
}

/// How long it is until `Expires`, where that is said. What cannot be read, such as `0`, is past (RFC 9111, 5.3).
fn expires(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let day = headers.get(EXPIRES)?.to_str().ok().and_then(|text| httpdate::parse_http_date(text).ok());
    Some(day.and_then(|day| day.duration_since(now).ok()).unwrap_or_default())
}

/// Takes the tags that the handler gave its reply; none when they are more, or longer, than may be kept.
pub(super) fn take_tags(headers: &mut HeaderMap) -> Option<Vec<String>> {
    let mut tags = Vec::new();
    for value in headers.get_all(CACHE_TAG) {
        let names = value.as_bytes().split(|byte| *byte == b',');
        tags.extend(names.map(|name| String::from_utf8_lossy(name.trim_ascii()).into_owned()));
    }
    headers.remove(CACHE_TAG);
    tags.retain(|tag| !tag.is_empty());
    (tags.len() <= MOST_TAGS && tags.iter().all(|tag| tag.len() <= LONGEST_TAG)).then_some(tags)
}

/// The headers that are kept: not those of one request, one connection or one origin.
pub(super) fn kept(headers: &HeaderMap) -> HeaderMap {
    let named = list(headers, &CONNECTION);
    let mut kept = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let once = ["keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "x-request-id"];
        let passes = [AGE, DATE, CONNECTION, CONTENT_LENGTH, CACHE_STATUS].contains(name)
            || once.contains(&name.as_str())
            || name.as_str().starts_with("access-control-")
            || name.as_str().starts_with("proxy-")
            || named.iter().any(|hop| hop == name.as_str());
        if !passes {
            kept.append(name, value.clone());
        }
    }
    kept
}

/// The directives of `Cache-Control`, in lower case, with their values unquoted.
fn directives(headers: &HeaderMap) -> impl Iterator<Item = (String, Option<String>)> {
    headers.get_all(CACHE_CONTROL).into_iter().filter_map(|value| value.to_str().ok()).flat_map(|value| {
        value.split(',').map(|directive| {
            let (name, value) = match directive.split_once('=') {
                Some((name, value)) => (name, Some(value.trim().trim_matches('"').to_owned())),
                None => (directive, None),
            };
            (name.trim().to_ascii_lowercase(), value)
        })
    })
}

/// The names of a header that is a list, in lower case. A value that is no text is a name that nobody knows.
fn list(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let values = headers.get_all(name).into_iter().map(HeaderValue::to_str);
    values
        .flat_map(|value| value.unwrap_or("*").split(',').map(|name| name.trim().to_ascii_lowercase()))
        .filter(|name| !name.is_empty())
        .collect()
}

/// A time in seconds; more than can be counted is for ever (RFC 9111, 1.2.2).
fn seconds(text: &str) -> Option<Duration> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = lines.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)));
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value);
        }
        headers
    }

    fn wish(lines: &[(&'static str, &'static str)]) -> Wish {
        let mut parts = http::Request::new(()).into_parts().0;
        parts.headers = headers(lines);
        Wish::of(&parts)
    }

    #[test]
    fn a_request_says_what_it_wants() {
        let refresh = |oldest| Wish { refresh: true, oldest, ..Wish::default() };
        assert_eq!(wish(&[]), Wish::default());
        assert_eq!(wish(&[("cache-control", "No-Cache")]), refresh(None));
        assert_eq!(wish(&[("cache-control", "foo, max-age=0")]), refresh(Some(Duration::ZERO)));
        assert_eq!(wish(&[("pragma", "no-cache")]), refresh(None));
        assert_eq!(wish(&[("pragma", "no-cache"), ("cache-control", "foo")]), Wish::default());
        assert!(wish(&[("cache-control", "no-store")]).bypass);
        assert!(wish(&[("range", "bytes=0-1")]).bypass);
        assert!(wish(&[("cache-control", "max-age=\"9\""), ("cache-control", "only-if-cached")]).only_kept);
        assert_eq!(wish(&[("cache-control", "max-age=9")]).oldest, Some(Duration::from_secs(9)));
        assert_eq!(wish(&[("cache-control", "max-age=-9")]), Wish::default());
    }

    fn kept_for(status: u16, lines: &[(&'static str, &'static str)]) -> Option<u64> {
        let status = StatusCode::from_u16(status).unwrap();
        let keyed = |name: &str| name == "accept";
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        keeps((status, &headers(lines)), (Duration::from_secs(60), now), keyed).map(|ttl| ttl.as_secs())
    }

    #[test]
    fn a_reply_says_whether_and_how_long_it_may_be_kept() {
        for status in [200, 203, 204, 300, 301, 308, 410] {
            assert_eq!(kept_for(status, &[]), Some(60), "{status}");
        }
        for status in [201, 202, 206, 302, 303, 304, 307, 400, 401, 404, 405, 429, 500, 503] {
            assert_eq!(kept_for(status, &[]), None, "{status}");
        }
        let control = |value| kept_for(200, &[("cache-control", value)]);
        assert_eq!(
            ["no-store", "private", "no-cache", "public, No-Store", "max-age=0", "max-age=x"].map(control),
            [None; 6]
        );
        assert_eq!(control("public, max-age=5"), Some(5));
        assert_eq!(control("max-age=5, s-maxage=\"9\""), Some(9));
        assert_eq!(control("max-age=99999999999999999999999"), Some(60));
        let expires = ("expires", "Sun, 06 Nov 1994 08:50:07 GMT");
        assert_eq!(kept_for(200, &[expires]), Some(30));
        assert_eq!(kept_for(200, &[expires, ("cache-control", "max-age=40")]), Some(40));
        assert_eq!(kept_for(200, &[("expires", "Sun, 06 Nov 1994 08:49:37 GMT")]), None);
        assert_eq!(kept_for(200, &[("expires", "0")]), None);
        assert_eq!(kept_for(200, &[("set-cookie", "a=b")]), None);
        assert_eq!(kept_for(200, &[("vary", "Accept, Origin")]), Some(60));
        assert_eq!(kept_for(200, &[("vary", "*")]), None);
        assert_eq!(kept_for(200, &[("vary", "accept, accept-language")]), None);
    }

    #[test]
    fn what_belongs_to_one_reply_is_not_kept() {
        let all = headers(&[
            ("content-type", "text/plain"),
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("date", "now"),
            ("age", "3"),
            ("x-request-id", "7"),
            ("access-control-allow-origin", "*"),
            ("content-length", "3"),
            ("link", "a"),
            ("link", "b"),
        ]);
        assert_eq!(kept(&all), headers(&[("content-type", "text/plain"), ("link", "a"), ("link", "b")]));
    }

    #[test]
    fn tags_are_taken_out_of_the_reply() {
        let mut reply = headers(&[("cache-tag", "a, b"), ("cache-tag", " ,c"), ("link", "x")]);
        assert_eq!(take_tags(&mut reply).unwrap(), ["a", "b", "c"]);
        assert_eq!(reply, headers(&[("link", "x")]));
        reply.insert(CACHE_TAG, HeaderValue::from_str(&"a,".repeat(65)).unwrap());
        assert_eq!(take_tags(&mut reply), None);
    }
}
