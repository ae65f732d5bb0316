//! Components as a project's users see them: guests from WebAssembly text, and requests.

mod bombs;
mod deadlines;
mod documents;
mod guests;
mod loading;
mod place;
mod reuse;
