//! Boats: listed, looked at, registered, struck off.

use std::sync::Arc;

use ketch::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::harbour::{Harbour, MOST_BOATS};

/// A boat that calls at the harbour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Boat {
    /// Its number in the register.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// How it is rigged.
    pub kind: Kind,
    /// Length over all, in metres.
    pub length: f32,
}

/// How a boat is rigged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One mast.
    Sloop,
    /// Two masts, the after one shorter and before the rudder.
    Ketch,
    /// Two masts, the after one behind the rudder.
    Yawl,
    /// No mast that matters.
    Motor,
}

/// A boat that is to be registered.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBoat {
    /// Its name, 1 to 60 letters.
    #[schemars(length(min = 1, max = 60))]
    pub name: String,
    /// How it is rigged.
    pub kind: Kind,
    /// Length over all, in metres: more than 2, at most 60.
    #[schemars(range(min = 2.5, max = 60.0))]
    pub length: f32,
}

/// A page of boats.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Page {
    /// The boats, by number.
    pub boats: Vec<Boat>,
    /// What to send as `after` for the next page; nothing on the last.
    pub next: Option<u32>,
}

/// What can go wrong with a boat.
#[derive(Debug, ApiError)]
pub enum BoatError {
    /// No boat has this number.
    #[api(status = 404, code = "no_such_boat", message = "no boat has the number {0}")]
    NoSuchBoat(u32),
    /// The boat lies at a berth, so it cannot be struck off.
    #[api(
        status = 409,
        code = "boat_in_harbour",
        message = "boat {id} lies at berth {berth}: it must leave first"
    )]
    InHarbour {
        /// Its number.
        id: u32,
        /// Where it lies.
        berth: u16,
    },
    /// The boat's name or length is outside of what the register takes.
    #[api(status = 422, code = "not_registrable", message = "{0}")]
    NotRegistrable(&'static str),
    /// The register is full.
    #[api(status = 507, code = "register_full")]
    RegisterFull,
}

/// The register of boats.
#[derive(Debug)]
pub struct BoatService {
    harbour: Arc<Harbour>,
}

impl BoatService {
    pub(crate) fn new(harbour: Arc<Harbour>) -> Self {
        Self { harbour }
    }
}

/// The harbour's register of boats.
#[service(root = "boats")]
impl BoatService {
    /// Lists the boats.
    ///
    /// The whole register at once. Version 2 lists it in pages.
    #[get("/", deprecated)]
    async fn all(&self) -> Json<Vec<Boat>> {
        Json(self.harbour.books().boats.values().take(100).cloned().collect())
    }

    /// Lists the boats, a page at a time.
    ///
    /// `after` is the number of the last boat of the page before; `limit` is 20 unless given, and 100 at most.
    #[get("/", version = "2")]
    async fn list(&self, after: Option<u32>, limit: Option<u8>, kind: Vec<String>) -> Json<Page> {
        let limit = usize::from(limit.unwrap_or(20).clamp(1, 100));
        let books = self.harbour.books();
        let wanted =
            |boat: &&Boat| kind.is_empty() || kind.contains(&format!("{:?}", boat.kind).to_lowercase());
        let mut boats: Vec<Boat> = books
            .boats
            .values()
            .filter(|boat| boat.id > after.unwrap_or(0))
            .filter(wanted)
            .take(limit + 1)
            .cloned()
            .collect();
        let more = boats.len() > limit;
        boats.truncate(limit);
        let next = boats.last().filter(|_| more).map(|boat| boat.id);
        Json(Page { boats, next })
    }

    /// Shows one boat.
    #[get("{id:[0-9]+}")]
    async fn show(&self, id: u32) -> Result<Json<Boat>, BoatError> {
        self.harbour.books().boats.get(&id).cloned().map(Json).ok_or(BoatError::NoSuchBoat(id))
    }

    /// Registers a boat.
    #[post("/", limit = "4kb")]
    async fn register(&self, new: Json<NewBoat>) -> Result<Created<Boat>, BoatError> {
        let NewBoat { name, kind, length } = new.into_inner();
        if name.is_empty() || name.chars().count() > 60 {
            return Err(BoatError::NotRegistrable("a boat's name has 1 to 60 letters"));
        }
        if !(2.5..=60.0).contains(&length) {
            return Err(BoatError::NotRegistrable("a boat is 2.5 to 60 metres long"));
        }
        let mut books = self.harbour.books();
        if books.boats.len() >= MOST_BOATS {
            return Err(BoatError::RegisterFull);
        }
        let id = books.next_id();
        let boat = Boat { id, name, kind, length };
        books.boats.insert(id, boat.clone());
        Ok(Created(boat))
    }

    /// Strikes a boat off the register. Only the harbour master may.
    #[delete("{id:[0-9]+}", scope = [["master"]])]
    async fn strike(&self, id: u32) -> Result<NoContent, BoatError> {
        let mut books = self.harbour.books();
        if let Some((berth, _)) = books.stays.iter().find(|(_, stay)| stay.boat == id) {
            return Err(BoatError::InHarbour { id, berth: *berth });
        }
        books.boats.remove(&id).map(|_| NoContent).ok_or(BoatError::NoSuchBoat(id))
    }
}
