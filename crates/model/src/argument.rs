//! What an endpoint takes: arguments as data.

use serde_json::Value;

/// Where an argument comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum In {
    /// A parameter of the route.
    Path,
    /// The query string.
    Query,
    /// A header of the request.
    Header,
    /// A cookie.
    Cookie,
    /// The request's body; an endpoint reads it at most once.
    Body,
    /// The request's circumstances: the caller, the whole of the request. No document mentions them.
    Context,
}

impl In {
    /// Whether it reads the body.
    pub const fn is_body(self) -> bool {
        matches!(self, Self::Body)
    }

    /// Whether it is the query, or the path in its place.
    pub const fn is_query(self) -> bool {
        matches!(self, Self::Query)
    }

    /// The name that documents and error bodies use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
            Self::Body => "body",
            Self::Context => "context",
        }
    }
}

/// What an argument lets the endpoint see of a request, beyond its own value. A cache's key must cover it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sees {
    /// Its own value.
    #[default]
    Itself,
    /// Who is calling.
    Caller,
    /// Anything: headers, cookies, the whole query.
    Everything,
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
    /// Whether it states rules beyond its type: a request that breaks one is answered 422.
    pub rules: bool,
    /// The media type of a body, or of another argument whose text is of one: JSON in the query.
    pub media_type: Option<&'static str>,
    /// What it lets the endpoint see.
    pub sees: Sees,
    /// What it is, for the documents.
    pub about: Option<String>,
    /// A value to show in the documents.
    pub example: Option<Value>,
    /// Its JSON Schema (2020-12); references point into [`Api::schemas`](crate::Api::schemas).
    pub schema: Value,
}

impl ArgSpec {
    /// A required argument of which nothing else is known yet.
    pub fn new(name: impl Into<String>, place: In, schema: Value) -> Self {
        Self {
            name: name.into(),
            place,
            required: true,
            repeated: false,
            rules: false,
            media_type: None,
            sees: Sees::Itself,
            about: None,
            example: None,
            schema,
        }
    }
}
