//! What is known of a statement that has not been run: its parameters, its columns, whether it reads.

use std::fmt;

use crate::error::Error;

/// A statement as an engine understands it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Described {
    /// Its `:name` parameters without the colon, in the order in which they come first.
    pub params: Vec<Param>,
    /// The columns of its rows; none for what gives no rows.
    pub columns: Vec<Column>,
    /// Whether it changes something, as far as can be told before it runs.
    pub access: Access,
}

/// Whether a statement changes something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// It reads.
    #[default]
    Reads,
    /// It writes.
    Writes,
}

/// A parameter of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Param {
    /// Its name, without the colon.
    pub name: String,
    /// What it holds, when the engine says; SQLite says nothing.
    pub kind: Option<Kind>,
}

/// A column of a statement's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds, when that is known: of what SQLite computes, nothing is.
    pub kind: Option<Kind>,
}

/// What values are, as far as an API is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// True or false. In SQLite a column that is declared `boolean`, which holds 1 or 0.
    Bool,
    /// A whole number of 64 bits at most.
    Integer,
    /// A number with a fraction.
    Real,
    /// Text, and all that travels as such: decimal numbers, dates, times.
    Text,
    /// A UUID, as text.
    Uuid,
    /// A time with its zone, as RFC 3339.
    Timestamp,
    /// A day, as text.
    Date,
    /// Bytes.
    Blob,
    /// A JSON document.
    Json,
}

impl Param {
    /// A parameter.
    pub fn new(name: impl Into<String>, kind: Option<Kind>) -> Self {
        Self { name: name.into(), kind }
    }
}

impl Column {
    /// A column.
    pub fn new(name: impl Into<String>, kind: Option<Kind>) -> Self {
        Self { name: name.into(), kind }
    }
}

impl Described {
    /// A statement with these.
    pub fn new(params: Vec<Param>, columns: Vec<Column>, access: Access) -> Self {
        Self { params, columns, access }
    }
}

impl Kind {
    /// What a type that SQLite was told is meant to hold. Its rules of affinity decide, after the names that say more.
    /// Nothing when the name says nothing.
    pub fn of_sqlite(declared: &str) -> Option<Self> {
        let name = declared.to_ascii_lowercase();
        let has = |part: &str| name.contains(part);
        Some(match name.split('(').next().unwrap_or_default().trim() {
            "bool" | "boolean" => Self::Bool,
            "json" | "jsonb" => Self::Json,
            "uuid" => Self::Uuid,
            "date" => Self::Date,
            "datetime" | "timestamp" | "timestamptz" => Self::Timestamp,
            _ if has("int") => Self::Integer,
            _ if has("char") || has("clob") || has("text") => Self::Text,
            _ if has("blob") => Self::Blob,
            _ if has("real") || has("floa") || has("doub") => Self::Real,
            // Decimal numbers may be whole ones, and what has a name of its own may be anything.
            _ => return None,
        })
    }

    /// Its name, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Integer => "a whole number",
            Self::Real => "a number",
            Self::Text => "text",
            Self::Uuid => "a UUID",
            Self::Timestamp => "a time",
            Self::Date => "a day",
            Self::Blob => "bytes",
            Self::Json => "JSON",
        }
    }
}

/// Why a statement cannot be described.
#[derive(Clone, Debug, PartialEq)]
pub struct Undescribed {
    /// What the engine says.
    pub error: Error,
    /// The byte of the text that it speaks of, if it says so.
    pub at: Option<usize>,
}

impl From<Error> for Undescribed {
    fn from(error: Error) -> Self {
        Self { error, at: None }
    }
}

impl From<Undescribed> for Error {
    fn from(why: Undescribed) -> Self {
        why.error
    }
}

impl Undescribed {
    /// What the engine says, without the text of the statement.
    pub fn message(&self) -> String {
        match &self.error {
            Error::Statement { message, .. } => message.clone(),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Undescribed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Undescribed {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_type_says_what_is_meant() {
        for (declared, kind) in [
            ("BOOLEAN", Kind::Bool),
            ("integer", Kind::Integer),
            ("bigint", Kind::Integer),
            ("varchar(20)", Kind::Text),
            ("text", Kind::Text),
            ("blob", Kind::Blob),
            ("double precision", Kind::Real),
            ("json", Kind::Json),
            ("uuid", Kind::Uuid),
            ("date", Kind::Date),
            ("timestamp", Kind::Timestamp),
        ] {
            assert_eq!(Kind::of_sqlite(declared), Some(kind), "{declared}");
        }
        for declared in ["", "numeric(10, 2)", "money"] {
            assert_eq!(Kind::of_sqlite(declared), None, "{declared}");
        }
    }
}
