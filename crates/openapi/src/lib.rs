//! What the API looks like from outside: the OpenAPI document and the docs page.
//!
//! Both are made from [`ketch_model::Api`] and know nothing of how an endpoint was declared. The other way, [`read()`] makes
//! something of a document of anybody's.

mod compare;
mod document;
mod file;
mod merge;
mod operation;
mod problem;
mod read;
mod responses;
mod schemas;
mod service;

pub use compare::{Change, compare};
pub use document::{document, versions};
pub use read::{
    Body, Description, MOST_OPERATIONS, Named, Need, Operation, Parameter, Reply, Style, Told, accepts,
    file_name, read,
};
pub use service::{DocsService, Documents};
