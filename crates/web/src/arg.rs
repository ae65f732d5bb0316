//! What an endpoint may take: the trait behind arguments, and what is kept when several cannot be read.

use std::future::Future;

use ketch_model::{ArgSpec, Caller, Error, FieldError, In, Sees};
use serde::Serialize;
use serde_json::Value;

use crate::Schemas;
use crate::exchange::Input;

/// An argument of an endpoint, read from the request.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a request",
    label = "not an endpoint argument",
    note = "one value of the path or query: `String`, `bool`, a number, an enum with `#[derive(Scalar)]`",
    note = "of the query: `Option<…>` or `Vec<…>` of those",
    note = "a struct of those: `#[derive(Query)]`; a header or cookie: `Header<…>`, `Cookie<…>`",
    note = "the body: `Json<T>`, `Form<T>`, `Bytes`, `Multipart`",
    note = "who calls: `Caller`; the rest of the request: `Ctx`; any axum extractor: `Extract<T>`"
)]
pub trait Arg: Sized + Send {
    /// Where it is read from. A value of the query is read from the path when its name is in the route.
    const PLACE: In;

    /// Says what the documents need to know; a struct of several values says each of them.
    fn describe(name: &'static str, docs: &mut ArgDocs<'_>);

    /// Reads it.
    ///
    /// # Errors
    /// The error the client gets; several arguments' errors are answered together.
    fn read(input: &mut Input, name: &'static str) -> impl Future<Output = Result<Self, Error>> + Send;
}

/// An argument that can be one segment of the path.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a part of the path",
    label = "its name is in the route, so it is read from the path",
    note = "a part of the path is one value: `String`, `bool`, or a number"
)]
pub trait PathArg: Arg {}

/// What the arguments of an endpoint say of themselves.
#[derive(Debug)]
pub struct ArgDocs<'a> {
    schemas: &'a mut Schemas,
    args: Vec<ArgSpec>,
}

impl<'a> ArgDocs<'a> {
    /// Nothing said yet.
    pub fn new(schemas: &'a mut Schemas) -> Self {
        Self { schemas, args: Vec::new() }
    }

    /// Where schemas are collected.
    pub fn schemas(&mut self) -> &mut Schemas {
        self.schemas
    }

    /// Adds an argument.
    pub fn push(&mut self, arg: ArgSpec) {
        self.args.push(arg);
    }

    /// All that was said.
    pub fn finish(self) -> Vec<ArgSpec> {
        self.args
    }

    /// What `describe` adds, to be changed.
    pub(crate) fn added(&mut self, describe: impl FnOnce(&mut Self)) -> &mut [ArgSpec] {
        let before = self.args.len();
        describe(self);
        &mut self.args[before..]
    }

    /// Says what the argument's attribute and comment say of what `describe` adds.
    #[doc(hidden)]
    pub fn noted(
        &mut self,
        about: Option<&str>,
        example: Option<Value>,
        default: Option<Value>,
        describe: impl FnOnce(&mut Self),
    ) {
        let Some(arg) = self.added(describe).last_mut() else { return };
        if let Some(about) = about {
            arg.about = Some(about.to_owned());
        }
        if let Some(example) = example {
            arg.example = Some(example);
        }
        if let Some(default) = default {
            arg.required = false;
            arg.schema["default"] = default;
        }
    }
}

/// A default or an example, as the documents show it.
#[doc(hidden)]
pub fn documented<T: Serialize>(value: T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Describes an argument whose name is in the route.
#[doc(hidden)]
pub fn path_arg<T: PathArg>(name: &'static str, docs: &mut ArgDocs<'_>) {
    for arg in docs.added(|docs| T::describe(name, docs)) {
        arg.place = In::Path;
        arg.required = true;
    }
}

/// Who calls, as far as the middlewares know.
#[diagnostic::do_not_recommend]
impl Arg for Caller {
    const PLACE: In = In::Context;

    fn describe(name: &'static str, docs: &mut ArgDocs<'_>) {
        let spec = ArgSpec::new(name, In::Context, Value::Bool(true));
        docs.push(ArgSpec { required: false, sees: Sees::Caller, ..spec });
    }

    async fn read(input: &mut Input, _name: &'static str) -> Result<Self, Error> {
        Ok(input.parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// The errors of several arguments, to be answered together.
#[derive(Debug, Default)]
pub struct Faults {
    fields: Vec<FieldError>,
    /// An error that is not about a field, such as a body that is too large. It decides the reply.
    decisive: Option<Error>,
}

impl Faults {
    /// The value, or none with its error kept.
    pub fn keep<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) if !error.fields().is_empty() => {
                self.fields.extend_from_slice(error.fields());
                None
            }
            Err(error) => {
                self.decisive.get_or_insert(error);
                None
            }
        }
    }

    /// The one error that stands for all.
    pub fn into_error(self) -> Error {
        self.decisive.unwrap_or_else(|| Error::arguments(self.fields))
    }
}
