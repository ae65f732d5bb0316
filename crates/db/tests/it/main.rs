//! The database room as its users see it, with a real file each.

mod basics;
mod durability;
mod reads;
mod scratch;
mod tokens;
