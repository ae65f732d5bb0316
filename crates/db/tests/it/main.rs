//! The database room as its users see it, with a real file each.

mod basics;
mod batches;
mod scratch;
