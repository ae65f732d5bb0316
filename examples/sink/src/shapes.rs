//! What JSON bodies can look like: every kind of member and serde attribute; and paths, errors, versions and scopes.

use std::collections::BTreeMap;

use ketch::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a boat is rigged: an enum of bare names.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Rig {
    /// One mast.
    Sloop,
    TwoMasted,
}

/// An enum with its tag inside.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Inside {
    Sail { area: f32 },
    Motor { power: u16, fuel: Option<String> },
    Oars,
}

/// An enum with its tag beside.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "value")]
pub(crate) enum Beside {
    Length(f64),
    Names(Vec<String>),
}

/// An enum with its tag outside.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) enum Outside {
    Nothing,
    One(i64),
    Pair(u8, u8),
    Named { x: bool },
}

/// An enum without a tag.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Bare {
    Number(i32),
    Text(String),
}

/// What is shared by others.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Stamp {
    made_by: String,
    #[serde(default)]
    revision: u64,
}

/// A tree of holds: it refers to itself.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Hold {
    name: String,
    holds: Vec<Hold>,
    above: Option<Box<Hold>>,
}

/// A type of the application that has the name of our error body.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Problem {
    leak: bool,
}

/// Everything that a member can be.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Everything {
    tiny: u8,
    signed: i16,
    large: u64,
    size: usize,
    ratio: f64,
    letter: char,
    maybe: Option<u32>,
    rig: Rig,
    maybe_rig: Option<Rig>,
    inside: Inside,
    beside: Beside,
    outside: Outside,
    bare: Bare,
    map: BTreeMap<String, Stamp>,
    by_number: BTreeMap<u16, String>,
    tuple: (u8, String),
    array: [u16; 3],
    nested: Vec<Vec<Option<String>>>,
    any: serde_json::Value,
    hold: Hold,
    problem: Option<Problem>,
    unit: (),
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    optional: Option<String>,
    #[serde(skip_deserializing)]
    only_written: u32,
    #[serde(flatten)]
    stamp: Stamp,
    #[serde(flatten)]
    flat: Inside,
}

/// A wrapper of anything.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Page<T> {
    items: Vec<T>,
    next: Option<u32>,
}

/// A body that takes nothing beside what it lists.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Strict {
    #[schemars(length(min = 1, max = 20))]
    name: String,
    #[schemars(range(min = 1, max = 5))]
    stars: u8,
}

/// What may go wrong here.
#[derive(Debug, ApiError)]
pub(crate) enum SinkError {
    /// There is no such sink.
    #[api(status = 404, code = "no_such_sink", message = "no sink {0}")]
    NoSuchSink(u32),
    /// It is clogged.
    #[api(status = 409, code = "clogged", message = "it is clogged")]
    Clogged,
}

/// Everything and the kitchen sink.
#[derive(Debug)]
pub(crate) struct SinkService;

/// Everything and the kitchen sink.
#[service]
impl SinkService {
    /// Arguments of the path and the query.
    ///
    /// More about it, with `code`.
    #[get("shape/{id:[0-9]+}/{name}/{*rest}")]
    async fn path(
        &self,
        id: u32,
        name: String,
        rest: String,
        needed: i8,
        flag: Option<bool>,
        many: Vec<u16>,
    ) -> Result<String, SinkError> {
        match id {
            0 => Err(SinkError::NoSuchSink(id)),
            1 => Err(SinkError::Clogged),
            _ => Ok(format!("{name} {rest} {needed} {flag:?} {many:?}")),
        }
    }

    /// Every kind of member, there and back.
    #[post(limit = "64kb")]
    async fn everything(&self, body: Json<Everything>) -> Json<Everything> {
        body
    }

    #[put(scope = [["admin"], ["editor", "verified"]])]
    async fn strict(&self, body: Json<Strict>) -> Created<Page<Strict>> {
        Created(Page { items: vec![body.into_inner()], next: None })
    }

    /// A generic type of something else.
    #[get(version = "2")]
    async fn stamps(&self) -> Accepted<Page<Stamp>> {
        Accepted(Page { items: Vec::new(), next: Some(2) })
    }

    #[delete("shape/{id}", version = "2.1", rate = "10/s")]
    async fn remove(&self, id: u32) -> Result<NoContent, SinkError> {
        if id == 0 { Err(SinkError::Clogged) } else { Ok(NoContent) }
    }

    /// One of two that differ in the pattern only.
    #[get("one/{number:[0-9]+}")]
    async fn by_number(&self, number: u64) -> String {
        number.to_string()
    }

    /// The other of two.
    #[get("one/{word:[a-z]+}")]
    async fn by_word(&self, word: String, loud: bool) -> Json<String> {
        Json(if loud { word.to_uppercase() } else { word })
    }

    #[get(deprecated = "2026-01-31", sunset = "2027-01-31", headers = ["x-old: yes"])]
    async fn old(&self) -> Html<&'static str> {
        Html("<p>old</p>")
    }

    #[patch]
    async fn raw(&self, caller: Caller) -> Response {
        Response::new(caller.id().unwrap_or("nobody").to_owned().into())
    }

    #[get(hidden)]
    async fn secret(&self) -> &'static str {
        "psst"
    }
}
