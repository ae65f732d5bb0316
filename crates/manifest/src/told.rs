//! What programs and components are told, as JSON documents: of a call, and of a request that a middleware looks at. The
//! published worker protocol describes them. What they answer is not here.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::call::{Call, WithSpecials};
use crate::middleware::Inspect;

/// What a controller is given, as a document.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Called<'a> {
    /// The endpoint's path with its parameters: `/user/{id}`. With `method` it says which endpoint it is.
    route: &'a str,
    /// The HTTP method, in upper case.
    method: &'a str,
    /// The path as it was asked for.
    path: &'a str,
    /// The arguments, converted and checked, by the names that the manifest gives them; with `_HTTP_METHOD_`, `_SCOPE_`,
    /// `_AUTHORIZATION_` and `_CALLER_`.
    #[schemars(with = "Map<String, Value>")]
    args: WithSpecials<'a>,
    /// Files that came with the request: their paths, by argument, or by argument and index (`photos/0`) in a list. They
    /// are gone when the call has ended.
    files: BTreeMap<&'a str, String>,
    /// The request's id, for logs.
    request_id: &'a str,
    /// What is left of the endpoint's time, in milliseconds. The process is killed when it is over.
    time_left_ms: u64,
}

/// What a middleware sees of a request, as a document.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Seen<'a> {
    /// The HTTP method, in upper case.
    method: &'a str,
    /// The path as it was asked for, without the query.
    path: &'a str,
    /// The query as it was asked for, without its `?`; empty when there is none.
    query: &'a str,
    /// The headers, names in lower case. One that came several times is joined with `, `, cookies with `; `.
    headers: BTreeMap<&'a str, String>,
    /// The address and port at the socket's other end, if there is one.
    peer: Option<String>,
    /// The endpoint's path with its parameters.
    route: &'a str,
    /// The scopes that the endpoint needs: one of the inner lists, all of it. Empty when everyone may call.
    required: &'a [Vec<String>],
    /// The scopes that were granted so far.
    scope: &'a [String],
    /// The request's id, for logs.
    request_id: &'a str,
    /// What is left of the endpoint's time, in milliseconds.
    time_left_ms: u64,
}

impl<'a> Called<'a> {
    /// A call; `file` says what a file's path is for whoever is told.
    pub fn of(call: &'a Call, file: impl Fn(&Path) -> String) -> Self {
        Self {
            route: &call.route,
            method: call.method.as_str(),
            path: &call.path,
            args: call.with_specials(),
            files: call.files.by_name.iter().map(|(name, path)| (name.as_str(), file(path))).collect(),
            request_id: call.request_id.as_str(),
            time_left_ms: millis(call.time_left),
        }
    }
}

impl<'a> Seen<'a> {
    /// A request as a middleware sees it.
    pub fn of(request: &'a Inspect) -> Self {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let mut headers: BTreeMap<&str, String> = BTreeMap::new();
        for (name, value) in &request.headers {
            headers
                .entry(name)
                .and_modify(|all| {
                    all.push_str(if name == "cookie" { "; " } else { ", " });
                    all.push_str(value);
                })
                .or_insert_with(|| value.clone());
        }
        Self {
            method: request.method.as_str(),
            path,
            query,
            headers,
            peer: request.peer.map(|peer| peer.to_string()),
            route: &request.route,
            required: &request.required,
            scope: &request.scope,
            request_id: request.request_id.as_str(),
            time_left_ms: millis(request.time_left),
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
