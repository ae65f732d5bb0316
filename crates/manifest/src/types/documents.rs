//! The JSON Schema (2020-12) of each type, for OpenAPI and for whoever checks replies.

use serde_json::{Value, json};

use super::Type;

impl Type {
    /// Its JSON Schema (2020-12). It stands alone: references of a project's schemas are followed.
    pub fn schema(&self) -> Value {
        let form = |format: &str| json!({ "type": "string", "format": format });
        match self {
            Self::Any => json!({}),
            Self::Bool => json!({ "type": "boolean" }),
            Self::Int => whole("int64", &json!(i64::MIN), &json!(i64::MAX)),
            Self::Uint => whole("uint64", &json!(0), &json!(u64::MAX)),
            Self::Id => whole("int64", &json!(1), &json!(i64::MAX)),
            Self::Float => json!({ "type": "number" }),
            Self::Text => json!({ "type": "string" }),
            Self::Varchar(least, most) => json!({ "type": "string", "minLength": least, "maxLength": most }),
            Self::Token => json!({ "type": "string", "pattern": "^[A-Za-z0-9._~+/-]+=*$" }),
            Self::Digest(length) => json!({ "type": "string", "pattern": format!("^[0-9a-f]{{{length}}}$") }),
            Self::Uuid => form("uuid"),
            Self::Email => form("email"),
            // There is a host.
            Self::Url => {
                json!({ "type": "string", "format": "uri", "pattern": "^https?://(?:[^/?#@]*@)?[^/?#:@]" })
            }
            Self::Date => form("date"),
            Self::Datetime => form("date-time"),
            Self::Enum(values) => json!({ "type": "string", "enum": values }),
            Self::File => json!({
                "type": "string", "format": "binary", "contentMediaType": "application/octet-stream",
            }),
            Self::List(item) => json!({ "type": "array", "items": item.schema() }),
            Self::Map(key, inner) => {
                let mut schema = json!({ "type": "object", "additionalProperties": inner.schema() });
                if let Some(names) = key.name_schema() {
                    schema["propertyNames"] = names;
                }
                schema
            }
            Self::Nullable(inner) => match &**inner {
                Self::Any => json!({}),
                inner => json!({ "anyOf": [inner.schema(), { "type": "null" }] }),
            },
            Self::Schema(schema) => schema.shown().clone(),
            Self::Own(own) => json!({ "description": format!("A `{}`.", own.name()) }),
        }
    }

    /// Whether text of it is JSON: that of a map, of a list of what is no single value, and of a schema of more than text.
    pub(crate) fn is_json_text(&self) -> bool {
        match self {
            Self::Map(..) => true,
            Self::Schema(schema) => schema.shown()["type"] != "string",
            Self::Nullable(inner) => inner.is_json_text(),
            Self::List(item) => item.item().is_some() || item.is_json_text(),
            _ => false,
        }
    }

    /// The schema of what text can say: not `null`, and of a type that only a checker knows some text.
    pub(crate) fn text_schema(&self) -> Value {
        match self {
            Self::Nullable(inner) => inner.text_schema(),
            Self::List(item) if !self.is_json_text() => {
                json!({ "type": "array", "items": item.text_schema() })
            }
            Self::Own(_) => {
                let mut schema = self.schema();
                schema["type"] = json!("string");
                schema
            }
            other => other.schema(),
        }
    }

    /// The schema of the names of a map, which are text; none when any will do.
    fn name_schema(&self) -> Option<Value> {
        match self {
            Self::Any | Self::Text | Self::Own(_) => None,
            Self::Bool => Some(json!({ "enum": ["true", "false"] })),
            Self::Int => Some(json!({ "pattern": "^(?:0|-?[1-9][0-9]{0,18})$" })),
            Self::Uint => Some(json!({ "pattern": "^(?:0|[1-9][0-9]{0,19})$" })),
            Self::Id => Some(json!({ "pattern": "^[1-9][0-9]{0,18}$" })),
            Self::Float => Some(json!({ "pattern": NUMBER })),
            other => Some(other.schema()),
        }
    }
}

/// A number as JSON writes it (RFC 8259, 6).
const NUMBER: &str = "^-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$";

fn whole(format: &str, least: &Value, most: &Value) -> Value {
    json!({ "type": "integer", "format": format, "minimum": least, "maximum": most })
}
