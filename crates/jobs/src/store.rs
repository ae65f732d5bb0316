//! The table as SQL: every statement about it is here, for both dialects.

mod change;
mod claim;
mod claim_one;
mod counts;
#[cfg(test)]
mod depth;
mod foreign;
mod insert;
mod list;
mod look;
mod new;
mod purge;
mod recover;
mod running;
mod settle;
pub(crate) mod slots;

use std::sync::Arc;

pub(crate) use change::{Changed, cancel, retry, rival, run_now};
pub(crate) use claim::{Claimed, claim, next_due};
pub(crate) use claim_one::claim_one;
pub(crate) use counts::counts;
pub(crate) use foreign::NOT_UTF8;
pub(crate) use insert::{insert, insert_all};
pub(crate) use list::list;
pub(crate) use look::get;
pub(crate) use new::{EARLIEST, New, attempts_problem, name_problem, priority_problem};
pub(crate) use purge::{purge, purge_old};
pub(crate) use recover::{
    Released, Seen, beat, bury, has_strangers, observe, register, release_others, running, unregister,
};
pub(crate) use running::{Held, claims, held, mend_times, progress};
pub(crate) use settle::{Ending, Fate, Lost, settle, settle_mine};

/// A claim on a job: who has it, and the number that tells it from every other claim on that job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) id: i64,
    pub(crate) runner: Arc<str>,
    pub(crate) token: i64,
}
