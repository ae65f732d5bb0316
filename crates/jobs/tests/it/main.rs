//! The queue as its users see it, on a real database each.

mod conformance;
mod enqueue;
mod foreign;
mod once;
mod place;
mod recurrent;
mod runner;
mod say;
mod slot;
mod trials;
