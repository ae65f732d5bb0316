//! Stays: which boat lies at which berth.

use std::sync::Arc;

use ketch::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::harbour::{BERTHS, Harbour};

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
}

/// The berths and who lies there.
#[derive(Debug)]
pub struct StayService {
    harbour: Arc<Harbour>,
}

impl StayService {
    pub(crate) fn new(harbour: Arc<Harbour>) -> Self {
        Self { harbour }
    }
}

/// Who lies where.
#[service(root = "berths", version = "2")]
impl StayService {
    /// Lists the berths that are taken.
    #[get("/")]
    async fn taken(&self) -> Json<Vec<Stay>> {
        Json(self.harbour.books().stays.values().cloned().collect())
    }

    /// Lets a boat arrive at a berth.
    ///
    /// It takes a moment to look the boat over, so this is a plain `fn`: it runs on the blocking pool.
    #[put("{berth}/stay", timeout = "5s")]
    fn arrive(&self, berth: u16, arrival: Json<Arrival>) -> Result<Json<Stay>, StayError> {
        if !(1..=BERTHS).contains(&berth) {
            return Err(StayError::NoSuchBerth(berth));
        }
        let Arrival { boat } = arrival.into_inner();
        let mut books = self.harbour.books();
        if !books.boats.contains_key(&boat) {
            return Err(StayError::NoSuchBoat(boat));
        }
        if let Some(there) = books.stays.values().find(|stay| (stay.berth == berth) != (stay.boat == boat)) {
            return Err(StayError::Taken { berth: there.berth, boat: there.boat });
        }
        let stay = Stay { berth, boat };
        books.stays.insert(berth, stay.clone());
        tracing::info!(berth, boat, "arrived");
        Ok(Json(stay))
    }

    /// Lets the boat at a berth leave.
    #[delete("{berth}/stay")]
    async fn leave(&self, berth: u16) -> Result<NoContent, StayError> {
        let left = self.harbour.books().stays.remove(&berth);
        left.map(|_| NoContent).ok_or(StayError::Free(berth))
    }

    /// Tells today's tides.
    ///
    /// It is not written yet: a file answers, as seen from the top of the workspace, where `cargo run` is.
    #[get("/", root = "tides", stub = "examples/harbour/stubs/tides.json")]
    fn tides(&self) -> Json<Vec<Tide>>;
}
