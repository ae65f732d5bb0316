//! The driver `wasm`: components as controllers, middlewares and type checkers, in a sandbox.
//!
//! A component is compiled once and kept on disk; each call has an instance of its own, in a slot that is made ready
//! beforehand. It sees what the project file grants and nothing else, its memory, time and every kind of output are
//! bounded, and what it does wrong ends its call alone. [`Wasm`] is a [`Driver`](ketch_manifest::Driver); the interface
//! is the WIT package `ketch:api` in `wit/`, or `wasi:http/incoming-handler`.

mod addresses;
mod checker;
mod component;
mod controller;
mod database;
mod driver;
mod engine;
mod fault;
mod guest;
mod imports;
mod ledger;
mod limits;
mod middleware;
mod options;
mod outgoing;
mod output;
mod proxy;
mod roots;
mod slices;
mod state;
mod ticker;

pub use driver::{Setup, Wasm};

/// The interface of components: the package `ketch:api`, with a world for each part of a project.
pub const WIT: &str = include_str!("../wit/ketch.wit");
