//! The database room as its users see it, with a real file each.

mod basics;
mod conformance;
mod durability;
mod reads;
mod scratch;
mod tokens;
