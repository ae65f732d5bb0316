//! What an application stores: one handle, `Db`, on SQLite or PostgreSQL.
//!
//! [`driver`] says what an engine does; [`sqlite`] and `postgres` are the two that ship. What is deliberately not here:
//! tables of the parts of Ketch, which live beside the parts.

mod apart;
#[cfg(feature = "conformance")]
pub mod conformance;
mod connect;
mod db;
pub mod describe;
pub mod driver;
mod error;
pub mod migrate;
mod options;
mod params;
#[cfg(feature = "postgres")]
pub mod postgres;
mod row;
mod sink;
mod sql;
pub mod sqlite;
mod stats;
pub mod tokens;
mod tx;
mod url;
mod value;

pub use connect::connect;
pub use db::Db;
pub use driver::{Dialect, Driver, Heard, Statement};
pub use error::{Error, Result};
pub use migrate::{MigrateError, Migrations};
pub use options::{Durability, Options};
pub use params::Params;
pub use row::from_row;
pub use sql::Sql;
pub use sqlite::Schema;
pub use stats::Stats;
pub use tx::{Snapshot, Tx};
pub use url::DatabaseUrl;
pub use value::Value;

#[doc(hidden)]
pub mod __private {
    //! For what `migrations!` expands to.
    pub use ketch_macros::migrations;
    pub use ketch_syntax::Variants;

    pub use crate::migrate::migration;
}
