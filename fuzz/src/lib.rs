//! The fuzz targets: one file for each parser of text that strangers write.
//!
//! A target is a function of bytes that panics when the code under it breaks a promise. Tests call it with the files
//! under `seeds/`; `cargo xtask soak` lets libFuzzer make up more. The parsers themselves are not here.

#[path = "../targets/head.rs"]
mod head;
#[path = "../targets/json.rs"]
mod json;
#[path = "../targets/query.rs"]
mod query;
#[path = "../targets/route.rs"]
mod route;
#[path = "../targets/settings.rs"]
mod settings;

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
    Target { name: "head", run: head::run },
    Target { name: "json", run: json::run },
    Target { name: "query", run: query::run },
    Target { name: "route", run: route::run },
    Target { name: "settings", run: settings::run },
];

/// The target with this name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().copied().find(|target| target.name == name)
}
