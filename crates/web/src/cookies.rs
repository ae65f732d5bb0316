//! Cookies of a request (RFC 6265bis), as arguments. Setting them is [`Ctx`](crate::Ctx)'s.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::COOKIE;
use ketch_model::{ArgSpec, Error, In};

use crate::arg::{Arg, ArgDocs};
use crate::exchange::Input;
use crate::header::Occurs;

/// A cookie, by the argument's name: `session: Cookie<Option<String>>`.
///
/// `T` is a single value or an `Option` of one. The value is taken as it stands, quotes included, and nothing is
/// percent-decoded. 400 names a cookie that is missing, cannot be read, is not UTF-8, or is `repeated`: a page on a
/// sibling domain can add one of the same name, and which of them is real cannot be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cookie<T>(pub T);

impl<T: Occurs> Arg for Cookie<T> {
    const PLACE: In = In::Cookie;

    fn describe(name: &'static str, docs: &mut ArgDocs<'_>) {
        const { assert!(!T::REPEATED, "a cookie comes once: take `Cookie<T>` or `Cookie<Option<T>>`") };
        let schema = T::schema(docs.schemas());
        docs.push(ArgSpec { required: T::REQUIRED, ..ArgSpec::new(name, In::Cookie, schema) });
    }

    async fn read(input: &mut Input, name: &'static str) -> Result<Self, Error> {
        T::read(In::Cookie, name, values(&input.parts.headers, name)).map(Self)
    }
}

/// The values of a cookie, in order, from however many lines they came in (HTTP/2 splits them: RFC 9113, 8.2.3). One
/// that is not UTF-8 is none.
pub(crate) fn values<'h>(
    headers: &'h HeaderMap,
    name: &'h str,
) -> impl Iterator<Item = Option<Cow<'h, str>>> {
    let pairs = headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(move |pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let value = pair[at + 1..].trim_ascii();
        (pair[..at].trim_ascii() == name.as_bytes())
            .then(|| std::str::from_utf8(value).ok().map(Cow::Borrowed))
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn all(lines: &[&'static [u8]], name: &str) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        values(&headers, name).map(|value| value.map_or("!".to_owned(), Cow::into_owned)).collect()
    }

    #[test]
    fn cookies_are_found_by_their_exact_name() {
        assert_eq!(all(&[b"a=1; b=2;c=3"], "b"), ["2"]);
        assert_eq!(all(&[b"A=1; aa=2"], "a"), [] as [String; 0]);
        assert_eq!(all(&[b"a=x=y"], "a"), ["x=y"]);
        assert_eq!(all(&[b"a=\"q\"; a"], "a"), ["\"q\""]);
        assert_eq!(all(&[b"a=%41"], "a"), ["%41"]);
    }

    #[test]
    fn every_line_counts() {
        assert_eq!(all(&[b"a=1", b"b=2; a=3"], "a"), ["1", "3"]);
        assert_eq!(all(&[b"a=\xff"], "a"), ["!"]);
    }
}
