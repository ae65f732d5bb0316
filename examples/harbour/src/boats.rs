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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Scalar)]
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
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct NewBoat {
    /// Its name, 1 to 60 letters.
    #[garde(length(chars, min = 1, max = 60))]
    pub name: String,
    /// How it is rigged.
    #[garde(skip)]
    pub kind: Kind,
    /// Length over all, in metres.
    #[garde(range(min = 2.5, max = 60.0))]
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
    /// The register is full.
    #[api(status = 507, code = "register_full")]
    RegisterFull,
}

/// The register of boats.
#[derive(Debug)]
pub struct BoatService {
    harbour: Arc<Harbour>,
    /// Where lists of boats are kept, to purge when the register changes.
    lists: MemoryCache,
}

impl BoatService {
    pub(crate) fn new(harbour: Arc<Harbour>, lists: MemoryCache) -> Self {
        Self { harbour, lists }
    }
}

/// The harbour's register of boats.
#[service(root = "boats")]
impl BoatService {
    /// Lists the boats.
    ///
    /// The whole register at once. Version 2 lists it in pages.
    #[get("/", deprecated = "2026-11-01", sunset = "2027-11-01")]
    async fn all(&self) -> Json<Vec<Boat>> {
        Json(self.harbour.books().boats.values().take(100).cloned().collect())
    }

    /// Lists the boats, a page at a time.
    ///
    /// A list is kept for a minute, or until a boat is registered or struck off.
    #[get("/", version = "2", cache = "lists", ttl = "1m", tags = ["lists"])]
    async fn list(
        &self,
        /// The number of the last boat of the page before; from the start when it is left out.
        after: Option<u32>,
        /// How many boats.
        #[arg(default = 20, min = 1, max = 100)]
        limit: usize,
        /// Boats of these kinds only.
        kind: Vec<Kind>,
    ) -> Json<Page> {
        let books = self.harbour.books();
        let mut boats: Vec<Boat> = books
            .boats
            .values()
            .filter(|boat| boat.id > after.unwrap_or(0))
            .filter(|boat| kind.is_empty() || kind.contains(&boat.kind))
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
    #[post("/", limit = "4kb", rate = "20/s burst 100")]
    async fn register(&self, new: Json<NewBoat>) -> Result<Created<Boat>, BoatError> {
        let NewBoat { name, kind, length } = new.into_inner();
        let mut books = self.harbour.books();
        if books.boats.len() >= MOST_BOATS {
            return Err(BoatError::RegisterFull);
        }
        let id = books.next_id();
        let boat = Boat { id, name, kind, length };
        books.boats.insert(id, boat.clone());
        drop(books);
        self.lists.purge_tag("lists");
        Ok(Created(boat))
    }

    /// Strikes a boat off the register. Only the harbour master may.
    #[delete("{id:[0-9]+}", scope = [["master"]])]
    async fn strike(&self, id: u32) -> Result<NoContent, BoatError> {
        let mut books = self.harbour.books();
        if let Some((berth, _)) = books.stays.iter().find(|(_, stay)| stay.boat == id) {
            return Err(BoatError::InHarbour { id, berth: *berth });
        }
        books.boats.remove(&id).ok_or(BoatError::NoSuchBoat(id))?;
        drop(books);
        self.lists.purge_tag("lists");
        Ok(NoContent)
    }
}
