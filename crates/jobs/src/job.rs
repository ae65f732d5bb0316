//! What a job is to the program that runs it.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::JobCtx;
use crate::error::JobResult;
use crate::store::{attempts_problem, name_problem, priority_problem};

/// A job: a value that is stored as JSON until it is run.
///
/// It is run at least once. What it writes in [`JobCtx::finish`] is written exactly once.
///
/// ```
/// use ketch_jobs::{Job, JobCtx, JobResult};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct SendWelcome {
///     user: i64,
/// }
///
/// impl Job for SendWelcome {
///     const TYPE: &'static str = "send_welcome";
///     type State = ();
///
///     async fn run(self, ctx: JobCtx) -> JobResult {
///         println!("welcome, {} (attempt {})", self.user, ctx.attempt());
///         Ok(())
///     }
/// }
/// ```
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its name in the table. It outlives the name of the Rust type: rows that wait are found by it.
    const TYPE: &'static str;
    /// The queue it waits in, if [`Enqueue`](crate::Enqueue) names no other.
    const QUEUE: &'static str = "default";
    /// 0 to 9; what waits with a higher one is run first.
    const PRIORITY: u8 = 5;
    /// How often it is begun, at most.
    const MAX_ATTEMPTS: u32 = 20;
    /// How long one attempt may take. Then it is told ([`JobCtx::ended`]), has
    /// [`Options::grace`](crate::Options::grace), is dropped, and has failed. One that blocks its thread cannot be dropped:
    /// it has failed all the same, and keeps its place in the queue's limit until it lets go.
    const DEADLINE: Duration = Duration::from_mins(10);

    /// What it works with, given when it is registered; `()` for nothing. A clone is given to each run.
    type State: Clone + Send + Sync + 'static;

    /// Does it. It runs on threads that jobs have for themselves, 20 or more: one that blocks its thread holds up no request,
    /// but many would hold up other jobs, so what blocks belongs in `tokio::task::spawn_blocking`.
    ///
    /// # Errors
    /// Why it failed. It is tried again after [`backoff`](Self::backoff), unless the error says otherwise.
    fn run(self, ctx: JobCtx<Self::State>) -> impl Future<Output = JobResult> + Send;

    /// How long it waits after an attempt that failed; the first is 1. Up to a quarter more or less is added, so that
    /// what failed together does not come back together.
    ///
    /// It doubles from 1 s to a day, so that the default of 20 attempts takes about three and a half days.
    fn backoff(attempt: u32) -> Duration {
        backoff(attempt)
    }
}

/// Reads a payload. That of a row which any program inserted without one is an empty object, which is a unit struct too.
pub(crate) fn read<J: Job>(payload: &str) -> Result<J, serde_json::Error> {
    serde_json::from_str(payload).or_else(|error| match payload {
        "{}" => serde_json::from_str("null").map_err(|_| error),
        _ => Err(error),
    })
}

/// What a type says of itself that the table would not take. That its name is empty is said elsewhere.
pub(crate) fn problems<J: Job>() -> Vec<String> {
    let name = if J::TYPE.is_empty() { None } else { name_problem("type", J::TYPE) };
    let bounds = [priority_problem(J::PRIORITY), attempts_problem(J::MAX_ATTEMPTS)];
    let found = name.into_iter().chain(bounds.into_iter().flatten());
    found.map(|why| format!("the job `{}`: {why}", J::TYPE.escape_debug())).collect()
}

/// What [`Job::backoff`] says if a job does not.
pub(crate) fn backoff(attempt: u32) -> Duration {
    const DAY: u64 = 24 * 60 * 60;
    let seconds = 1_u64.checked_shl(attempt.saturating_sub(1)).map_or(DAY, |it| it.clamp(1, DAY));
    Duration::from_secs(seconds)
}
