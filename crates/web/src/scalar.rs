//! Single values: text, numbers and yes or no, from the path or the query.

use std::borrow::Cow;

use ketch_model::{ArgSpec, Error, FieldError, In};
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::arg::{Arg, ArgDocs, PathArg};
use crate::exchange::Input;
use crate::query;

/// A value that is written as one piece of text: in the path, the query, a header or a cookie.
///
/// `#[derive(Scalar)]` makes one of an enum whose variants are names, as serde calls them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a single value",
    label = "not one value that is written as text",
    note = "a single value is `String`, `bool`, a number, or an enum with `#[derive(Scalar)]`"
)]
pub trait Scalar: Sized + Send + JsonSchema {
    /// What a client should send, after "is not".
    const WANTED: &'static str;

    /// The value that a text stands for; none when it stands for none.
    fn parse(text: Cow<'_, str>) -> Option<Self>;

    /// What its rules measure; nothing unless it is a number or text.
    fn measure(&self) -> Measure<'_> {
        Measure::Nothing
    }
}

/// What the rules of an argument measure of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure<'a> {
    /// A whole number; beyond 127 bits the nearest.
    Whole(i128),
    /// A number.
    Real(f64),
    /// Text, whose length is counted in characters.
    Text(&'a str),
    /// Nothing that can be measured.
    Nothing,
}

/// A value as serde reads a text; what `#[derive(Scalar)]` parses with.
#[doc(hidden)]
pub fn scalar_from_text<T: DeserializeOwned>(text: &str) -> Option<T> {
    use serde::de::IntoDeserializer;
    let text: serde::de::value::StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
    T::deserialize(text).ok()
}

#[diagnostic::do_not_recommend]
impl Scalar for String {
    const WANTED: &'static str = "text";

    fn parse(text: Cow<'_, str>) -> Option<Self> {
        Some(text.into_owned())
    }

    fn measure(&self) -> Measure<'_> {
        Measure::Text(self)
    }
}

#[diagnostic::do_not_recommend]
impl Scalar for bool {
    const WANTED: &'static str = "`true` or `false`";

    fn parse(text: Cow<'_, str>) -> Option<Self> {
        text.parse().ok()
    }
}

macro_rules! numbers {
    ($wanted:expr, $fits:expr, $measure:expr, $($ty:ty),*) => {$(
        #[diagnostic::do_not_recommend]
        impl Scalar for $ty {
            const WANTED: &'static str = $wanted;

            fn parse(text: Cow<'_, str>) -> Option<Self> {
                // Rust reads `+1`, `inf` and `nan`; JSON has none of them, and neither do we.
                let plain = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
                text.parse::<$ty>().ok().filter(|number| plain && $fits(*number))
            }

            fn measure(&self) -> Measure<'_> {
                $measure(*self)
            }
        }
    )*};
}
const WHOLE: &str = "a whole number in its range";
numbers!(WHOLE, |_| true, |number| Measure::Whole(i128::from(number)), u8, u16, u32, u64, i8, i16, i32, i64);
numbers!(WHOLE, |_| true, Measure::Whole, i128);
numbers!(
    WHOLE,
    |_| true,
    |number| Measure::Whole(i128::try_from(number).unwrap_or(i128::MAX)),
    u128,
    usize,
    isize
);
numbers!("a number", |number: f32| number.is_finite(), |number| Measure::Real(f64::from(number)), f32);
numbers!("a number", |number: f64| number.is_finite(), Measure::Real, f64);

macro_rules! arguments {
    ($($ty:ty),*) => {$(
        #[diagnostic::do_not_recommend]
        impl PathArg for $ty {}

        #[diagnostic::do_not_recommend]
        impl Arg for $ty {
            const PLACE: In = In::Query;

            fn describe(name: &'static str, docs: &mut ArgDocs<'_>) {
                describe_scalar::<$ty>(name, docs);
            }

            async fn read(input: &mut Input, name: &'static str) -> Result<Self, Error> {
                read_scalar(input, name)
            }
        }
    )*};
}
arguments!(String, bool, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64);

/// Describes a value that must be there.
#[doc(hidden)]
pub fn describe_scalar<T: Scalar>(name: &'static str, docs: &mut ArgDocs<'_>) {
    let schema = docs.schemas().read::<T>();
    docs.push(ArgSpec::new(name, In::Query, schema));
}

/// Reads a value that must be there.
///
/// # Errors
/// 400 when it is missing or cannot be read.
#[doc(hidden)]
pub fn read_scalar<T: Scalar>(input: &Input, name: &'static str) -> Result<T, Error> {
    one(input, name)?.ok_or_else(|| fault(In::Query, name, "missing", format!("`{name}` is missing")))
}

impl<T: Scalar> Arg for Option<T> {
    const PLACE: In = In::Query;

    fn describe(name: &'static str, docs: &mut ArgDocs<'_>) {
        let schema = docs.schemas().read::<T>();
        docs.push(ArgSpec { required: false, ..ArgSpec::new(name, In::Query, schema) });
    }

    async fn read(input: &mut Input, name: &'static str) -> Result<Self, Error> {
        one(input, name)
    }
}

impl<T: Scalar> Arg for Vec<T> {
    const PLACE: In = In::Query;

    fn describe(name: &'static str, docs: &mut ArgDocs<'_>) {
        let item = docs.schemas().read::<T>();
        let schema = json!({ "type": "array", "items": item });
        docs.push(ArgSpec { required: false, repeated: true, ..ArgSpec::new(name, In::Query, schema) });
    }

    async fn read(input: &mut Input, name: &'static str) -> Result<Self, Error> {
        let query = input.parts.uri.query().unwrap_or_default();
        query::values(query, name).map(|value| parse(In::Query, name, value.ok())).collect()
    }
}

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
    T::parse(text).ok_or_else(|| fault(place, name, "invalid", format!("`{name}` is not {}", wanted::<T>())))
}

/// What a client should send. An enum's values are known to its schema, as serde calls them.
fn wanted<T: Scalar>() -> String {
    let schema = schemars::schema_for!(T).to_value();
    let list = |schema: &Value, key| schema.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    // Documented values stand alone, others together.
    let groups = list(&schema, "oneOf").into_iter().chain([schema]);
    let values = groups.flat_map(|group| group.get("const").cloned().into_iter().chain(list(&group, "enum")));
    let values: Vec<Value> = values.collect();
    let values: Vec<String> =
        values.iter().filter_map(Value::as_str).map(|value| format!("`{value}`")).collect();
    if values.is_empty() { T::WANTED.to_owned() } else { format!("one of {}", values.join(", ")) }
}

pub(crate) fn fault(place: In, name: &str, code: &'static str, message: String) -> Error {
    Error::arguments(vec![FieldError { place, name: name.to_owned(), code, message }])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Documented variants are `oneOf` in a schema, others stand in one `enum`.
    #[derive(Debug, JsonSchema, serde::Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Size {
        Small,
        /// As large as it gets.
        VeryLarge,
    }

    impl Scalar for Size {
        const WANTED: &'static str = "one of its values";

        fn parse(text: Cow<'_, str>) -> Option<Self> {
            scalar_from_text(&text)
        }
    }

    #[test]
    fn a_client_is_told_the_values_of_an_enum() {
        let error = parse::<Size>(In::Query, "size", Some("huge".into())).unwrap_err();
        assert_eq!(error.message(), "`size` is not one of `small`, `very-large`");
        assert!(matches!(parse(In::Query, "size", Some("very-large".into())), Ok(Size::VeryLarge)));
    }

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
