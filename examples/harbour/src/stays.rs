//! Stays: which boat lies at which berth.

use ketch::db;
use ketch::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::notices::{LONG_STAY, Reminder, Welcome};

/// Berths are numbered from 1.
const BERTHS: u16 = 40;

/// A boat at a berth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stay {
    /// The berth, from 1.
    pub berth: u16,
    /// The boat's number in the register.
    pub boat: u32,
}

/// When the water is highest or lowest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tide {
    /// The time of day, UTC: `06:12`.
    pub time: String,
    /// The water's height above chart datum, in metres.
    pub height: f32,
}

/// A boat that arrives.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arrival {
    /// The boat's number in the register.
    pub boat: u32,
}

/// What can go wrong with a stay.
#[derive(Debug, ApiError)]
pub enum StayError {
    /// The harbour has no such berth.
    #[api(status = 404, code = "no_such_berth", message = "there is no berth {0}")]
    NoSuchBerth(u16),
    /// No boat has this number.
    #[api(status = 422, code = "no_such_boat", message = "no boat has the number {0}")]
    NoSuchBoat(u32),
    /// Another boat lies there, or the boat lies elsewhere.
    #[api(status = 409, code = "berth_taken", message = "boat {boat} lies at berth {berth}")]
    Taken {
        /// The berth that is taken.
        berth: u16,
        /// The boat that lies there.
        boat: u32,
    },
    /// Nobody lies at the berth.
    #[api(status = 404, code = "berth_free", message = "nobody lies at berth {0}")]
    Free(u16),
    /// The database could not do it.
    #[api(from)]
    Db(db::Error),
}

/// The berths and who lies there.
#[derive(Debug)]
pub struct StayService {
    db: Db,
    jobs: Jobs,
}

impl StayService {
    pub(crate) fn new(db: Db, jobs: Jobs) -> Self {
        Self { db, jobs }
    }
}

/// Who lies where.
#[service(root = "berths", version = "2")]
impl StayService {
    /// Lists the berths that are taken.
    #[get("/")]
    async fn taken(&self) -> Result<Json<Vec<Stay>>> {
        Ok(Json(self.db.query("select berth, boat from stays order by berth", params! {}).await?))
    }

    /// Lets a boat arrive at a berth. Its skipper gets a notice.
    #[put("{berth}/stay", timeout = "5s")]
    async fn arrive(&self, berth: u16, arrival: Json<Arrival>) -> Result<Json<Stay>, StayError> {
        if !(1..=BERTHS).contains(&berth) {
            return Err(StayError::NoSuchBerth(berth));
        }
        let Arrival { boat } = arrival.into_inner();
        let jobs = self.jobs.clone();
        let arrive = move |tx: &mut Tx<'_>| {
            let there: Vec<Stay> = tx.query(
                "select berth, boat from stays where berth = :berth or boat = :boat order by berth",
                params! { berth, boat },
            )?;
            match there.into_iter().next() {
                Some(stay) if stay == (Stay { berth, boat }) => return Ok(stay),
                Some(Stay { berth, boat }) => return Err(StayError::Taken { berth, boat }),
                None => {}
            }
            // The jobs are there when the stay is, and not without it.
            jobs.enqueue(tx, &Welcome { boat, berth })?;
            let reminder = jobs.enqueue(tx, Enqueue::new(&Reminder { boat }).delay(LONG_STAY))?.id();
            let sql = "insert into stays (berth, boat, reminder) values (:berth, :boat, :reminder) \
                       returning berth, boat";
            tx.query_one(sql, params! { berth, boat, reminder }).map_err(|error| match error {
                db::Error::ForeignKey(_) => StayError::NoSuchBoat(boat),
                other => other.into(),
            })
        };
        let stay = self.db.try_write(arrive).await?;
        tracing::info!(berth, boat, "arrived");
        Ok(Json(stay))
    }

    /// Lets the boat at a berth leave.
    #[delete("{berth}/stay")]
    async fn leave(&self, berth: u16) -> Result<NoContent, StayError> {
        let left = self.db.execute("delete from stays where berth = :berth", params! { berth }).await?;
        if left == 0 { Err(StayError::Free(berth)) } else { Ok(NoContent) }
    }

    /// Tells today's tides.
    ///
    /// It is not written yet: a file answers, as seen from the top of the workspace, where `cargo run` is.
    #[get("/", root = "tides", stub = "examples/harbour/stubs/tides.json")]
    fn tides(&self) -> Json<Vec<Tide>>;
}
