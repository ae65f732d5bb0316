//! The endpoints for whoever looks after the queue: `/admin/jobs` and what is below it. `ketch jobs` speaks to these too.
//!
//! They are closed: the scope `admin` is held by nobody until a middleware grants it. What is done to jobs is in
//! `manage.rs`; here is what a request says, and what a reply shows.

mod refused;

use std::time::SystemTime;

use http::StatusCode;
use ketch_macros::service;
use ketch_model::{Content, Error as WireError, ReplySpec};
use ketch_syntax::duration;
use ketch_web::{Json, Reply, ReplyDocs, Response, Status as WithStatus};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::enqueue::Enqueued;
use crate::jobs::Jobs;
use crate::manage::{Filter, Purge};
use crate::raw::RawJob;
use crate::recur::ScheduleRow;
use crate::refusal::Error;
use crate::row::{JobRow, Status};
use crate::runner::runners_now;
use crate::stats::Stats;
use refused::{INVALID, MISSING, NOTHING, Refused, STANDS, TAKEN};

/// Looks after a queue over HTTP.
#[derive(Clone, Debug)]
pub struct JobsService {
    jobs: Jobs,
}

impl JobsService {
    /// A service for this queue.
    pub fn new(jobs: Jobs) -> Self {
        Self { jobs }
    }
}

/// A page of jobs.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct JobPage {
    /// The jobs, the newest first.
    jobs: Vec<JobRow>,
    /// What `after` is for the next page; null when this was the last.
    next: Option<i64>,
}

/// The recurrent jobs that the program declares.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "JobSchedules")]
struct Schedules {
    /// In the order in which they were declared.
    schedules: Vec<ScheduleRow>,
}

/// A job to enqueue, by the name of its type. What is left out is as its type says.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewJob {
    /// The name of its type.
    #[serde(rename = "type")]
    #[schemars(length(min = 1))]
    job_type: String,
    /// What it is made with. An empty object when left out.
    #[serde(default = "nothing")]
    payload: Value,
    /// The queue it waits in.
    queue: Option<String>,
    /// What waits with a higher one is run first.
    #[schemars(range(min = 0, max = 9))]
    priority: Option<i64>,
    /// How long it waits before it is due: `30s`, `5m`, `2h`, `1d`.
    #[schemars(example = "5m")]
    delay: Option<String>,
    /// When it is due, in place of `delay`.
    #[schemars(extend("format" = "date-time"))]
    run_at: Option<String>,
    /// Of its type, one unfinished job may have it.
    unique_key: Option<String>,
    /// How often it is begun, at most.
    #[schemars(range(min = 1))]
    max_attempts: Option<i64>,
}

fn nothing() -> Value {
    json!({})
}

/// Which jobs are deleted: all that ended and are as said.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PurgeJobs {
    /// How they ended: `done`, `dead` or `cancelled`. All of these when left out.
    #[serde(default)]
    status: Vec<Status>,
    /// Their type. All types when left out.
    #[serde(rename = "type")]
    job_type: Option<String>,
    /// How long ago they ended, at least: `1h`, `7d`. Any time when left out.
    #[schemars(example = "7d")]
    older_than: Option<String>,
}

/// What was deleted.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PurgedJobs")]
struct Purged {
    /// How many jobs.
    purged: u64,
}

/// How the queue stands, and what this process has seen of it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "JobQueueStats")]
struct QueueStats {
    /// How many jobs stand how, whichever process runs them.
    counts: CountsNow,
    /// How long the job has been due that is due longest, in seconds; null when none is.
    oldest_due: Option<f64>,
    /// Who runs jobs now: with PostgreSQL of all processes, with SQLite of the one that has the database.
    runners: Vec<RunnerNow>,
    /// What this process has seen since it began.
    process: Stats,
}

/// Who runs jobs.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "JobRunner")]
struct RunnerNow {
    /// What the `claimed_by` of its jobs is.
    id: String,
    /// How many it runs.
    running: u64,
}

/// How many jobs stand how. A number of a million means that many or more.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "JobCounts")]
struct CountsNow {
    /// They wait: `due` and `waiting`.
    pending: u64,
    /// They wait for their turn.
    due: u64,
    /// They wait for their time.
    waiting: u64,
    /// Of those that wait, the ones that failed before.
    retrying: u64,
    /// They run.
    running: u64,
    /// They ended well, and are kept for a time.
    done: u64,
    /// They failed and are not tried again.
    dead: u64,
    /// Nobody wanted them any more.
    cancelled: u64,
}

/// What came of enqueuing: 201 for a job that is new, 200 for the one that has its unique key already.
enum Added {
    New(JobRow),
    Already(JobRow),
}

impl Reply for Added {
    fn reply(self) -> Result<Response, WireError> {
        match self {
            Self::New(row) => WithStatus::<201, _>(Json(row)).reply(),
            Self::Already(row) => Json(row).reply(),
        }
    }

    fn describe(docs: &mut ReplyDocs<'_>) {
        let schema = docs.schemas().written::<JobRow>();
        for (status, description) in [
            (StatusCode::CREATED, "The job, which is new."),
            (StatusCode::OK, "The job that has the unique key already; nothing was enqueued."),
        ] {
            let content = Some(Content { media_type: "application/json", schema: schema.clone() });
            docs.push(ReplySpec { status, description: description.to_owned(), content });
        }
    }
}

/// Background jobs, for whoever looks after the server.
#[service(
    crate = "ketch_web",
    prefix = "admin",
    version = "-",
    root = "jobs",
    middleware = ["-"],
    scope = [["admin"]],
    hidden,
)]
impl JobsService {
    /// Jobs, the newest first.
    ///
    /// What is asked for is combined. The next page is after the `next` of this one. There is no count of all: `stats`
    /// has those.
    #[get(route = "-")]
    async fn list(
        &self,
        /// How they stand.
        status: Option<Status>,
        /// The name of their type.
        #[arg(name = "type")]
        job_type: Option<String>,
        /// The queue they wait in.
        queue: Option<String>,
        /// The name of the recurrent job that they are runs of.
        schedule: Option<String>,
        /// The `next` of the page before.
        #[arg(min = 1)]
        after: Option<i64>,
        /// How many at most.
        #[arg(default = 100, min = 1, max = 1000)]
        limit: u32,
    ) -> Result<Json<JobPage>, Refused<NOTHING>> {
        let limit = usize::try_from(limit).unwrap_or(Filter::MOST);
        let status = status.into_iter().collect();
        let page = self.jobs.list(&Filter { status, job_type, queue, schedule, after, limit }).await?;
        Ok(Json(JobPage { jobs: page.jobs, next: page.next }))
    }

    /// How the queue stands, and what the process that answers has seen of it.
    ///
    /// The counts are of the whole queue; counters and histograms are of one process, from its start.
    #[get]
    async fn stats(&self) -> Result<Json<QueueStats>, Refused<NOTHING>> {
        let now = self.jobs.counts().await?;
        let counts = CountsNow {
            pending: now.pending,
            due: now.due,
            waiting: now.waiting,
            retrying: now.retrying,
            running: now.running,
            done: now.done,
            dead: now.dead,
            cancelled: now.cancelled,
        };
        let oldest_due = now.oldest_due.map(|age| age.as_secs_f64());
        let runners = runners_now(self.jobs.db()).await?;
        let runners = runners.into_iter().map(|(id, running)| RunnerNow { id, running }).collect();
        Ok(Json(QueueStats { counts, oldest_due, runners, process: self.jobs.stats() }))
    }

    /// The recurrent jobs that the process that answers declares: when each is due, and when it was due last.
    #[get]
    async fn schedules(&self) -> Result<Json<Schedules>, Refused<NOTHING>> {
        Ok(Json(Schedules { schedules: self.jobs.schedules().await? }))
    }

    /// One job.
    #[get("{id}")]
    async fn show(&self, id: i64) -> Result<Json<JobRow>, Refused<MISSING>> {
        Ok(Json(self.jobs.get(id).await?.ok_or(Error::NoJob(id))?))
    }

    /// Enqueues a job.
    ///
    /// Its type is one that the server registered, and its payload is read as the job will read it. With a unique key that
    /// an unfinished job of its type has, nothing is enqueued, and that job is answered with 200.
    #[post(route = "-")]
    async fn add(&self, new: Json<NewJob>) -> Result<Added, Refused<INVALID>> {
        let job = new.into_inner().checked(&self.jobs)?;
        let enqueued = self.jobs.add_raw(job).await?;
        // It may have ended and be gone by now when jobs that were done are not kept.
        let row = self.jobs.get(enqueued.id()).await?.ok_or(Error::NoJob(enqueued.id()))?;
        Ok(match enqueued {
            Enqueued::New(_) => Added::New(row),
            Enqueued::Already(_) => Added::Already(row),
        })
    }

    /// Runs a job again that ended, however it did; one that waits for another attempt is due now.
    ///
    /// One that has no attempts left gets one more.
    #[post("{id}/retry")]
    async fn retry(&self, id: i64) -> Result<Json<JobRow>, Refused<TAKEN>> {
        Ok(Json(self.jobs.retry(id).await?))
    }

    /// Cancels a job that has not ended.
    ///
    /// One that waits is cancelled at once. One that runs is told to end, and is cancelled when it has; until then
    /// `cancel_requested` is true.
    #[post("{id}/cancel")]
    async fn cancel(&self, id: i64) -> Result<Json<JobRow>, Refused<STANDS>> {
        Ok(Json(self.jobs.cancel(id).await?))
    }

    /// Makes a job due now that waits for its time.
    #[post("{id}/run")]
    async fn run(&self, id: i64) -> Result<Json<JobRow>, Refused<STANDS>> {
        Ok(Json(self.jobs.run_now(id).await?))
    }

    /// Deletes jobs that ended.
    #[post(timeout = "5m")]
    async fn purge(&self, which: Json<PurgeJobs>) -> Result<Json<Purged>, Refused<INVALID>> {
        let PurgeJobs { status, job_type, older_than } = which.into_inner();
        let older_than = match older_than {
            Some(text) => time("older_than", &text)?,
            None => Purge::default().older_than,
        };
        let purged = self.jobs.purge(&Purge { status, job_type, older_than }).await?;
        Ok(Json(Purged { purged }))
    }
}

impl NewJob {
    /// The job as it is enqueued, with what its type says where nothing else is said.
    fn checked(self, jobs: &Jobs) -> Result<RawJob, Error> {
        let Self { job_type, payload, queue, priority, delay, run_at, unique_key, max_attempts } = self;
        let known = jobs.types().get(&job_type);
        match &known {
            Some(known) => (known.check)(&payload.to_string())
                .map_err(|why| Error::Invalid(format!("the payload is no `{job_type}`: {why}")))?,
            None => unknown(&job_type, &jobs.types().names())?,
        }
        let mut job = RawJob::new(job_type, payload);
        if let Some(queue) = queue.or_else(|| known.map(|known| known.queue.to_owned())) {
            job = job.queue(queue);
        }
        if let Some(priority) = priority.or_else(|| known.map(|known| known.priority.into())) {
            job = job.priority(priority);
        }
        if let Some(most) = max_attempts.or_else(|| known.map(|known| known.max_attempts.into())) {
            job = job.max_attempts(most);
        }
        if let Some(key) = unique_key {
            job = job.unique(key);
        }
        match (delay, run_at) {
            (None, None) => Ok(job),
            (Some(delay), None) => Ok(job.delay(time("delay", &delay)?)),
            (None, Some(moment)) => Ok(job.at(at(&moment)?)),
            (Some(_), Some(_)) => {
                Err(Error::Invalid("`delay` and `run_at` both say when: leave one out".to_owned()))
            }
        }
    }
}

/// Refuses a type that nobody here registered; a process that registers none cannot tell.
fn unknown(job_type: &str, known: &[&str]) -> Result<(), Error> {
    if known.is_empty() {
        return Ok(());
    }
    let hint = ketch_syntax::suggestion(job_type, known.iter().copied());
    Err(Error::Invalid(format!("no job `{job_type}` is registered{hint}")))
}

/// Reads a time of the body.
fn time(name: &str, text: &str) -> Result<std::time::Duration, Error> {
    duration(text).map_err(|why| Error::Invalid(format!("`{name}` is {why}")))
}

/// Reads a moment of the body.
fn at(text: &str) -> Result<SystemTime, Error> {
    let moment: jiff::Timestamp = text
        .parse()
        .map_err(|_| Error::Invalid("`run_at` is no moment: write `2026-11-21T15:00:00Z`".to_owned()))?;
    Ok(moment.into())
}
