//! The types of jobs that a runner knows, and how each is run.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::context::{JobCtx, Run};
use crate::error::{JobError, JobResult};
use crate::job::{Job, read};
use crate::store::NOT_UTF8;

type Pending = Pin<Box<dyn Future<Output = JobResult> + Send>>;

/// Reads a payload and begins the job.
type Runs = Box<dyn Fn(&str, Run) -> Pending + Send + Sync>;

/// How one type is run.
pub(crate) struct Known {
    pub(crate) deadline: Duration,
    pub(crate) backoff: fn(u32) -> Duration,
    /// Reads the payload and runs the job.
    pub(crate) run: Runs,
}

/// The types by name.
#[derive(Clone, Default)]
pub(crate) struct Registry(HashMap<&'static str, Arc<Known>>);

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Registry {
    /// Adds a type.
    pub(crate) fn add<J: Job>(&mut self, state: J::State) {
        let run = move |payload: &str, run: Run| -> Pending {
            let ctx = JobCtx { state: state.clone(), run };
            match read::<J>(payload) {
                Ok(job) => Box::pin(job.run(ctx)),
                Err(error) => {
                    let why =
                        if payload == NOT_UTF8 { "it is not UTF-8".to_owned() } else { error.to_string() };
                    let mut why = JobError::new(format!("the payload is no `{}`: {why}", J::TYPE));
                    why.logged = Some("the payload is not one of its type; its `last_error` says more");
                    Box::pin(async { Err(why) })
                }
            }
        };
        let known = Known { deadline: J::DEADLINE, backoff: J::backoff, run: Box::new(run) };
        self.0.insert(J::TYPE, Arc::new(known));
    }

    pub(crate) fn get(&self, job_type: &str) -> Option<&Known> {
        self.0.get(job_type).map(|known| &**known)
    }
}
