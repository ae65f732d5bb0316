//! The database room as its users see it, with a real file each.

mod basics;
#[cfg(feature = "conformance")]
mod conformance;
mod reads;
mod durability;
mod scratch;
mod tokens;
