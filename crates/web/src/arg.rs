//! What an endpoint may take: the trait behind arguments, and what is kept when several cannot be read.

use std::future::Future;

use ketch_model::{ArgSpec, Caller, Error, FieldError, In};
use serde_json::Value;

use crate::Schemas;
use crate::exchange::Input;

/// An argument of an endpoint, read from the request.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a request",
    label = "not an endpoint argument",
    note = "one value of the path or query: `String`, `bool`, a number",
    note = "of the query: `Option<…>` or `Vec<…>` of those",
    note = "the body: `Json<T>`; who calls: `Caller`"
)]
pub trait Arg: Sized + Send {
    /// Where it is read from. A value of the query is read from the path when its name is in the route.
    const PLACE: In;

    /// What the documents say about it.
    fn spec(name: &'static str, schemas: &mut Schemas) -> ArgSpec;

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

/// The spec of an argument whose name is in the route.
#[doc(hidden)]
pub fn path_arg<T: PathArg>(name: &'static str, schemas: &mut Schemas) -> ArgSpec {
    ArgSpec { place: In::Path, required: true, ..T::spec(name, schemas) }
}

/// Who calls, as far as the middlewares know.
impl Arg for Caller {
    const PLACE: In = In::Context;

    fn spec(name: &'static str, _schemas: &mut Schemas) -> ArgSpec {
        ArgSpec {
            name: name.to_owned(),
            place: In::Context,
            required: false,
            repeated: false,
            media_type: None,
            schema: Value::Bool(true),
        }
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
            Err(error) if error.status() == 400 && !error.fields().is_empty() => {
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
