//! `routes` and `routes --explain`: every endpoint, every value, and who said it where.

use std::fmt::Write;

use ketch_model::{Api, CacheInfo, Endpoint, Problems};
use serde_json::{Value, json};

use crate::server::Server;

impl Server {
    /// What `routes --explain` prints, for a program that wants to know: see [`explain`].
    ///
    /// # Errors
    /// Every problem that keeps the server from being built.
    pub fn explain(self) -> Result<String, Problems> {
        Ok(explain(self.build()?.api()))
    }
}

/// One line an endpoint: method, path, and what answers.
pub fn routes(api: &Api) -> String {
    let paths = api.endpoints.iter().map(|endpoint| endpoint.path.to_string()).chain(mounts(api));
    let width = paths.map(|path| path.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for endpoint in &api.endpoints {
        let path = endpoint.path.to_string();
        writeln!(out, "{:<7} {path:<width$}  {}", endpoint.method.as_str(), endpoint.names.full())
            .expect("a String takes everything");
    }
    for path in mounts(api) {
        writeln!(out, "{:<7} {path:<width$}  axum router", "ANY").expect("a String takes everything");
    }
    out
}

/// What mounted routers answer, as patterns.
fn mounts(api: &Api) -> impl Iterator<Item = String> {
    api.mounts.iter().map(|path| format!("{}/*", path.trim_end_matches('/')))
}

/// Every endpoint with every setting, the level it came from and the place where that is written; then the caches.
pub fn explain(api: &Api) -> String {
    let mut out = String::new();
    for endpoint in &api.endpoints {
        explain_one(&mut out, endpoint).expect("a String takes everything");
    }
    for path in mounts(api) {
        writeln!(out, "ANY {path}\n  axum router\n").expect("a String takes everything");
    }
    for CacheInfo { name, about, place } in &api.caches {
        let place = place.as_ref().map(|place| format!("  {place}")).unwrap_or_default();
        writeln!(out, "cache {name}\n  {about}{place}\n").expect("a String takes everything");
    }
    out
}

fn explain_one(out: &mut String, endpoint: &Endpoint) -> std::fmt::Result {
    let place = endpoint.place.as_ref().map(|place| format!("  {place}")).unwrap_or_default();
    writeln!(out, "{} {}", endpoint.method, endpoint.path)?;
    writeln!(out, "  {}, {}{place}", endpoint.names.full(), endpoint.answer.name())?;
    for (key, value) in endpoint.settings.explain() {
        let place = value.place.map(|place| format!("  {place}")).unwrap_or_default();
        writeln!(out, "  {:<11} {:<24} {}{place}", key.name(), value.value, value.level)?;
    }
    for arg in &endpoint.args {
        let need = if arg.required { "required" } else { "optional" };
        writeln!(out, "  argument    {:<24} {}, {need}", arg.name, arg.place.name())?;
    }
    writeln!(out)
}

/// The same for programs.
pub fn routes_json(api: &Api) -> Value {
    let one = |endpoint: &Endpoint| {
        let settings: Vec<Value> = endpoint
            .settings
            .explain()
            .into_iter()
            .map(|(key, value)| {
                let place = value.place.map(|place| place.to_string());
                json!({ "key": key.name(), "value": value.value, "level": value.level.name(), "place": place })
            })
            .collect();
        json!({
            "method": endpoint.method.as_str(),
            "path": endpoint.path.to_string(),
            "service": endpoint.names.service,
            "endpoint": endpoint.names.endpoint,
            "place": endpoint.place.as_ref().map(ToString::to_string),
            "settings": settings,
        })
    };
    let mounted =
        mounts(api).map(|path| json!({ "method": "ANY", "path": path, "service": null, "endpoint": null }));
    api.endpoints.iter().map(one).chain(mounted).collect()
}
