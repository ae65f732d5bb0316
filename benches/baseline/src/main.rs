//! The honest baseline of the benchmark: raw axum, tower and hyper, as somebody would write it by hand who wants just
//! what the candidate's endpoints need.
//!
//! What it has, and the candidate has too: mimalloc, the multi-threaded tokio runtime (workers as the environment
//! says), `TCP_NODELAY`, hyper's deadline for a request's head, a request id in the reply, one log event a request
//! through the same subscriber, a deadline for the reply, panics turned into replies, the two middlewares. It serves
//! through hyper and not through `axum::serve`, which cannot be given the deadline for heads.
//!
//! What it has not, and the candidate pays for: the check of HTTP/1 framing on the wire, the guards (host, target,
//! sizes, framing), HTTP/2 on the same port, the limits of connections and of requests in flight, readers who do not
//! read, graceful stop, scopes, strict arguments (no repeated names), the one error body, health and OpenAPI.
//!
//! The endpoints with a database are in `database.rs`; they are there when `BENCH_DATABASE` names a file.

mod database;
mod front;
mod request_id;

use std::io::{Error, Result, Write};
use std::time::Duration;

use axum::extract::{Path, Query};
use axum::middleware::from_fn;
use axum::routing::{get, post};
use axum::{Json, Router};
use bench_terms::database::Setup;
use bench_terms::{Boat, NewBoat, forbid_caching, greeting, moored, note_credentials};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize;
use tokio::net::TcpListener;

use crate::front::Front;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As the candidate's default.
const HEAD_TIME: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Times {
    times: u32,
}

#[derive(Deserialize)]
struct Berth {
    berth: u16,
}

fn main() -> Result<()> {
    bench_terms::start_log();
    let mut router = router();
    if let Some(setup) = Setup::from_environment() {
        router = router.merge(database::router(&setup).map_err(Error::other)?);
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(router))
}

/// The first of the two layers is the outermost, as the first middleware that the candidate names.
fn router() -> Router {
    let layers = || (from_fn(note_credentials), from_fn(forbid_caching));
    Router::new()
        .route("/plain/text/{name}", get(text))
        .route("/plain/json/{id}", get(json))
        .route("/plain/boats", post(moor))
        .route("/layered/text/{name}", get(text).layer(layers()))
        .route("/layered/json/{id}", get(json).layer(layers()))
}

async fn text(Path(name): Path<String>, Query(Times { times }): Query<Times>) -> String {
    greeting(&name, times)
}

async fn json(Path(id): Path<u32>, Query(Berth { berth }): Query<Berth>) -> Json<Boat> {
    Json(Boat::at(id, berth))
}

async fn moor(Json(new): Json<NewBoat>) -> Json<Boat> {
    Json(moored(new))
}

async fn serve(router: Router) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stderr(), "ready at http://{}/", listener.local_addr()?)?;
    let front = Front::new(router);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
        let connection = builder.serve_connection(TokioIo::new(stream), front.clone());
        tokio::spawn(async move {
            // A client that hangs up is no news.
            let _gone = connection.await;
        });
    }
}
