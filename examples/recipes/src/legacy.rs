//! An axum router that was there first: it keeps answering what no endpoint does yet.
//!
//! Endpoints move over one by one. An endpoint's path wins, so the router's own route may stay until it is forgotten.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use ketch::prelude::*;

/// The old application, as it was: its paths do not know where it is mounted.
fn router() -> Router {
    Router::new()
        .route("/boats", get(async || "the old list"))
        .route("/boats/{id}", get(async |Path(id): Path<u32>| format!("the old page of boat {id}")))
}

struct Boats;

/// What has moved over.
#[service(prefix = "legacy")]
impl Boats {
    /// Lists the boats, now with documents, limits by endpoint and everything else.
    #[get("/")]
    async fn list(&self) -> Json<Vec<&'static str>> {
        Json(vec!["Suhaili", "Spray"])
    }
}

/// The server.
pub fn server() -> Server {
    Server::new().title("Legacy").mount("/legacy", router()).add(Boats)
}
