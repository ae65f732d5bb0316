//! The database room as its users see it, with a real file each.

mod basics;
mod notices;
mod reads;
mod scratch;
mod streams;
