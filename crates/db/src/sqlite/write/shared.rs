//! What the writer's handle and its thread both see, and what they share with the rest of the engine.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::thread::{self, ThreadId};
use std::time::Duration;

use super::super::broken::Broken;
use super::super::checkpoint::Told;
use super::super::counts::{Counts, count};
use super::super::notify::Channels;
use super::super::revoke::Revocations;
use super::super::session::Later;
use super::run::text_of;
use crate::options::Options;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) counts: Arc<Counts>,
    pub(super) channels: Arc<Channels>,
    pub(super) broken: Arc<Broken>,
    pub(super) revocations: Arc<Revocations>,
    /// The thread that writes, once it runs.
    pub(super) thread: OnceLock<ThreadId>,
}

impl Shared {
    /// What a checkpointer is told.
    pub(super) fn told(&self) -> Told {
        Told {
            counts: Arc::clone(&self.counts),
            broken: Arc::clone(&self.broken),
            revocations: Arc::clone(&self.revocations),
        }
    }

    /// Whether the calling thread is the one that writes.
    pub(super) fn is_writing(&self) -> bool {
        self.thread.get() == Some(&thread::current().id())
    }

    /// A commit has been done, in this time.
    pub(super) fn committed(&self, took: Duration) {
        count(&self.counts.commits);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.counts.commit_nanos.fetch_add(nanos, Relaxed);
    }

    /// Does what a committed write left to be done. What panics harms no other.
    pub(super) fn follow_up(&self, later: Later) {
        for work in later.work {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
                tracing::error!(
                    panic = text_of(&*panic),
                    "work after a commit panicked; the write itself is stored"
                );
            }
        }
        for (channel, payload) in later.notices {
            self.channels.tell(&channel, payload);
        }
    }
}
