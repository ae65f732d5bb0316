//! The threads that jobs run on, which are nobody else's.
//!
//! A job that blocks its thread takes a thread from the other jobs. Were it one of those that answer requests, some such
//! jobs, as many as there are processors, would keep the whole process from doing anything, even from hearing that it is
//! to stop.

use std::sync::OnceLock;
use std::thread::available_parallelism;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::options::Queue;

/// How many there are at least: a queue full of jobs that block leaves some to the others.
const LEAST: usize = Queue::LIMIT + 4;

/// The threads of this process. They are made for the first job, and end with the process.
pub(super) fn threads() -> Handle {
    static THREADS: OnceLock<Option<Runtime>> = OnceLock::new();
    let made = THREADS.get_or_init(|| {
        let count = available_parallelism().map_or(LEAST, |processors| LEAST.max(processors.get()));
        let made = Builder::new_multi_thread().worker_threads(count).thread_name("ketch-job").enable_all().build();
        made.inspect_err(|error| {
            tracing::warn!(%error, "jobs have no threads of their own: one that blocks its thread holds up requests");
        })
        .ok()
    });
    made.as_ref().map_or_else(Handle::current, |made| made.handle().clone())
}
