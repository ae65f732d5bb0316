//! Components as a project's users see them: guests from WebAssembly text, and requests.

mod bombs;
mod database;
mod deadlines;
mod documents;
mod grants;
mod guests;
mod languages;
mod loading;
mod others;
mod place;
mod proxies;
mod reuse;
mod tls;
