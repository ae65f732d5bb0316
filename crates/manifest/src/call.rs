//! One call of a controller: what it is given and what it answers.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use ketch_model::Caller;
use ketch_web::{RequestId, Response};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use tempfile::TempDir;

/// What a controller is given. Every argument has been converted and checked.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method, in upper case.
    pub method: Method,
    /// The path as it was asked for.
    pub path: String,
    /// The endpoint's path with its parameters: `/user/{id}`.
    pub route: Arc<str>,
    /// The arguments, by the names that the controller knows.
    pub args: Map<String, Value>,
    /// Files that came with a form; they are gone when the last clone is.
    pub files: Files,
    /// Who calls, as far as the middlewares know.
    pub caller: Caller,
    /// What middlewares said of the caller: `email` and whatever they know.
    pub claims: Arc<Map<String, Value>>,
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// The request's id.
    pub request_id: RequestId,
    /// What is left of the endpoint's time.
    pub time_left: Duration,
}

/// Files that were sent, on disk until the call has ended.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// The folder; none when there are none.
    pub folder: Option<Arc<TempDir>>,
    /// By argument; those of a list by argument and index, `photos/0`.
    pub by_name: BTreeMap<String, PathBuf>,
}

/// What a controller answers.
#[derive(Debug)]
pub enum Answer {
    /// Output fields, with `_STATUS_`, `_HEADERS_`, `_REDIRECT_` and `error` among them.
    Fields(Map<String, Value>),
    /// The body, as it is declared: JSON.
    Json(Bytes),
    /// Output fields as JSON text, an object. None begins with `_` or is called `error`.
    Text(Bytes),
    /// A whole reply.
    Reply(Response),
}

impl Call {
    /// The arguments with the special variables: `_HTTP_METHOD_`, `_SCOPE_`, `_AUTHORIZATION_` and `_CALLER_` {id, email,
    /// scopes, claims}. They stand in place of arguments that are called so.
    pub fn with_specials(&self) -> WithSpecials<'_> {
        WithSpecials(self)
    }
}

/// The names of special variables.
const SPECIALS: [&str; 4] = ["_HTTP_METHOD_", "_SCOPE_", "_AUTHORIZATION_", "_CALLER_"];

/// The arguments of a call with the special variables, to be written as one object.
#[derive(Clone, Copy, Debug)]
pub struct WithSpecials<'a>(&'a Call);

/// `_CALLER_`.
#[derive(Serialize)]
struct Known<'a> {
    id: Option<&'a str>,
    email: Option<&'a Value>,
    scopes: &'a [&'a str],
    claims: &'a Map<String, Value>,
}

impl Serialize for WithSpecials<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let call = self.0;
        let [method, scope, authorization, caller] = SPECIALS;
        let scopes: Vec<&str> = call.caller.scopes().collect();
        let (claims, email) = (&*call.claims, call.claims.get("email"));
        let known = Known { id: call.caller.id(), email, scopes: &scopes, claims };
        let mut all = serializer.serialize_map(None)?;
        for (name, value) in call.args.iter().filter(|(name, _)| !SPECIALS.contains(&name.as_str())) {
            all.serialize_entry(name, value)?;
        }
        all.serialize_entry(method, call.method.as_str())?;
        all.serialize_entry(scope, &scopes)?;
        all.serialize_entry(authorization, call.authorization.as_deref().unwrap_or_default())?;
        all.serialize_entry(caller, &known)?;
        all.end()
    }
}

/// As JSON.
impl fmt::Display for WithSpecials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).expect("keys are text and numbers are finite"))
    }
}
