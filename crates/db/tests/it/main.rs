//! The database room as its users see it, with a real file each.

mod basics;
mod batches;
mod changes;
mod checkpoints;
mod durability;
mod notices;
mod reads;
mod scratch;
mod streams;
mod tokens;
mod writes;
