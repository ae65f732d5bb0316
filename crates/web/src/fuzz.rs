//! The ways in for the fuzz targets of this repository to what is not public. A function panics when the code under it
//! breaks a promise. Not an interface for people: it changes without notice.

use std::borrow::Cow;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::query::values;

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
