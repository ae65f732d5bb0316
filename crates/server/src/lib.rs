//! The server: the parts wired into one value that is checked whole and binds last.
//!
//! Nothing here does work of its own: [`Server`] collects what an application says, [`Server::build`] checks it and
//! puts the parts together, and [`Built`] runs them.

mod admin;
mod build;
mod caches;
mod control;
mod database;
mod error;
mod events;
mod explain;
mod guards;
mod jobs;
mod manifest;
mod probe;
mod reload;
mod run;
mod server;
mod stored;

pub use build::Built;
pub use database::{DEFAULT_DATA, Database};
pub use error::Error;
pub use events::{HookResult, STOP_TIME};
pub use explain::{explain, routes, routes_json};
#[cfg(feature = "wasm")]
pub use ketch_wasm::WIT;
pub use reload::{Reloaded, Reloader};
pub use run::Ready;
pub use server::{DEFAULT_ADDRESS, Server};
