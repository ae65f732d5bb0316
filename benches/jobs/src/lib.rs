//! The queue of jobs measured in one process, and the jobs that are run.
//!
//! Here are the jobs and who enqueues them as fast as they are run, for every program that measures; `main.rs` is the one
//! without HTTP.

mod load;
mod toil;

pub use load::{Load, Pace};
pub use toil::{Begin, Finish, Tally, Toil};
