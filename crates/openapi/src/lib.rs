//! What the API looks like from outside: the OpenAPI document and the docs page.
//!
//! Both are made from [`ketch_model::Api`] and know nothing of how an endpoint was declared.

mod compare;
mod document;
mod file;
mod merge;
mod operation;
mod problem;
mod responses;
mod schemas;
mod service;

pub use compare::{Change, compare};
pub use document::{document, versions};
pub use service::{DocsService, Documents};
