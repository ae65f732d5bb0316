//! What controllers and middlewares are told, as JSON: the same that the worker protocol tells executables.

use std::collections::BTreeMap;

use ketch_manifest::{Call, Inspect};
use serde::Serialize;
use serde_json::{Map, Value};

/// Where a guest finds the files that came with a request.
const FILES: &str = "/files/";

#[derive(Serialize)]
struct Called<'a> {
    route: &'a str,
    method: &'a str,
    path: &'a str,
    args: Map<String, Value>,
    files: BTreeMap<&'a str, String>,
    request_id: &'a str,
    time_left_ms: u64,
}

#[derive(Serialize)]
struct Seen<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    headers: BTreeMap<&'a str, String>,
    peer: Option<String>,
    route: &'a str,
    required: &'a [Vec<String>],
    scope: &'a [String],
    request_id: &'a str,
    time_left_ms: u64,
}

/// A call as a controller is told of it.
pub(crate) fn call(call: &Call) -> String {
    let file = |path: &std::path::Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        format!("{FILES}{name}")
    };
    let files = call.files.by_name.iter().map(|(name, path)| (name.as_str(), file(path))).collect();
    written(&Called {
        route: &call.route,
        method: call.method.as_str(),
        path: &call.path,
        args: call.with_specials(),
        files,
        request_id: call.request_id.as_str(),
        time_left_ms: millis(call.time_left),
    })
}

/// A request as a middleware is told of it.
pub(crate) fn inspect(request: &Inspect) -> String {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut headers: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in &request.headers {
        let another = |all: &mut String| {
            all.push_str(if name == "cookie" { "; " } else { ", " });
            all.push_str(value);
        };
        headers.entry(name).and_modify(another).or_insert_with(|| value.clone());
    }
    written(&Seen {
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
    })
}

fn written(document: &impl Serialize) -> String {
    serde_json::to_string(document).expect("keys are text and numbers are finite")
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
