//! The example: a small harbour's boats and stays.
//!
//! Two services on one harbour: [`boats`] come and are listed, [`stays`] say which berth they lie at. Everything is in
//! memory and gone when the process ends.

mod access;
pub mod boats;
mod harbour;
pub mod stays;

use std::sync::Arc;

use ketch::prelude::*;

use crate::boats::BoatService;
use crate::harbour::Harbour;
use crate::stays::StayService;

/// The whole server, for `main` and for tests.
pub fn server() -> Server {
    let lists = MemoryCache::new("16mb");
    let harbour = Arc::new(Harbour::with_three_boats());
    Server::new()
        .title("Harbour")
        .release("0.1.0")
        .describe("A small harbour: boats call, lie at a berth for a while, and leave.")
        .set(|s| s.version("1").middleware(["access"]))
        .define_middleware("access", from_fn(access::grant))
        .define_cache("lists", lists.clone())
        .add(BoatService::new(Arc::clone(&harbour), lists))
        .add(StayService::new(harbour))
}
