//! Notices: what a boat's skipper is told. A stay enqueues the jobs that write them.

use std::time::Duration;

use ketch::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// After this time a skipper is reminded that the boat still lies here.
pub(crate) const LONG_STAY: Duration = Duration::from_hours(7 * 24);

/// A notice for the skipper of a boat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    /// Its number.
    pub id: u32,
    /// What it says.
    pub text: String,
}

/// Welcomes a boat that has arrived.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Welcome {
    pub(crate) boat: u32,
    pub(crate) berth: u16,
}

impl Job for Welcome {
    const TYPE: &'static str = "welcome";
    type State = ();

    async fn run(self, ctx: JobCtx) -> JobResult {
        let Self { boat, berth } = self;
        let text = format!("Welcome! You lie at berth {berth}. Showers are open from six to ten.");
        // The notice and the end of the job are one write: there is one notice, however often the job is begun.
        ctx.finish(move |tx| {
            let sql = "insert into notices (boat, text) select id, :text from boats where id = :boat";
            tx.execute(sql, params! { boat, text: &text })
        })
        .await?;
        Ok(())
    }
}

/// Reminds the skipper of a long stay, if the boat is still there.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Reminder {
    pub(crate) boat: u32,
}

impl Job for Reminder {
    const TYPE: &'static str = "reminder";
    type State = ();

    async fn run(self, ctx: JobCtx) -> JobResult {
        let (boat, job) = (self.boat, ctx.id());
        ctx.finish(move |tx| {
            // A boat that left and came back has a stay with a reminder of its own.
            let sql = "insert into notices (boat, text) \
                       select boat, 'You have been with us for a week. Please call at the office.' \
                       from stays where boat = :boat and reminder = :job";
            tx.execute(sql, params! { boat, job })
        })
        .await?;
        Ok(())
    }
}

/// The notices of every boat.
#[derive(Debug)]
pub struct NoticeService {
    db: Db,
}

impl NoticeService {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }
}

/// What skippers are told.
#[service(root = "boats", version = "2")]
impl NoticeService {
    /// Lists what a boat's skipper was told, the newest first.
    #[get("{boat:[0-9]+}/notices")]
    async fn of_boat(&self, boat: u32) -> Result<Json<Vec<Notice>>> {
        let sql = "select id, text from notices where boat = :boat order by id desc limit 50";
        Ok(Json(self.db.query(sql, params! { boat }).await?))
    }
}
