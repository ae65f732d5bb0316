//! The ways in for the fuzz targets of this repository to what is not public. A function panics when the code under it
//! breaks a promise. Not an interface for people: it changes without notice.

use std::borrow::Cow;
use std::collections::BTreeMap;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::json::unreadable;
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
