//! The queue as its users see it, on a real database each.

mod conformance;
mod enqueue;
mod foreign;
mod place;
mod runner;
mod slot;
