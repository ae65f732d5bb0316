//! The queue as its users see it, on a real database each.

mod enqueue;
mod overheard;
mod place;
mod recurrent;
