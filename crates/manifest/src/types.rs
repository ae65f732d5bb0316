//! Types of arguments and outputs: how they are written, what they accept, and their JSON Schema.

use serde_json::{Value, json};

/// A type, as declared.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Anything.
    Any,
    /// `true` or `false`.
    Bool,
    /// A whole number, -2^63 to 2^63-1.
    Int,
    /// Text.
    Text,
}

impl Type {
    /// Reads a type as a manifest writes it, without its `?`.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "any" => Ok(Self::Any),
            "bool" => Ok(Self::Bool),
            "int" => Ok(Self::Int),
            "string" => Ok(Self::Text),
            _ => Err(format!("`{text}` is no type")),
        }
    }

    /// Converts the text of a path, query, header, cookie or form. The type decides: `12` is text for a `string`.
    ///
    /// # Errors
    /// What to send instead.
    pub fn convert(&self, text: &str) -> Result<Value, String> {
        match self {
            Self::Text => Ok(text.into()),
            Self::Bool => {
                text.parse::<bool>().map(Value::from).map_err(|_| "must be true or false".to_owned())
            }
            Self::Int => {
                text.parse::<i64>().map(Value::from).map_err(|_| "must be a whole number".to_owned())
            }
            Self::Any => Ok(serde_json::from_str(text).unwrap_or_else(|_| text.into())),
        }
    }

    /// Checks a value that came as JSON.
    ///
    /// # Errors
    /// What to send instead.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        let (fits, wanted) = match self {
            Self::Any => (true, ""),
            Self::Bool => (value.is_boolean(), "must be true or false"),
            Self::Int => (value.is_i64(), "must be a whole number"),
            Self::Text => (value.is_string(), "must be text"),
        };
        if fits { Ok(()) } else { Err(wanted.to_owned()) }
    }

    /// Its JSON Schema (2020-12).
    pub fn schema(&self) -> Value {
        match self {
            Self::Any => json!({}),
            Self::Bool => json!({ "type": "boolean" }),
            Self::Int => json!({ "type": "integer", "format": "int64" }),
            Self::Text => json!({ "type": "string" }),
        }
    }
}
