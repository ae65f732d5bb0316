//! What cases need: the queue's tables, a clock that they move, runners that claim, and jobs.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ketch_db::migrate::{Backup, Wanted};
use ketch_db::{Db, Dialect, Params, Result};
use ketch_model::ManualClock;
use serde_json::json;

use super::check::Failure;
use crate::jobs::{Jobs, migrations};
use crate::options::Options;
use crate::raw::RawJob;
use crate::row::{JobRow, Status};
use crate::store::{self, Claim, Claimed, Ending, Fate};

/// An empty queue.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) db: Db,
    pub(super) jobs: Jobs,
    pub(super) clock: Arc<ManualClock>,
}

impl Setting {
    pub(super) async fn new(db: Db) -> std::result::Result<Self, Failure> {
        let wanted = Wanted { backup: Backup::Without, ..Wanted::default() };
        ketch_db::migrate::up(&db, &[migrations()], &wanted)
            .await
            .map_err(|error| Failure::new(format!("the queue's tables cannot be made: {error}")))?;
        // Where rows that other programs insert, and which the database's own clock dates, are due.
        let clock = Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 365 * 100)));
        let jobs = Jobs::new(db.clone());
        let _fresh =
            jobs.configure(Options { clock: Arc::<ManualClock>::clone(&clock), ..Options::default() });
        Ok(Self { db, jobs, clock })
    }

    /// A job of the type `say` in the queue `default`.
    pub(super) async fn say(&self, word: &str) -> std::result::Result<i64, Failure> {
        Ok(self.jobs.add_raw(say(word)).await?.id())
    }

    /// A job as it stands.
    pub(super) async fn row(&self, id: i64) -> std::result::Result<JobRow, Failure> {
        self.jobs.get(id).await?.ok_or_else(|| Failure::new(format!("there is no job {id}")))
    }

    pub(super) async fn status(&self, id: i64) -> std::result::Result<Status, Failure> {
        Ok(self.row(id).await?.status)
    }

    /// A runner that may claim; it may be there already.
    pub(super) async fn runner(&self, name: &str) -> Result<Arc<str>> {
        if self.db.dialect()? == Dialect::Postgres && !store::beat(&self.db, name).await? {
            store::register(&self.db, name, self.jobs.now()).await?;
        }
        Ok(name.into())
    }

    /// Claims from the queue `default`.
    pub(super) async fn claim(&self, runner: &Arc<str>, most: usize) -> Result<Vec<Claimed>> {
        self.claim_from("default", runner, most).await
    }

    pub(super) async fn claim_from(
        &self,
        queue: &'static str,
        runner: &Arc<str>,
        most: usize,
    ) -> Result<Vec<Claimed>> {
        let (runner, now) = (Arc::clone(runner), self.jobs.now());
        self.db.write_read_committed(move |tx| store::claim(tx, &runner, queue, most, now)).await
    }

    /// Claims the only job that is due.
    pub(super) async fn claim_one(&self, runner: &Arc<str>) -> std::result::Result<Claimed, Failure> {
        let mut claimed = self.claim(runner, 10).await?;
        match (claimed.pop(), claimed.len()) {
            (Some(one), 0) => Ok(one),
            (one, more) => Err(Failure::new(format!("expected one job, found {one:?} and {more} more"))),
        }
    }

    /// Says how runs ended; how many claims did not stand.
    pub(super) async fn settle(&self, endings: Vec<(Claim, Ending)>) -> Result<usize> {
        let now = self.jobs.now();
        self.db.write_read_committed(move |tx| store::settle(tx, &endings, now)).await
    }

    /// Ends one run well; whether its claim stood.
    pub(super) async fn done(&self, claim: &Claim) -> Result<bool> {
        Ok(self.settle(vec![(claim.clone(), over(Status::Done))]).await? == 0)
    }

    pub(super) async fn count(&self, what: &'static str, params: Params) -> Result<i64> {
        self.db.query_one(what, params).await
    }
}

pub(super) fn say(word: &str) -> RawJob {
    RawJob::new("say", json!({ "word": word }))
}

pub(super) fn over(status: Status) -> Ending {
    Ending { then: Fate::Over(status), error: None }
}

pub(super) fn failed(then: Fate, error: &str) -> Ending {
    Ending { then, error: Some(error.to_owned()) }
}

/// What a job says.
pub(super) fn word(claimed: &Claimed) -> String {
    let payload: serde_json::Value = serde_json::from_str(&claimed.payload).unwrap_or_default();
    payload["word"].as_str().unwrap_or_default().to_owned()
}

pub(super) fn words(claimed: &[Claimed]) -> Vec<String> {
    claimed.iter().map(word).collect()
}
