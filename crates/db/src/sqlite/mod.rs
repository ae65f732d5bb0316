//! The SQLite engine: reads where the request is, one writer whose transactions many writes share.
//!
//! `engine` is the whole of it; `connection` makes every connection there is; `read` and `write` use them; `statement`
//! runs one statement on one, `describe` says what it is. `schema` is what migrations make, in memory.

mod backup;
mod broken;
mod change;
mod checkpoint;
mod connection;
mod counts;
mod describe;
mod engine;
mod error;
mod folder;
mod lock;
mod name;
mod notify;
mod presence;
mod private;
mod read;
mod revoke;
mod schema;
mod session;
mod statement;
mod version;
mod write;

pub use engine::Sqlite;
pub use rusqlite;
pub use schema::{BadMigration, Schema, Table, TableColumn};
pub use version::{OLDEST, check_version};
