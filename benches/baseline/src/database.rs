//! The baseline with a database: rusqlite as somebody would use it by hand. Reads in three ways, writes in one.
//!
//! What it has not, and the candidate pays for: parameters checked against the statement, rows by serde, reads that go
//! elsewhere when they take long, deadlines, bounded queues, closures that share a commit.

use std::cell::OnceCell;
use std::path::Path as FilePath;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bench_terms::database::{self, ADD, LIST, NewStored, SHOW, Setup, Stored};
use garde::Validate;
use http::StatusCode;
use rusqlite::{Connection, OptionalExtension, named_params};
use serde::Deserialize;
use tokio::sync::oneshot;

/// Threads that read for [`Reads::Channel`]: as the candidate has on two cores.
const READERS: usize = 2;

/// Questions that wait for one such thread.
const WAITING: usize = 1_024;

#[derive(Deserialize)]
struct After {
    after: i64,
}

/// What the endpoints work with.
struct Store {
    path: Box<FilePath>,
    reads: Reads,
    writer: Mutex<Connection>,
}

/// How a row gets from the file to the connection that asks for it.
enum Reads {
    /// On the thread that serves the connection.
    Inline,
    /// On a thread of the runtime's pool for what blocks.
    Blocking,
    /// On threads that only read, by a channel there and one back.
    Channel { threads: Vec<mpsc::SyncSender<Job>>, next: AtomicUsize },
}

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// An answer that is not the row.
struct Failed(StatusCode);

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        tracing::error!(%error, "the database failed");
        Self(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// The endpoints, on the file that the environment names.
pub(crate) fn router(setup: &Setup) -> rusqlite::Result<Router> {
    let writer = Mutex::new(database::writer(&setup.path, setup.sync)?);
    let store = Store { path: setup.path.clone().into(), reads: Reads::named(setup)?, writer };
    Ok(Router::new()
        .route("/boats/{id}", get(show))
        .route("/boats", get(list).post(add))
        .with_state(Arc::new(store)))
}

async fn show(State(store): State<Arc<Store>>, Path(id): Path<i64>) -> Result<Json<Stored>, Failed> {
    let row = move |connection: &Connection| {
        let mut prepared = connection.prepare_cached(SHOW)?;
        prepared.query_row([id], Stored::read).optional()
    };
    store.read(row).await?.map(Json).ok_or(Failed(StatusCode::NOT_FOUND))
}

async fn list(
    State(store): State<Arc<Store>>,
    Query(After { after }): Query<After>,
) -> Result<Json<Vec<Stored>>, Failed> {
    let rows = move |connection: &Connection| {
        let mut prepared = connection.prepare_cached(LIST)?;
        prepared.query_map([after], Stored::read)?.collect::<rusqlite::Result<Vec<_>>>()
    };
    Ok(Json(store.read(rows).await?))
}

/// Done simply: one connection behind a lock, on a thread for what blocks, and a commit for each.
async fn add(
    State(store): State<Arc<Store>>,
    Json(new): Json<NewStored>,
) -> Result<(StatusCode, Json<Stored>), Failed> {
    new.validate().map_err(|_| Failed(StatusCode::UNPROCESSABLE_ENTITY))?;
    let stored = tokio::task::spawn_blocking(move || {
        let connection = store.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut prepared = connection.prepare_cached(ADD)?;
        let (kind, made_at) = (new.kind.name(), database::now());
        let values = named_params! {
            ":name": new.name, ":kind": kind, ":length": new.length, ":made_at": made_at
        };
        prepared.query_row(values, Stored::read)
    });
    let stored = stored.await.map_err(|_| Failed(StatusCode::INTERNAL_SERVER_ERROR))??;
    Ok((StatusCode::CREATED, Json(stored)))
}

impl Reads {
    fn named(setup: &Setup) -> rusqlite::Result<Self> {
        match setup.reads.as_str() {
            "inline" => Ok(Self::Inline),
            "blocking" => Ok(Self::Blocking),
            "channel" => {
                let threads = (0..READERS).map(|_| reading_thread(&setup.path)).collect::<Result<_, _>>()?;
                Ok(Self::Channel { threads, next: AtomicUsize::new(0) })
            }
            other => panic!("BENCH_READS is `{other}`: it is `inline`, `blocking` or `channel`"),
        }
    }
}

fn reading_thread(path: &FilePath) -> rusqlite::Result<mpsc::SyncSender<Job>> {
    let connection = database::reader(path)?;
    let (sender, jobs) = mpsc::sync_channel::<Job>(WAITING);
    thread::spawn(move || {
        for job in jobs {
            job(&connection);
        }
    });
    Ok(sender)
}

impl Store {
    async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Failed> {
        let lost = |_| Failed(StatusCode::INTERNAL_SERVER_ERROR);
        match &self.reads {
            Reads::Inline => Ok(on_this_thread(&self.path, work)?),
            Reads::Blocking => {
                let store = Arc::clone(self);
                let done = tokio::task::spawn_blocking(move || on_this_thread(&store.path, work));
                Ok(done.await.map_err(|_| Failed(StatusCode::INTERNAL_SERVER_ERROR))??)
            }
            Reads::Channel { threads, next } => {
                let (sender, answer) = oneshot::channel();
                let job: Job = Box::new(move |connection| {
                    // Who asked may have gone.
                    let _gone = sender.send(work(connection));
                });
                let thread = next.fetch_add(1, Ordering::Relaxed) % threads.len();
                threads[thread].try_send(job).map_err(|_| Failed(StatusCode::SERVICE_UNAVAILABLE))?;
                Ok(answer.await.map_err(lost)??)
            }
        }
    }
}

/// With this thread's own connection.
fn on_this_thread<T>(
    path: &FilePath,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    thread_local! {
        static OWN: OnceCell<Connection> = const { OnceCell::new() };
    }
    OWN.with(|own| {
        if let Some(connection) = own.get() {
            return work(connection);
        }
        let fresh = database::reader(path)?;
        work(own.get_or_init(|| fresh))
    })
}
