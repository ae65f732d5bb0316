//! What both sides of the benchmark share: the log, the two middlewares and the values they answer with.
//!
//! A difference between the sides can then not come from here. How a side listens, routes and reads its arguments is
//! deliberately not shared, because that is what is measured.
//! What concerns the database is in [`database`].

pub mod database;

use std::path::PathBuf;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use http::header::{AUTHORIZATION, CACHE_CONTROL};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

/// The project whose controllers are programs, when the environment names it.
#[expect(clippy::disallowed_methods, reason = "the command line of both sides is the same: empty")]
pub fn programs() -> Option<PathBuf> {
    std::env::var_os("BENCH_PROGRAMS").map(PathBuf::from)
}

/// What the JSON endpoints answer with.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Boat {
    /// From the path.
    pub id: u32,
    /// A name.
    pub name: String,
    /// How it is rigged.
    pub rig: &'static str,
    /// Length over all, in metres.
    pub length: f64,
    /// From the query.
    pub berth: Option<u16>,
}

impl Boat {
    /// The boat that a JSON endpoint answers with.
    pub fn at(id: u32, berth: u16) -> Self {
        Self { id, name: "Gipsy Moth IV".to_owned(), rig: "ketch", length: 16.5, berth: Some(berth) }
    }
}

/// What the JSON body holds.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct NewBoat {
    /// A name.
    pub name: String,
    /// Length over all, in metres.
    pub length: f64,
    /// Where it is to lie.
    pub berth: Option<u16>,
}

/// What is answered to a body.
pub fn moored(new: NewBoat) -> Boat {
    Boat { id: 1, name: new.name, rig: "ketch", length: new.length, berth: new.berth }
}

/// The text that a text endpoint answers with.
pub fn greeting(name: &str, times: u32) -> String {
    format!("Hello {name}, for the {times}. time")
}

/// Whether a request came with credentials; the first middleware leaves it among the extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedIn(pub bool);

/// The first middleware, which works on the way in.
pub async fn note_credentials(mut request: Request, next: Next) -> Response {
    let signed_in = SignedIn(request.headers().contains_key(AUTHORIZATION));
    request.extensions_mut().insert(signed_in);
    next.run(request).await
}

/// The second middleware, which works on the way out.
pub async fn forbid_caching(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Starts the log as `ketch::main` would, but for where it goes: the lines are written in full and then thrown away.
///
/// # Panics
/// When there is a log already.
pub fn start_log() {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("info"))
        .with_writer(std::io::sink)
        .with_target(true)
        .with_ansi(false)
        .init();
}
