//! Small servers, one for each thing that is easier shown than told.
//!
//! Each module is one recipe, with a function that gives its server; [`logged`] is a database driver instead.
//! `cargo run -p recipes -- pages` runs one.

use ketch::Server;

pub mod cached;
pub mod compression;
pub mod errors;
pub mod events;
pub mod legacy;
pub mod logged;
pub mod pages;
pub mod route_table;
pub mod security_headers;
pub mod stubs;
pub mod uploads;
pub mod websocket;

/// A recipe: its name on the command line, and its server.
pub type Recipe = (&'static str, fn() -> Server);

/// Every recipe.
pub const RECIPES: &[Recipe] = &[
    ("cached", cached::server),
    ("compression", compression::server),
    ("errors", errors::server),
    ("events", events::server),
    ("legacy", legacy::server),
    ("pages", pages::server),
    ("route-table", route_table::server),
    ("security-headers", security_headers::server),
    ("stubs", stubs::server),
    ("uploads", uploads::server),
    ("websocket", websocket::server),
];
