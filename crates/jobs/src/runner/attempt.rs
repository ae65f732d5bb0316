//! One run of a job: a task of its own, so that neither its panic nor its endless loop harms the others.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::task::JoinError;

use crate::context::Run;
use crate::error::{JobError, JobResult};
use crate::registry::Registry;
use crate::store::Claimed;

/// What came of a run.
#[derive(Debug)]
pub(super) enum Came {
    /// It ended by itself.
    Ended(JobResult),
    /// It panicked; what it said.
    Panicked(String),
    /// It was dropped.
    Dropped,
}

/// Runs a job to its end.
pub(super) async fn attempt(registry: Arc<Registry>, claimed: Claimed, run: Run) -> Came {
    let work = async move {
        let Some(known) = registry.get(&claimed.job_type) else {
            return Err(JobError::new(format!("no job `{}` is registered", claimed.job_type)));
        };
        let job = (known.run)(&claimed.payload, run);
        // It may be large, and the job has its own copy now.
        drop(claimed);
        job.await
    };
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(result) => Came::Ended(result),
        Err(panic) => Came::Panicked(said(panic)),
    }
}

/// What came of a run whose task did not come to its end: it was dropped, or panicked as it was.
pub(super) fn unjoined(error: JoinError) -> Came {
    match error.try_into_panic() {
        Ok(panic) => Came::Panicked(said(panic)),
        Err(_) => Came::Dropped,
    }
}

/// What a panic said.
pub(crate) fn said(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    // What is thrown may itself panic as it goes.
    let _gone = catch_unwind(AssertUnwindSafe(|| drop(panic)));
    text.unwrap_or_else(|| "nothing that can be read".to_owned())
}
