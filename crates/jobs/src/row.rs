//! A job as it stands in the table.

use std::fmt;
use std::str::FromStr;

use ketch_macros::Scalar;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Scalar)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "JobStatus")]
#[ketch(crate = "ketch_web")]
pub enum Status {
    /// It waits for its time, or for its turn.
    Pending,
    /// A runner has claimed it.
    Running,
    /// It ended well.
    Done,
    /// It failed and is not tried again.
    Dead,
    /// Somebody did not want it any more.
    Cancelled,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Running, Self::Done, Self::Dead, Self::Cancelled];

    /// Whether a job that stands so has ended.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Done | Self::Dead | Self::Cancelled)
    }

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|status| status.name() == text);
        found.ok_or_else(|| {
            format!("`{text}` is no status of a job: pending, running, done, dead or cancelled")
        })
    }
}

/// A job as it stands in the table. Times are RFC 3339 in UTC, with milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct JobRow {
    /// Its number.
    pub id: i64,
    /// What `Job::TYPE` says.
    #[serde(rename = "type")]
    pub job_type: String,
    /// What it was made with.
    pub payload: Value,
    /// The queue it waits in.
    pub queue: String,
    /// 0 to 9; 9 is run first.
    pub priority: u8,
    /// How it stands.
    pub status: Status,
    /// It is not run before.
    pub run_at: String,
    /// Of its type, one unfinished job may have it.
    pub unique_key: Option<String>,
    /// How often it was begun.
    pub attempts: u32,
    /// How often it is begun, at most.
    pub max_attempts: u32,
    /// When it was enqueued.
    pub created_at: String,
    /// When it was begun last.
    pub started_at: Option<String>,
    /// When it came to its end.
    pub finished_at: Option<String>,
    /// Who runs it.
    pub claimed_by: Option<String>,
    /// Whether somebody asked for its end while it ran.
    pub cancel_requested: bool,
    /// How far it has come, 0 to 1, as it says itself.
    pub progress: Option<f64>,
    /// What it says of that.
    pub progress_note: Option<String>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// The recurrent job that this is one run of.
    pub schedule: Option<String>,
    /// The time that this run is for.
    pub slot: Option<String>,
}
