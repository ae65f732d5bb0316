//! The candidate with a queue of jobs: jobs that do nothing, as many as there can be, beside what it is asked.

use std::time::Duration;

use bench_jobs::{Load, Pace, Tally, Toil};
use ketch::prelude::*;
use ketch_jobs::Jobs;

/// Jobs that wait to be run while more are enqueued.
const BACKLOG: usize = 4_096;

/// The jobs of a server whose queue is full.
pub(crate) struct Toils {
    jobs: Jobs,
    tally: Tally,
}

/// Gives a server a queue of jobs.
pub(crate) fn with_jobs(server: Server) -> Server {
    let (jobs, tally) = (server.jobs(), Tally::new(Some(BACKLOG)));
    server.job::<Toil>(tally.clone()).add(Toils { jobs, tally })
}

/// A queue that is full.
#[service(root = "toils")]
impl Toils {
    /// Enqueues for so long, while the queue is worked on, one or many to a write; how many were enqueued, and how many
    /// were run.
    #[post("{pace}")]
    async fn enqueue(&self, pace: String, millis: u64) -> Result<String> {
        let pace = if pace == "bulk" { Pace::Bulk } else { Pace::Single };
        let load = Load::new(self.jobs.clone(), self.tally.clone(), pace);
        let (tasks, before) = (load.start(), self.tally.runs());
        tokio::time::sleep(Duration::from_millis(millis)).await;
        load.stop();
        for done in tasks.join_all().await {
            done?;
        }
        Ok(format!("{} {}", load.enqueued(), self.tally.runs() - before))
    }

    /// Fills the queue at once, with so many.
    #[post]
    async fn fill(&self, rows: i64) -> Result<String> {
        let fill = move |tx: &mut Tx<'_>| tx.execute(FILL, params! { rows });
        Ok(self.jobs.db().write_alone(fill).await?.to_string())
    }

    /// Enqueues nothing for so long, while the queue is worked on, and empties it then; how many were run.
    #[post]
    async fn stand(&self, millis: u64) -> Result<String> {
        let before = self.tally.runs();
        tokio::time::sleep(Duration::from_millis(millis)).await;
        let run = self.tally.runs() - before;
        self.jobs.db().execute("delete from job_queue where status = 'pending'", params! {}).await?;
        Ok(format!("0 {run}"))
    }
}

/// As many jobs that do nothing as are asked for.
const FILL: &str = "with recursive n(i) as (select 1 union all select i + 1 from n where i < :rows)
    insert into job_queue (job_type, payload)
    select 'toil', json_object('number', i, 'name', 'Gipsy Moth IV') from n";
