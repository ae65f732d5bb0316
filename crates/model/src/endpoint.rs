//! An endpoint as data: what every front lowers to and everything downstream reads.

use std::collections::BTreeMap;

use http::Method;
use ketch_syntax::Template;
use serde_json::Value;

use crate::{ArgSpec, Effective, ErrorSpec, Place, ReplySpec};

/// One endpoint, resolved: nothing about it is decided later.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Who it is.
    pub names: Names,
    /// The method it answers. A GET endpoint answers HEAD too.
    pub method: Method,
    /// The whole path: prefix, version, root and route.
    pub path: Template,
    /// Every setting, with the level and place it came from.
    pub settings: Effective,
    /// What the documents say about it.
    pub docs: Docs,
    /// What it takes, in the order of its signature.
    pub args: Vec<ArgSpec>,
    /// What it answers when all is well.
    pub replies: Vec<ReplySpec>,
    /// What it answers when not, beyond what every endpoint may.
    pub errors: Vec<ErrorSpec>,
    /// What produces the reply.
    pub answer: Answer,
    /// Where it is declared.
    pub place: Option<Place>,
}

/// What an endpoint is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The service: the type's name, or the manifest's node.
    pub service: String,
    /// The endpoint within the service: the method's name.
    pub endpoint: String,
    /// The service's name without `Service`, in kebab-case: a tag in the documents.
    pub tag: String,
}

impl Names {
    /// The full name, `HolaService::say_hola`, for messages.
    pub fn full(&self) -> String {
        format!("{}::{}", self.service, self.endpoint)
    }

    /// A name that is unique in a document as long as the full name is: `hola.say_hola`.
    pub fn operation(&self) -> String {
        format!("{}.{}", self.tag, self.endpoint)
    }
}

/// What the documents say about an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Docs {
    /// The first paragraph of its comment.
    pub summary: Option<String>,
    /// The other paragraphs.
    pub description: Option<String>,
    /// The comment of its service.
    pub service: Option<String>,
}

impl Docs {
    /// Cuts a comment into the first paragraph and the rest.
    ///
    /// ```
    /// use ketch_model::Docs;
    /// let docs = Docs::from_comments(Some("Says hola.\n\nIn Spanish."), None);
    /// assert_eq!(docs.summary.as_deref(), Some("Says hola."));
    /// assert_eq!(docs.description.as_deref(), Some("In Spanish."));
    /// ```
    pub fn from_comments(endpoint: Option<&str>, service: Option<&str>) -> Self {
        let trimmed = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let (summary, description) = match endpoint.unwrap_or_default().split_once("\n\n") {
            Some((summary, rest)) => (trimmed(&summary.replace('\n', " ")), trimmed(rest)),
            None => (trimmed(&endpoint.unwrap_or_default().replace('\n', " ")), None),
        };
        Self { summary, description, service: service.and_then(trimmed) }
    }
}

/// What produces an endpoint's reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// An `async fn`, on the runtime.
    Async,
    /// A plain `fn`, on the blocking pool.
    Blocking,
    /// The file named by the setting `stub`.
    Stub,
    /// A driver of a manifest, by its name: `sql`, `exec`.
    Driver(&'static str),
}

impl Answer {
    /// The word that `routes --explain` uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Async => "async fn",
            Self::Blocking => "fn (blocking pool)",
            Self::Stub => "stub",
            Self::Driver(name) => name,
        }
    }
}

/// A cache that endpoints may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheInfo {
    /// Its name.
    pub name: String,
    /// Where it is and how large.
    pub about: String,
    /// Where it is defined, if that is in a file of a project.
    pub place: Option<Place>,
}

/// A whole API: what the documents, `routes` and the SDK are made from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Api {
    /// Its title.
    pub title: String,
    /// Its own version, of the documents' `info.version`; not a version in URLs.
    pub version: String,
    /// What it is, in a paragraph.
    pub description: Option<String>,
    /// The endpoints, in the order they were added.
    pub endpoints: Vec<Endpoint>,
    /// Paths below which routers of the application's own answer; documents know nothing of what is there.
    pub mounts: Vec<String>,
    /// The caches that endpoints may name.
    pub caches: Vec<CacheInfo>,
    /// JSON Schemas by name, which arguments and replies refer to as `#/components/schemas/<name>`.
    pub schemas: BTreeMap<String, Value>,
}
