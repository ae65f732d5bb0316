//! Bodies that state rules of their own with `#[derive(Validate)]` (garde): every violation is reported, each by the
//! JSON Pointer of the member it is about.
//!
//! The macro asks [`Probe`] about every argument. Whether a type states rules is decided by method resolution: the
//! method of [`Stated`] is found before that of [`Unstated`], when it applies (Tolnay 2018, "autoref-based
//! specialisation"). Types whose validation needs a context are not asked: they are validated by the endpoint itself.

use std::marker::PhantomData;

use garde::Validate;
use garde::error::Kind;
use ketch_model::{Error, FieldError, In};
use schemars::JsonSchema;
use serde_json::Value;

use crate::arg::ArgDocs;
use crate::form::Form;
use crate::json::Json;

/// Asks whether an argument's type states rules, and checks them.
#[doc(hidden)]
#[derive(Debug)]
pub struct Probe<T>(PhantomData<fn(T)>);

impl<T> Probe<T> {
    /// A probe of this type.
    #[expect(clippy::new_without_default, reason = "only the macro makes one")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

/// An argument that holds a value which may state rules.
#[doc(hidden)]
pub trait Holds {
    /// The value's type.
    type Value;
    /// Where the value is read from.
    const PLACE: In;

    /// The value.
    fn value(&self) -> &Self::Value;

    /// What paths of its fields are called on the wire.
    fn wire_names<'p>(paths: impl Iterator<Item = &'p garde::Path>) -> Vec<String>;
}

macro_rules! bodies {
    ($($body:ident),*) => {$(
        impl<T: JsonSchema> Holds for $body<T> {
            type Value = T;
            const PLACE: In = In::Body;

            fn value(&self) -> &T {
                &self.0
            }

            fn wire_names<'p>(paths: impl Iterator<Item = &'p garde::Path>) -> Vec<String> {
                pointers::<T>(paths)
            }
        }
    )*};
}
bodies!(Json, Form);

/// Found first: the value states rules.
#[doc(hidden)]
pub trait Stated<T> {
    /// Says in the documents that there are rules; what they are is in the schema.
    fn describe(&self, docs: &mut ArgDocs<'_>, describe: fn(&mut ArgDocs<'_>)) {
        docs.added(describe).iter_mut().for_each(|arg| arg.rules = true);
    }

    /// Checks the rules.
    ///
    /// # Errors
    /// 422 with one entry for each violation.
    fn check(&self, argument: &T) -> Result<(), Error>;
}

impl<T> Stated<T> for Probe<T>
where
    T: Holds,
    T::Value: Validate<Context = ()>,
{
    fn check(&self, argument: &T) -> Result<(), Error> {
        argument.value().validate().map_err(|report| violations::<T>(&report))
    }
}

/// Found else: no rules.
#[doc(hidden)]
pub trait Unstated<T> {
    /// Describes the argument.
    fn describe(&self, docs: &mut ArgDocs<'_>, describe: fn(&mut ArgDocs<'_>)) {
        describe(docs);
    }

    /// Nothing to check.
    ///
    /// # Errors
    /// Never.
    fn check(&self, _argument: &T) -> Result<(), Error> {
        Ok(())
    }
}

impl<T> Unstated<T> for &Probe<T> {}

/// The most violations that one reply lists.
const MOST: usize = 100;

fn violations<T: Holds>(report: &garde::Report) -> Error {
    let names = T::wire_names(report.iter().take(MOST).map(|(path, _)| path));
    let entries = report.iter().zip(names).map(|((_, violation), name)| FieldError {
        place: T::PLACE,
        name,
        code: FieldError::RULE,
        message: violation.message().to_owned(),
    });
    Error::arguments(entries.collect())
}

/// The pointers of a reply's violations. The schema is made once for all of them.
fn pointers<'p, T: JsonSchema>(paths: impl Iterator<Item = &'p garde::Path>) -> Vec<String> {
    let schema = schemars::schema_for!(T).to_value();
    paths.map(|path| pointer(path, &schema)).collect()
}

/// The name of an argument of a `Query` struct, from those of its fields, each with the argument's.
#[doc(hidden)]
pub fn query_name(path: &garde::Path, fields: &[(&str, &str)]) -> String {
    let field = path.__iter().next_back().map(|(_, name)| name.as_str()).unwrap_or_default();
    fields.iter().find(|(known, _)| *known == field).map_or(field, |(_, name)| name).to_owned()
}

/// A JSON Pointer (RFC 6901) to what a path of fields leads to. Fields are named as in Rust there and as serde
/// renames them on the wire; the schema knows the latter.
fn pointer(path: &garde::Path, root: &Value) -> String {
    let mut out = String::new();
    let mut schema = Some(root);
    // garde keeps the innermost first.
    for (kind, name) in path.__iter().rev() {
        let here = schema.map(|schema| followed(schema, root));
        match kind {
            Kind::None => continue,
            Kind::Index => {
                out.push('/');
                out.push_str(name);
                schema = here.and_then(|schema| schema.get("items"));
            }
            Kind::Key => {
                let known = here.and_then(|schema| member(schema, name));
                let written = known.map_or(name.as_str(), |(written, _)| written);
                out.push('/');
                out.push_str(&written.replace('~', "~0").replace('/', "~1"));
                schema = known
                    .map(|(_, schema)| schema)
                    .or_else(|| here.and_then(|schema| schema.get("additionalProperties")));
            }
        }
    }
    out
}

/// A schema, references followed; a few steps lead to the end of any that schemars writes.
fn followed<'s>(mut schema: &'s Value, root: &'s Value) -> &'s Value {
    for _ in 0..8 {
        let next = match schema.get("$ref").and_then(Value::as_str) {
            Some(reference) => root.pointer(reference.trim_start_matches('#')),
            // `Option` of a type with a name.
            None => schema
                .get("anyOf")
                .and_then(Value::as_array)
                .and_then(|any| any.iter().find(|one| one.get("type") != Some(&Value::from("null")))),
        };
        match next {
            Some(next) => schema = next,
            None => break,
        }
    }
    schema
}

/// The member that a field becomes: its own name, or the one that differs in case and separators only.
fn member<'s>(schema: &'s Value, field: &str) -> Option<(&'s str, &'s Value)> {
    let members = schema.get("properties")?.as_object()?;
    let plain = |name: &str| name.replace(['_', '-'], "").to_lowercase();
    let field = field.trim_start_matches("r#");
    let found =
        members.get_key_value(field).or_else(|| members.iter().find(|(name, _)| plain(name) == plain(field)));
    found.map(|(name, schema)| (name.as_str(), schema))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Validate, JsonSchema, serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Crew {
        #[garde(length(chars, min = 1, max = 5))]
        first_name: String,
        #[garde(dive)]
        mates: Vec<Mate>,
        #[garde(dive)]
        cook: Option<Mate>,
    }

    #[derive(Validate, JsonSchema, serde::Deserialize)]
    struct Mate {
        #[garde(range(max = 99))]
        #[serde(rename = "Age")]
        age: u8,
    }

    struct Plain;

    #[test]
    #[expect(clippy::needless_borrow, reason = "it is asked as the macro asks")]
    fn every_violation_is_named_as_on_the_wire() {
        let text = r#"{ "firstName": "", "mates": [{ "Age": 1 }, { "Age": 100 }], "cook": { "Age": 200 } }"#;
        let crew: Json<Crew> = Json(serde_json::from_str(text).unwrap());
        let error = (&Probe::<Json<Crew>>::new()).check(&crew).unwrap_err();
        assert_eq!(error.status(), 422);
        let names: Vec<&str> = error.fields().iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["/cook/Age", "/firstName", "/mates/1/Age"]);
    }

    #[test]
    fn a_type_without_rules_passes() {
        assert!((&Probe::<Plain>::new()).check(&Plain).is_ok());
        assert!((&Probe::<Json<Plain>>::new()).check(&Json(Plain)).is_ok());
    }
}
