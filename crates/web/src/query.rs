//! The query string: pairs of names and values, decoded strictly.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The values of a name, in order. An item is an error when the value is not UTF-8 once decoded.
///
/// The form is `application/x-www-form-urlencoded` (WHATWG URL, section 5), but for text that is no UTF-8, which is
/// an error rather than replaced.
pub(crate) fn values<'q>(
    query: &'q str,
    name: &'q str,
) -> impl Iterator<Item = Result<Cow<'q, str>, std::str::Utf8Error>> {
    query.split('&').filter_map(move |pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let is_key = key == name || decode(key).is_ok_and(|key| key == name);
        is_key.then(|| decode(value))
    })
}

fn decode(text: &str) -> Result<Cow<'_, str>, std::str::Utf8Error> {
    if !text.contains(['%', '+']) {
        return Ok(Cow::Borrowed(text));
    }
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().map(|text| Cow::Owned(text.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(query: &str, name: &str) -> Vec<String> {
        values(query, name).map(|value| value.map_or("!".to_owned(), Cow::into_owned)).collect()
    }

    #[test]
    fn names_and_values_are_decoded_on_both_sides() {
        assert_eq!(all("a=1&b=2&a=3", "a"), ["1", "3"]);
        assert_eq!(all("a%5B%5D=x+y%2B", "a[]"), ["x y+"]);
        assert_eq!(all("flag&x", "flag"), [""]);
        assert_eq!(all("a=%ff", "a"), ["!"]);
        assert_eq!(all("", "a"), [] as [String; 0]);
        assert_eq!(all("a==b", "a"), ["=b"]);
    }
}
