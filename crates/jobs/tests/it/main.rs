//! The queue as its users see it, on a real database each.

mod conformance;
mod enqueue;
mod place;
mod runner;
