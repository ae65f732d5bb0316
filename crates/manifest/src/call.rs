//! One call of a controller: what it is given and what it answers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use ketch_model::Caller;
use ketch_web::{RequestId, Response};
use serde_json::{Map, Value, json};
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
    pub fn with_specials(&self) -> Map<String, Value> {
        let mut all = self.args.clone();
        let scopes: Vec<&str> = self.caller.scopes().collect();
        let email = self.claims.get("email");
        let claims = self.claims.as_ref();
        let caller = json!({ "id": self.caller.id(), "email": email, "scopes": scopes, "claims": claims });
        all.insert("_HTTP_METHOD_".to_owned(), self.method.as_str().into());
        all.insert("_SCOPE_".to_owned(), json!(scopes));
        all.insert("_AUTHORIZATION_".to_owned(), self.authorization.clone().unwrap_or_default().into());
        all.insert("_CALLER_".to_owned(), caller);
        all
    }
}
