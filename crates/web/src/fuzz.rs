//! The ways in for the fuzz targets of this repository to what is not public. A function panics when the code under it
//! breaks a promise. Not an interface for people: it changes without notice.

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::header::COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue};
use ketch_model::In;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::cookies;
use crate::header::Occurs;
use crate::json::unreadable;
use crate::multipart::fuzzed;
use crate::query::values;

/// A type with every form that serde reads in a way of its own.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it is only read into")]
struct Written {
    name: String,
    count: Option<u8>,
    share: f64,
    kind: Kind,
    parts: Vec<Written>,
    by_name: BTreeMap<String, (bool, i64)>,
    #[serde(flatten)]
    more: BTreeMap<String, u16>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "it is only read into")]
enum Kind {
    Plain,
    Of(u8, char),
    With { letter: char },
}

/// A JSON body: what cannot be read is the client's fault, never the server's.
pub fn json(bytes: &[u8]) {
    if let Err(error) = serde_json::from_slice::<Written>(bytes) {
        let error = unreadable::<Written>(bytes, error);
        assert_eq!(error.status().as_u16(), 400, "{error:?}");
    }
}

/// A query string: any text as it is; and, cut at its line ends, as values that must come back from the string that
/// is made of them.
pub fn query(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    once(text);
    let (name, query) = text.split_once('\n').unwrap_or(("name", text));
    let found = values(query, name).count();
    assert!(found <= query.split('&').count(), "{found} values of `{name}` in `{query}`");

    let written: Vec<&str> = query.lines().collect();
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<String> =
        written.iter().map(|value| format!("{}={}", encode(name), encode(value))).collect();
    let query = format!("{}&{}=other", pairs.join("&"), encode(&format!("{name}x")));
    let read: Vec<String> =
        values(&query, name).map(|value| value.map(Cow::into_owned).expect("it was text")).collect();
    // Without a line there is one empty pair, whose name is empty.
    if !written.is_empty() {
        assert_eq!(read, written, "{query}");
    }
}

/// A query string: its values are no longer than it is, and one that comes twice is never one value.
fn once(text: &str) {
    let name = text.split(['&', '=']).next().unwrap_or_default();
    let values: Vec<_> = values(text, name).collect();
    assert!(values.iter().flatten().map(|value| value.len()).sum::<usize>() <= text.len());
    let one = <Option<String>>::read(In::Query, name, values.iter().cloned().map(Result::ok));
    assert_eq!(one.is_ok(), values.len() < 2 && values.iter().all(Result::is_ok));
}

/// A `Cookie` header: each value is a piece of it, without what ends one.
pub fn cookie(bytes: &[u8]) {
    let Ok(line) = HeaderValue::from_bytes(bytes) else { return };
    let headers = HeaderMap::from_iter([(COOKIE, line)]);
    let first = bytes.split(|byte| *byte == b'=').next().unwrap_or_default();
    for name in ["session", std::str::from_utf8(first).unwrap_or_default()] {
        for value in cookies::values(&headers, name).flatten() {
            assert!(!value.contains(';') && value.len() <= bytes.len());
        }
    }
}

/// A header's value as text, a number and a list: what is a number is text too, and no longer than its line.
pub fn header(bytes: &[u8]) {
    let Ok(line) = HeaderValue::from_bytes(bytes) else { return };
    let headers = HeaderMap::from_iter([(HeaderName::from_static("x"), line)]);
    let values = || {
        let lines = headers.get_all("x").iter();
        lines.map(|line| std::str::from_utf8(line.as_bytes()).ok().map(Cow::Borrowed))
    };
    let text = String::read(In::Header, "x", values());
    assert_eq!(text.is_ok(), std::str::from_utf8(bytes).is_ok());
    for number in [i64::read(In::Header, "x", values()).is_ok(), f64::read(In::Header, "x", values()).is_ok()]
    {
        assert!(!number || text.is_ok());
    }
    assert_eq!(<Vec<String>>::read(In::Header, "x", values()).is_ok(), text.is_ok());
}

/// A multipart body whose content type is its first line: however it is cut into reads, it means the same.
pub fn multipart(bytes: &[u8]) {
    let at = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (first, body) = (&bytes[..at], bytes.get(at + 1..).unwrap_or_default());
    let Ok(content_type) = std::str::from_utf8(first) else { return };
    let whole = fuzzed(content_type, body, body.len().max(1));
    assert!(
        whole
            .as_ref()
            .is_none_or(|parts| parts.iter().map(|(_, data)| data.len()).sum::<usize>() <= body.len())
    );
    assert_eq!(whole, fuzzed(content_type, body, 1));
    assert_eq!(whole, fuzzed(content_type, body, 7));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_must_hold_holds(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[a=&;%0-9+\" -]{0,60}") {
            for bytes in [bytes.as_slice(), text.as_bytes()] {
                query(bytes);
                cookie(bytes);
                header(bytes);
                multipart(bytes);
            }
        }

        #[test]
        fn forms_too(body in "(--b|\r\n|\r\n--b\r\n|Content-Disposition: form-data; name=|\"|x|;|\r\n\r\n|--){0,30}") {
            multipart(format!("multipart/form-data; boundary=b\n{body}").as_bytes());
        }
    }
}
