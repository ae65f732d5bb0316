//! Request headers as arguments, each by the argument's name.

use std::borrow::Cow;

use ketch_model::{ArgSpec, Error, In};
use serde_json::Value;

use crate::arg::{Arg, ArgDocs};
use crate::exchange::Input;
use crate::scalar::{Scalar, fault, parse};
use crate::schemas::Schemas;

/// A request header: `if_match: Header<String>` is `If-Match`.
///
/// `T` is a single value, an `Option` of one, or a `Vec` of those for a header that may come on several lines; a list
/// within one line is one value. 400 names a header that is missing, cannot be read, is not UTF-8, or is `repeated`
/// where one value is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header<T>(pub T);

/// How often a value may come: once, once at most (`Option`), or any number of times (`Vec`).
pub trait Occurs: Sized + Send {
    /// Whether it must come.
    const REQUIRED: bool;
    /// Whether it may come several times.
    const REPEATED: bool;

    /// The schema of all of it.
    fn schema(schemas: &mut Schemas) -> Value;

    /// Reads the values that came; one that is not UTF-8 is none.
    ///
    /// # Errors
    /// 400, naming what is missing, repeated or cannot be read.
    fn read<'v>(
        place: In,
        name: &str,
        values: impl Iterator<Item = Option<Cow<'v, str>>>,
    ) -> Result<Self, Error>;
}

impl<S: Scalar> Occurs for S {
    const REQUIRED: bool = true;
    const REPEATED: bool = false;

    fn schema(schemas: &mut Schemas) -> Value {
        schemas.read::<S>()
    }

    fn read<'v>(
        place: In,
        name: &str,
        values: impl Iterator<Item = Option<Cow<'v, str>>>,
    ) -> Result<Self, Error> {
        let missing = || fault(place, name, "missing", format!("`{name}` is missing"));
        <Option<S> as Occurs>::read(place, name, values)?.ok_or_else(missing)
    }
}

impl<S: Scalar> Occurs for Option<S> {
    const REQUIRED: bool = false;
    const REPEATED: bool = false;

    fn schema(schemas: &mut Schemas) -> Value {
        schemas.read::<S>()
    }

    fn read<'v>(
        place: In,
        name: &str,
        mut values: impl Iterator<Item = Option<Cow<'v, str>>>,
    ) -> Result<Self, Error> {
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(fault(place, name, "repeated", format!("`{name}` is given more than once")));
        }
        parse(place, name, value).map(Some)
    }
}

impl<S: Scalar> Occurs for Vec<S> {
    const REQUIRED: bool = false;
    const REPEATED: bool = true;

    fn schema(schemas: &mut Schemas) -> Value {
        serde_json::json!({ "type": "array", "items": schemas.read::<S>() })
    }

    fn read<'v>(
        place: In,
        name: &str,
        values: impl Iterator<Item = Option<Cow<'v, str>>>,
    ) -> Result<Self, Error> {
        values.map(|value| parse(place, name, value)).collect()
    }
}

impl<T: Occurs> Arg for Header<T> {
    const PLACE: In = In::Header;

    fn describe(name: &'static str, docs: &mut ArgDocs<'_>) {
        let schema = T::schema(docs.schemas());
        let spec = ArgSpec::new(header_name(name), In::Header, schema);
        docs.push(ArgSpec { required: T::REQUIRED, repeated: T::REPEATED, ..spec });
    }

    async fn read(input: &mut Input, name: &'static str) -> Result<Self, Error> {
        let name = header_name(name);
        let lines = input.parts.headers.get_all(&*name).iter();
        let values = lines.map(|line| std::str::from_utf8(line.as_bytes()).ok().map(Cow::Borrowed));
        T::read(In::Header, &name, values).map(Self)
    }
}

/// `if_match` is `if-match` on the wire.
pub(crate) fn header_name(name: &str) -> Cow<'_, str> {
    if name.contains('_') { Cow::Owned(name.replace('_', "-")) } else { Cow::Borrowed(name) }
}
