//! The example: a small harbour's boats and stays.
//!
//! Services on one database: [`boats`] come and are listed, [`stays`] say which berth they lie at. Jobs do the rest:
//! [`notices`] tell skippers what they should know, [`rounds`] count every night how full it is. The data is in
//! `data/app.db`, or in PostgreSQL with `--database postgres://…`; `migrations/` says what its tables are.

mod access;
pub mod boats;
mod lists;
pub mod notices;
pub mod rounds;
pub mod stays;

use ketch::prelude::*;

use crate::boats::BoatService;
use crate::lists::{LISTS, Lists};
use crate::notices::{NoticeService, Reminder, Welcome};
use crate::rounds::{Round, RoundService};
use crate::stays::StayService;

/// The whole server, for `main` and for tests.
pub fn server() -> Server {
    let server = Server::new();
    let (db, jobs) = (server.db(), server.jobs());
    let lists = Lists::new();
    let told = lists.clone();
    server
        .title("Harbour")
        .release("0.1.0")
        .describe("A small harbour: boats call, lie at a berth for a while, and leave.")
        .set(|s| s.version("1").middleware(["access"]))
        .admin(|s| s.middleware(["access"]).scope(Scope::any_of([["master"]])))
        .define_middleware("access", from_fn(access::grant))
        .define_cache("lists", lists.cache())
        .migrations(migrations!("migrations"))
        .on_notice(LISTS, move |_| told.purge())
        .add(BoatService::new(db.clone(), lists))
        .add(StayService::new(db.clone(), jobs))
        .add(NoticeService::new(db.clone()))
        .add(RoundService::new(db))
        .job::<Welcome>(())
        .job::<Reminder>(())
        .job::<Round>(())
        .schedule(Round::nightly())
}
