//! A job that says its word to whoever started its runner.

use ketch_jobs::{Job, JobCtx, JobResult};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

#[derive(Serialize, Deserialize)]
pub(crate) struct Say {
    pub(crate) word: String,
}

impl Job for Say {
    const TYPE: &'static str = "say";
    type State = mpsc::UnboundedSender<String>;

    async fn run(self, ctx: JobCtx<Self::State>) -> JobResult {
        ctx.state().send(self.word)?;
        Ok(())
    }
}
