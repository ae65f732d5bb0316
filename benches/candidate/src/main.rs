//! The candidate of the benchmark: the endpoints of the baseline, on Ketch, as an application would write them.
//!
//! Nothing is turned off: guards, limits, deadlines, request log, health and documents are as every application gets
//! them. `benches/baseline` lists what of that the baseline has too. The endpoints with a database are in `database.rs`, its jobs
//! in `jobs.rs`.

#![expect(clippy::needless_pass_by_value, clippy::unused_self, reason = "endpoints take what they are sent")]

mod database;
mod jobs;

use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use bench_terms::{Boat, NewBoat, forbid_caching, greeting, moored, note_credentials};
use ketch::prelude::*;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    bench_terms::start_log();
    let server = Server::new()
        .listen("127.0.0.1:0")
        .define_middleware("note-credentials", from_fn(note_credentials))
        .define_middleware("forbid-caching", from_fn(forbid_caching))
        .define_cache("hot", MemoryCache::new("64mb"))
        .add(Plain)
        .add(Layered)
        .add(Slow);
    let server = database::with_database(server).unwrap_or_else(|error| panic!("{error}"));
    ketch::main(match bench_terms::programs() {
        Some(folder) => {
            server.manifest(folder).native("echo", async |call: ketch::Call| Ok::<_, ketch::Error>(call.args))
        }
        None => server,
    })
}

struct Plain;

/// Endpoints without middlewares.
#[service(root = "plain")]
impl Plain {
    /// Answers text.
    #[get("text/{name}")]
    async fn text(&self, name: String, times: u32) -> String {
        greeting(&name, times)
    }

    /// Answers text, from a plain function.
    #[get("blocking/{name}")]
    fn blocking(&self, name: String, times: u32) -> String {
        greeting(&name, times)
    }

    /// Answers text, as often as one caller is allowed to ask.
    #[get("limited/{name}", rate = "1000000000/s")]
    async fn limited(&self, name: String, times: u32) -> String {
        greeting(&name, times)
    }

    /// Answers JSON.
    #[get("json/{id}")]
    async fn json(&self, id: u32, berth: u16) -> Json<Boat> {
        Json(Boat::at(id, berth))
    }

    /// Reads a JSON body.
    #[post("boats")]
    async fn moor(&self, new: Json<NewBoat>) -> Json<Boat> {
        Json(moored(new.into_inner()))
    }
}

struct Layered;

/// The same behind two named middlewares.
#[service(root = "layered", middleware = ["note-credentials", "forbid-caching"])]
impl Layered {
    /// Answers text.
    #[get("text/{name}")]
    async fn text(&self, name: String, times: u32) -> String {
        greeting(&name, times)
    }

    /// Answers JSON.
    #[get("json/{id}")]
    async fn json(&self, id: u32, berth: u16) -> Json<Boat> {
        Json(Boat::at(id, berth))
    }
}

struct Slow;

/// Endpoints that take a while, as a question to another server does.
#[service(root = "slow")]
impl Slow {
    /// Answers text.
    #[get("text/{name}")]
    fn text(&self, name: String, times: u32) -> String {
        sleep(WHILE);
        greeting(&name, times)
    }

    /// Answers text that is kept.
    #[get("cached/{name}", cache = "hot", ttl = "1m")]
    fn cached(&self, name: String, times: u32) -> String {
        sleep(WHILE);
        greeting(&name, times)
    }
}

const WHILE: Duration = Duration::from_millis(5);
