//! Boats: listed, looked at, registered, struck off.

use std::collections::BTreeSet;

use ketch::db;
use ketch::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lists::Lists;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, Scalar)]
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

impl Kind {
    /// As it is stored.
    fn name(self) -> &'static str {
        match self {
            Self::Sloop => "sloop",
            Self::Ketch => "ketch",
            Self::Yawl => "yawl",
            Self::Motor => "motor",
        }
    }
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
    /// Another boat has this name.
    #[api(status = 409, code = "name_taken")]
    NameTaken,
    /// The database could not do it.
    #[api(from)]
    Db(db::Error),
}

/// The register of boats.
#[derive(Debug)]
pub struct BoatService {
    db: Db,
    lists: Lists,
}

impl BoatService {
    pub(crate) fn new(db: Db, lists: Lists) -> Self {
        Self { db, lists }
    }

    /// The boats after a number, of any kind.
    async fn of_any_kind(&self, after: u32, most: u32) -> db::Result<Vec<Boat>> {
        let sql = "select id, name, kind, length from boats where id > :after order by id limit :most";
        self.db.query(sql, params! { after, most }).await
    }

    /// The boats after a number, of these kinds. Each kind is read in the order of its index and the best of all are
    /// taken, which is as quick with millions of boats as with ten.
    async fn of_kinds(&self, kinds: BTreeSet<Kind>, after: u32, most: u32) -> db::Result<Vec<Boat>> {
        let sql = "select id, name, kind, length from boats where kind = :kind and id > :after \
                   order by id limit :most";
        let read = move |snapshot: &mut db::Snapshot<'_>| {
            let mut boats: Vec<Boat> = Vec::new();
            for kind in &kinds {
                boats.extend(snapshot.query::<Boat>(sql, params! { kind: kind.name(), after, most })?);
            }
            boats.sort_by_key(|boat| boat.id);
            Ok(boats)
        };
        self.db.read(read).await
    }
}

/// The harbour's register of boats.
#[service(root = "boats")]
impl BoatService {
    /// Lists the boats.
    ///
    /// The whole register at once. Version 2 lists it in pages.
    #[get("/", deprecated = "2026-11-01", sunset = "2027-11-01")]
    async fn all(&self) -> Result<Json<Vec<Boat>>> {
        Ok(Json(self.of_any_kind(0, 100).await?))
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
    ) -> Result<Json<Page>> {
        // One more than asked for tells whether there is a next page.
        let (after, most) = (after.unwrap_or(0), limit as u32 + 1);
        let mut boats = match BTreeSet::from_iter(kind) {
            any if any.is_empty() => self.of_any_kind(after, most).await?,
            kinds => self.of_kinds(kinds, after, most).await?,
        };
        let more = boats.len() > limit;
        boats.truncate(limit);
        let next = boats.last().filter(|_| more).map(|boat| boat.id);
        Ok(Json(Page { boats, next }))
    }

    /// Shows one boat.
    #[get("{id:[0-9]+}")]
    async fn show(&self, id: u32) -> Result<Json<Boat>, BoatError> {
        let sql = "select id, name, kind, length from boats where id = :id";
        let boat = self.db.query_opt(sql, params! { id }).await?;
        boat.map(Json).ok_or(BoatError::NoSuchBoat(id))
    }

    /// Registers a boat.
    #[post("/", limit = "4kb", rate = "20/s burst 100")]
    async fn register(&self, new: Json<NewBoat>) -> Result<Created<Boat>, BoatError> {
        let NewBoat { name, kind, length } = new.into_inner();
        let lists = self.lists.clone();
        let register = move |tx: &mut Tx<'_>| {
            lists.change(tx)?;
            tx.query_one(
                "insert into boats (name, kind, length) values (:name, :kind, :length) \
                 returning id, name, kind, length",
                params! { name: &name, kind: kind.name(), length },
            )
        };
        match self.db.write(register).await {
            Ok(boat) => Ok(Created(boat)),
            Err(db::Error::Unique(_)) => Err(BoatError::NameTaken),
            Err(error) => Err(error.into()),
        }
    }

    /// Strikes a boat off the register. Only the harbour master may.
    #[delete("{id:[0-9]+}", scope = [["master"]])]
    async fn strike(&self, id: u32) -> Result<NoContent, BoatError> {
        let lists = self.lists.clone();
        let strike = move |tx: &mut Tx<'_>| {
            let berth = tx.query_opt("select berth from stays where boat = :id", params! { id })?;
            if let Some(berth) = berth {
                return Err(BoatError::InHarbour { id, berth });
            }
            if tx.execute("delete from boats where id = :id", params! { id })? == 0 {
                return Err(BoatError::NoSuchBoat(id));
            }
            Ok(lists.change(tx)?)
        };
        self.db.try_write(strike).await?;
        Ok(NoContent)
    }
}
