//! The jobs that benchmarks run, and who enqueues them as fast as they are run.

mod load;
mod toil;

pub use load::{Load, Pace};
pub use toil::{Begin, Finish, Tally, Toil};
