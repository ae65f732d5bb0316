//! What the API looks like from outside: the OpenAPI document and the docs page.
//!
//! Both are made from [`ketch_model::Api`] and know nothing of how an endpoint was declared.

mod document;
mod operation;
mod service;

pub use document::{document, versions};
pub use service::{DocsService, Documents};
