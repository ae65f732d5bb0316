//! Single values: text, numbers and yes or no, from the path or the query.

use std::borrow::Cow;

use ketch_model::{ArgSpec, Error, FieldError, In};
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;

use crate::arg::{Arg, ArgDocs, PathArg};
use crate::exchange::Input;
use crate::query;

/// A value that is written as text: `String`, `bool` and numbers. Implement it to read a type of your own from headers
/// and cookies.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a single value that is written as text",
    label = "not `String`, `bool` or a number"
)]
pub trait Scalar: Sized + JsonSchema + Send {
    /// What a client should send, after "is not".
    const WANTED: &'static str;

    /// The value; none when the text is not one.
    fn parse(text: Cow<'_, str>) -> Option<Self>;
}

impl Scalar for String {
    const WANTED: &'static str = "text";

    fn parse(text: Cow<'_, str>) -> Option<Self> {
        Some(text.into_owned())
    }
}

impl Scalar for bool {
    const WANTED: &'static str = "`true` or `false`";

    fn parse(text: Cow<'_, str>) -> Option<Self> {
        text.parse().ok()
    }
}

macro_rules! numbers {
    ($wanted:literal, $fits:expr, $($ty:ty),*) => {$(
        impl Scalar for $ty {
            const WANTED: &'static str = $wanted;

            fn parse(text: Cow<'_, str>) -> Option<Self> {
                // Rust reads `+1`, `inf` and `nan`; JSON has none of them, and neither do we.
                let plain = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
                text.parse::<$ty>().ok().filter(|number| plain && $fits(*number))
            }
        }
    )*};
}
numbers!(
    "a whole number in its range",
    |_| true,
    u8,
    u16,
    u32,
    u64,
    u128,
    usize,
    i8,
    i16,
    i32,
    i64,
    i128,
    isize
);
numbers!("a number", |number: f32| number.is_finite(), f32);
numbers!("a number", |number: f64| number.is_finite(), f64);

macro_rules! arguments {
    ($($ty:ty),*) => {$(
        impl PathArg for $ty {}

        impl Arg for $ty {
            const PLACE: In = In::Query;

            fn describe(name: &'static str, docs: &mut ArgDocs<'_>) {
                let schema = docs.schemas().read::<$ty>();
                docs.push(ArgSpec::new(name, In::Query, schema));
            }

            async fn read(input: &mut Input, name: &'static str) -> Result<Self, Error> {
                one::<$ty>(input, name)?.ok_or_else(|| fault(In::Query, name, "missing", format!("`{name}` is missing")))
            }
        }

        impl Arg for Option<$ty> {
            const PLACE: In = In::Query;

            fn describe(name: &'static str, docs: &mut ArgDocs<'_>) {
                let schema = docs.schemas().read::<$ty>();
                docs.push(ArgSpec { required: false, ..ArgSpec::new(name, In::Query, schema) });
            }

            async fn read(input: &mut Input, name: &'static str) -> Result<Self, Error> {
                one::<$ty>(input, name)
            }
        }

        impl Arg for Vec<$ty> {
            const PLACE: In = In::Query;

            fn describe(name: &'static str, docs: &mut ArgDocs<'_>) {
                let item = docs.schemas().read::<$ty>();
                let schema = serde_json::json!({ "type": "array", "items": item });
                docs.push(ArgSpec { required: false, repeated: true, ..ArgSpec::new(name, In::Query, schema) });
            }

            async fn read(input: &mut Input, name: &'static str) -> Result<Self, Error> {
                let query = input.parts.uri.query().unwrap_or_default();
                query::values(query, name).map(|value| parse::<$ty>(In::Query, name, value.ok())).collect()
            }
        }
    )*};
}
arguments!(String, bool, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64);

/// The value of the path if the route has the name, else of the query. Twice in the query is an error: a check
/// somewhere else might have looked at the other one.
fn one<T: Scalar>(input: &Input, name: &'static str) -> Result<Option<T>, Error> {
    if let Some(raw) = input.exchange.param(name, input.parts.uri.path()) {
        return parse(In::Path, name, percent_decode_str(raw).decode_utf8().ok()).map(Some);
    }
    let Some(query) = input.parts.uri.query() else { return Ok(None) };
    let mut values = query::values(query, name);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(fault(In::Query, name, "repeated", format!("`{name}` is given more than once")));
    }
    parse(In::Query, name, value.ok()).map(Some)
}

/// `text` is none when it was not UTF-8.
pub(crate) fn parse<T: Scalar>(place: In, name: &str, text: Option<Cow<'_, str>>) -> Result<T, Error> {
    let Some(text) = text else {
        return Err(fault(place, name, "invalid", format!("`{name}` is not UTF-8")));
    };
    T::parse(text).ok_or_else(|| fault(place, name, "invalid", format!("`{name}` is not {}", T::WANTED)))
}

pub(crate) fn fault(place: In, name: &str, code: &'static str, message: String) -> Error {
    Error::arguments(vec![FieldError { place, name: name.to_owned(), code, message }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_in_json() {
        let read = |text: &'static str| u32::parse(Cow::Borrowed(text));
        assert_eq!(read("42"), Some(42));
        assert_eq!(
            (read("+42"), read("-1"), read("4294967296"), read(""), read(" 1"), read("1.0")),
            (None, None, None, None, None, None)
        );
        let float = |text: &'static str| f64::parse(Cow::Borrowed(text));
        assert_eq!(float("-1.5e3"), Some(-1500.0));
        assert_eq!((float("inf"), float("nan"), float("1e999"), float("-inf")), (None, None, None, None));
    }
}
