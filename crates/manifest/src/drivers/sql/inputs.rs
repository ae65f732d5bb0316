//! What is bound to a statement: arguments by their declared types, and who calls.

use std::sync::Arc;

use ketch_db::describe::Kind;
use ketch_db::{Params, Value};
use ketch_model::{ArgSpec, Error, FieldError, In};
use serde_json::Value as Json;

use super::caller::Spelt;
use crate::arguments::narrowed;
use crate::call::Call;
use crate::tree::{Param, Site};
use crate::types::Type;

/// The parameters of a statement, and where their values come from.
#[derive(Clone, Debug)]
pub(super) struct Inputs {
    pub(super) names: Arc<[Box<str>]>,
    pub(super) from: Vec<From>,
    /// How the caller's id must be spelt.
    pub(super) spelt: Spelt,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum From {
    /// An argument.
    Argument(Argument),
    /// Who calls.
    CallerId,
    /// What a middleware knows of the caller's address.
    CallerEmail,
    /// How many rows there may be, if the argument says nothing else.
    Limit(Option<Argument>),
}

/// An argument, as far as binding it needs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Argument {
    name: String,
    wire: String,
    place: In,
    pub(super) wants: Wants,
}

/// What an argument's type says of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// True or false.
    Bool,
    /// A whole number.
    Integer,
    /// A number, which may be whole.
    Real,
    /// Text.
    Text,
    /// A list, a map, or anything: what is no simple value is bound as JSON.
    Any,
}

impl Wants {
    /// By its JSON Schema, which says it of every type.
    pub(crate) fn of(ty: &Type) -> Self {
        let schema = ty.schema();
        let name = match &schema["type"] {
            Json::Array(several) => several.iter().find(|it| *it != "null").cloned().unwrap_or_default(),
            one => one.clone(),
        };
        match name.as_str() {
            Some("boolean") => Self::Bool,
            Some("integer") => Self::Integer,
            Some("number") => Self::Real,
            Some("string") => Self::Text,
            _ => Self::Any,
        }
    }

    /// Its name, for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Integer => "a whole number",
            Self::Real => "a number",
            Self::Text => "text",
            Self::Any => "anything",
        }
    }

    /// Whether an engine that says what a parameter is can take such values.
    pub(super) fn fits(self, kind: Kind) -> bool {
        match (self, kind) {
            (Self::Bool, Kind::Bool | Kind::Integer | Kind::Json) => true,
            (Self::Bool, _) | (Self::Real, Kind::Integer | Kind::Bool | Kind::Uuid | Kind::Date) => false,
            (Self::Integer, Kind::Bool | Kind::Uuid | Kind::Date | Kind::Timestamp) => false,
            (_, Kind::Blob) => false,
            _ => true,
        }
    }
}

impl Argument {
    pub(super) fn of(param: &Param) -> Self {
        let place = match param.site {
            Site::Path | Site::Slot(_) => In::Path,
            Site::Query => In::Query,
            Site::Header => In::Header,
            Site::Cookie => In::Cookie,
            Site::Body => In::Body,
        };
        Self { name: param.name.clone(), wire: param.wire.clone(), place, wants: Wants::of(&param.ty) }
    }

    fn fault(&self, message: &str) -> Error {
        let name = if self.place == In::Body { format!("/{}", self.wire) } else { self.wire.clone() };
        let message = format!("`{}` {message}", self.wire);
        Error::arguments(vec![FieldError { place: self.place, name, code: FieldError::RULE, message }])
    }
}

impl Inputs {
    /// Whether a client says any of the values.
    pub(super) fn has_arguments(&self) -> bool {
        self.from.iter().any(|from| matches!(from, From::Argument(_)))
    }

    /// Says in the documents what the database asks beyond the types.
    pub(super) fn narrow(&self, args: &mut [ArgSpec]) {
        for from in &self.from {
            match from {
                From::Limit(Some(it)) => narrowed(args, it.place, &it.wire, |schema| {
                    schema["minimum"] = 0.into();
                }),
                From::Argument(it) if it.wants == Wants::Integer => {
                    narrowed(args, it.place, &it.wire, |schema| schema["maximum"] = i64::MAX.into());
                }
                _ => {}
            }
        }
    }

    /// The values for a call. `most` is the largest page.
    ///
    /// # Errors
    /// What is wrong with an argument that no type can say.
    pub(super) fn bind(&self, call: &Call, most: usize) -> Result<(Params, usize), Error> {
        let mut page = most;
        let mut values = Vec::with_capacity(self.from.len());
        for from in &self.from {
            values.push(match from {
                From::Argument(argument) => bound(call, argument)?,
                From::CallerId => match call.caller.id() {
                    Some(id) => self.spelt.value(id)?,
                    None => Value::Null,
                },
                From::CallerEmail => match call.claims.get("email") {
                    Some(Json::String(email)) => Value::from(email.as_str()),
                    _ => Value::Null,
                },
                From::Limit(argument) => {
                    if let Some(argument) = argument {
                        page = limit(call, argument, most)?;
                    }
                    Value::Integer(i64::try_from(page).unwrap_or(i64::MAX))
                }
            });
        }
        Ok((Params::listed(&self.names, values), page))
    }
}

/// The page that is asked for, within the bound.
fn limit(call: &Call, argument: &Argument, most: usize) -> Result<usize, Error> {
    match call.args.get(&argument.name).and_then(Json::as_i64) {
        None => Ok(most),
        Some(asked) => match usize::try_from(asked) {
            Ok(asked) => Ok(asked.min(most)),
            Err(_) => Err(argument.fault("must be 0 or more")),
        },
    }
}

fn bound(call: &Call, argument: &Argument) -> Result<Value<'static>, Error> {
    let given = call.args.get(&argument.name).unwrap_or(&Json::Null);
    self::argument(given, argument.wants).ok_or_else(|| {
        argument.fault("is a number that the database cannot hold: at most 9223372036854775807")
    })
}

/// A value as the database takes it. Nothing for a whole number above 2^63-1, which none of them holds.
pub(crate) fn argument(given: &Json, wants: Wants) -> Option<Value<'static>> {
    Some(match given {
        Json::Null => Value::Null,
        Json::Bool(it) => Value::Bool(*it),
        Json::Number(it) => match (it.as_i64(), it.as_f64()) {
            (Some(whole), Some(real)) if wants == Wants::Real && whole.unsigned_abs() < 1 << 53 => {
                Value::Real(real)
            }
            (Some(whole), _) => Value::Integer(whole),
            (None, _) if it.is_u64() => return None,
            (None, real) => Value::Real(real?),
        },
        Json::String(it) => Value::from(it.as_str()),
        Json::Array(_) | Json::Object(_) => Value::from(given.clone()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_exact_or_refused() {
        assert_eq!(argument(&json!(i64::MAX), Wants::Integer), Some(Value::Integer(i64::MAX)));
        assert_eq!(argument(&json!(i64::MIN), Wants::Integer), Some(Value::Integer(i64::MIN)));
        assert_eq!(argument(&json!(u64::MAX), Wants::Integer), None);
        assert_eq!(argument(&json!(2), Wants::Real), Some(Value::Real(2.0)));
        assert_eq!(
            argument(&json!(9_007_199_254_740_993_i64), Wants::Real),
            Some(Value::Integer(9_007_199_254_740_993))
        );
        assert_eq!(argument(&json!(2.5), Wants::Any), Some(Value::Real(2.5)));
    }

    #[test]
    fn what_is_no_simple_value_is_json() {
        assert_eq!(argument(&json!(["a", 1]), Wants::Any), Some(Value::Json("[\"a\",1]".into())));
        assert_eq!(argument(&json!("12"), Wants::Text), Some(Value::Text("12".into())));
    }
}
