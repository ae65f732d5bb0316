//! The database room as its users see it, with a real file each.

mod basics;
mod batches;
mod bounds;
mod changes;
mod checkpoints;
mod conformance;
mod durability;
mod files;
mod migrations;
mod notices;
#[cfg(feature = "postgres")]
mod postgres_limits;
#[cfg(feature = "postgres")]
mod postgres_migrations;
#[cfg(feature = "postgres")]
mod postgres_notices;
#[cfg(feature = "postgres")]
mod postgres_scratch;
#[cfg(feature = "postgres")]
mod postgres_tls;
#[cfg(feature = "postgres")]
mod postgres_values;
#[cfg(feature = "postgres")]
mod postgres_writes;
mod reads;
mod schema;
mod scratch;
mod streams;
mod tokens;
mod writes;
