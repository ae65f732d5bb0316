//! What an endpoint takes: arguments as data.

use serde_json::Value;

/// Where an argument comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum In {
    /// A parameter of the route.
    Path,
    /// The query string.
    Query,
    /// The request's body; an endpoint reads it at most once.
    Body,
    /// The request's circumstances: the caller, the address. No document mentions them.
    Context,
}

impl In {
    /// Whether it reads the body.
    pub const fn is_body(self) -> bool {
        matches!(self, Self::Body)
    }

    /// The name that documents and error bodies use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Body => "body",
            Self::Context => "context",
        }
    }
}

/// One argument of an endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct ArgSpec {
    /// Its name, which is the parameter's name on the wire.
    pub name: String,
    /// Where it comes from.
    pub place: In,
    /// Whether a request without it is refused.
    pub required: bool,
    /// Whether it may come several times (`?tag=a&tag=b`).
    pub repeated: bool,
    /// The media type of a body.
    pub media_type: Option<&'static str>,
    /// Its JSON Schema (2020-12); references point into [`Api::schemas`](crate::Api::schemas).
    pub schema: Value,
}
