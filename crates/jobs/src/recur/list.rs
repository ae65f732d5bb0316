//! Recurrent jobs as they are shown.

use jiff::Timestamp;
use ketch_db::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::jobs::Jobs;
use crate::store::slots;

/// A recurrent job as it stands. Times are RFC 3339 in UTC, with milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ScheduleRow {
    /// Its name.
    pub name: String,
    /// What it enqueues: `Job::TYPE`.
    #[serde(rename = "type")]
    pub job_type: String,
    /// The queue of what it enqueues.
    pub queue: String,
    /// The cron pattern, as it was written.
    pub pattern: Option<String>,
    /// The time zone of the pattern.
    pub zone: Option<String>,
    /// The interval in seconds, if it has no pattern.
    pub interval: Option<f64>,
    /// The slot that comes next, if there is one.
    pub next: Option<String>,
    /// The slot that was enqueued last, if any was.
    pub last: Option<String>,
}

impl Jobs {
    /// The recurrent jobs that were declared in this program, in their order.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn schedules(&self) -> Result<Vec<ScheduleRow>> {
        let mut rows = Vec::new();
        for schedule in self.recurrent().all() {
            let now = self.now();
            let standing = slots::standing(self.db(), &schedule.name, now).await?;
            let floor = standing.map_or(now, |standing| standing.floor);
            rows.push(ScheduleRow {
                name: schedule.name.clone(),
                job_type: schedule.job_type().to_owned(),
                queue: schedule.job.queue.clone(),
                pattern: schedule.pattern.clone(),
                zone: schedule.zone.clone(),
                interval: schedule.interval.map(|time| time.as_secs_f64()),
                next: schedule.times.next(now.max(floor)).map(time),
                last: slots::newest(self.db(), &schedule.name).await?.map(time),
            });
        }
        Ok(rows)
    }
}

/// Milliseconds as RFC 3339.
pub(super) fn time(millis: i64) -> String {
    match Timestamp::from_millisecond(millis) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => millis.to_string(),
    }
}
