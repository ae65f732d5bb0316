//! The table as SQL: every statement about it is here, for both dialects.

mod claim;
mod insert;
mod look;
mod settle;
pub(crate) mod slots;

use std::sync::Arc;

pub(crate) use claim::{Claimed, claim, next_due, release_all};
pub(crate) use insert::{New, insert};
pub(crate) use look::get;
pub(crate) use settle::{Ending, Fate, Lost, progress, settle, settle_mine};

/// A claim on a job: who has it, and the number that tells it from every other claim on that job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) id: i64,
    pub(crate) runner: Arc<str>,
    pub(crate) token: i64,
}
