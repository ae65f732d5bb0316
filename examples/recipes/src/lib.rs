//! Small servers, one for each thing that is easier shown than told.
//!
//! Each module is one recipe, with a function that gives its server. `cargo run -p recipes -- pages` runs one.

use ketch::Server;

pub mod pages;
pub mod route_table;

/// A recipe: its name on the command line, and its server.
pub type Recipe = (&'static str, fn() -> Server);

/// Every recipe.
pub const RECIPES: &[Recipe] = &[("pages", pages::server), ("route-table", route_table::server)];
