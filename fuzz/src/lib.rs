//! The fuzz targets: one file for each parser of text that strangers write.
//!
//! A target is a function of bytes that panics when the code under it breaks a promise. Tests call it with the files
//! under `seeds/`; `cargo xtask soak` lets libFuzzer make up more. The parsers themselves are not here.

#[path = "../targets/cache_key.rs"]
mod cache_key;
#[path = "../targets/cookie.rs"]
mod cookie;
#[path = "../targets/head.rs"]
mod head;
#[path = "../targets/header.rs"]
mod header;
#[path = "../targets/json.rs"]
mod json;
#[path = "../targets/manifest.rs"]
mod manifest;
#[path = "../targets/multipart.rs"]
mod multipart;
#[path = "../targets/openapi.rs"]
mod openapi;
#[path = "../targets/query.rs"]
mod query;
#[path = "../targets/route.rs"]
mod route;
#[path = "../targets/schedule.rs"]
mod schedule;
#[path = "../targets/settings.rs"]
mod settings;
#[path = "../targets/tokens.rs"]
mod tokens;
#[path = "../targets/types.rs"]
mod types;
#[path = "../targets/worker.rs"]
mod worker;

/// A parser and what it promises.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its file under `targets/` and its folder under `seeds/`.
    pub name: &'static str,
    /// Tries one input. Panics when a promise is broken.
    pub run: fn(&[u8]),
}

/// All targets, by name.
pub const TARGETS: &[Target] = &[
    Target { name: "cache_key", run: cache_key::run },
    Target { name: "cookie", run: cookie::run },
    Target { name: "head", run: head::run },
    Target { name: "header", run: header::run },
    Target { name: "json", run: json::run },
    Target { name: "manifest", run: manifest::run },
    Target { name: "multipart", run: multipart::run },
    Target { name: "openapi", run: openapi::run },
    Target { name: "query", run: query::run },
    Target { name: "route", run: route::run },
    Target { name: "schedule", run: schedule::run },
    Target { name: "settings", run: settings::run },
    Target { name: "tokens", run: tokens::run },
    Target { name: "types", run: types::run },
    Target { name: "worker", run: worker::run },
];

/// The target with this name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().copied().find(|target| target.name == name)
}
