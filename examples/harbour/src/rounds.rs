//! Rounds: every night a job counts the berths that are taken.

use ketch::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How full the harbour was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Occupancy {
    /// The day, UTC: `2026-11-21`.
    pub day: String,
    /// How many berths were taken.
    pub berths: u16,
}

/// Counts the berths that are taken.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Round;

impl Round {
    /// At three in the morning, as the clock on the quay shows it.
    pub(crate) fn nightly() -> Schedule {
        Schedule::cron("nightly round", "0 3 * * *", &Round).zone("Europe/Amsterdam")
    }
}

impl Job for Round {
    const TYPE: &'static str = "round";
    type State = ();

    async fn run(self, ctx: JobCtx) -> JobResult {
        let count = "insert into occupancy (berths) select count(*) from stays";
        ctx.finish(move |tx| tx.execute(count, params! {})).await?;
        Ok(())
    }
}

/// What the rounds have found.
#[derive(Debug)]
pub struct RoundService {
    db: Db,
}

impl RoundService {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }
}

/// How full the harbour was.
#[service(root = "occupancy", version = "2")]
impl RoundService {
    /// Lists how full the harbour was in the last month, the newest day first. For the harbour master.
    #[get("/", scope = [["master"]])]
    async fn month(&self) -> Result<Json<Vec<Occupancy>>> {
        let sql = "select day, berths from occupancy order by id desc limit 31";
        Ok(Json(self.db.query(sql, params! {}).await?))
    }
}
