//! How commands reach the application: through the control socket of the server that runs, else in this process.
//!
//! Either way they send HTTP requests, and are the operator. In this process nothing but the database is opened: no
//! migration is applied, no hook and no job is run.

mod link;
mod socket;

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use ketch_db::DatabaseUrl;
use ketch_db::migrate::{self, State};
use ketch_model::Caller;
use ketch_server::{Built, Database};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use link::{Found, Link};

/// How long a request may take, if nobody says.
const TIME: Duration = Duration::from_secs(60);

/// The largest reply, in bytes.
const MOST: usize = 64 << 20;

/// How often, and how long after one another, a database that another process has open is tried again: a server that
/// starts has it open before it listens, and another command has it for a moment.
const TRIES: (usize, Duration) = (30, Duration::from_millis(100));

/// Where requests go.
pub(crate) enum Reach<'b> {
    /// To the server that runs.
    Server(Link),
    /// To the application in this process. No server runs, or its database takes many processes.
    Here(&'b Built),
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    /// With the query.
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
    /// How long it may take, its reply included.
    pub(crate) within: Duration,
}

/// A reply.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Null for a body that is no JSON.
    pub(crate) body: Value,
}

impl<'b> Reach<'b> {
    /// Finds the way; none when there is no data yet.
    pub(crate) async fn open(built: &'b Built) -> Result<Option<Self>> {
        let database = built.database().context("this server has no database")?;
        let mut left = TRIES.0;
        loop {
            let other = match link::open(database).await? {
                Found::Server(link) => return Ok(Some(Self::Server(link))),
                Found::Other(other) => format!("; {other}"),
                Found::Nobody => String::new(),
            };
            if missing(database) {
                return Ok(None);
            }
            match database.open().await {
                Ok(()) => break,
                Err(ketch_server::Error::Database(_, ketch_db::Error::Locked(_))) if left > 0 => left -= 1,
                Err(ketch_server::Error::Database(_, ketch_db::Error::Locked(why))) => {
                    bail!("{}", unreachable(database, &why, &other));
                }
                Err(error) => return Err(anyhow!(error)),
            }
            sleep(TRIES.1).await;
        }
        let up_to_date = up_to_date(database).await;
        if up_to_date.is_err() {
            database.db().close().await;
        }
        up_to_date.map(|()| Some(Self::Here(built)))
    }

    /// Opens the database here as well, where it takes many processes. Nothing happens when it is open.
    pub(crate) async fn beside(&self, built: &Built) -> Result<()> {
        let database = built.database().context("this server has no database")?;
        database.open().await?;
        up_to_date(database).await
    }

    /// Sends a request; what comes back, good or bad.
    pub(crate) async fn ask(&mut self, ask: Ask) -> Result<Answer> {
        let within = ask.within;
        let work = async {
            match self {
                Self::Server(link) => link.ask(request(ask, Full::new)?).await,
                Self::Here(built) => here(built, ask).await,
            }
        };
        timeout(within, work).await.with_context(|| format!("there was no answer within {within:?}"))?
    }

    /// Hangs up, and gives the database back.
    pub(crate) async fn close(self, built: &Built) {
        if let Some(database) = built.database() {
            database.db().close().await;
        }
    }
}

impl Ask {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None, within: TIME }
    }

    pub(crate) fn post(path: impl Into<String>, body: Option<Value>) -> Self {
        Self { method: Method::POST, path: path.into(), body, within: TIME }
    }

    /// The same, and it may take so long.
    pub(crate) fn within(self, time: Duration) -> Self {
        Self { within: time, ..self }
    }
}

impl Answer {
    /// The body of a good reply; the message of a bad one.
    pub(crate) fn good(self) -> Result<Value> {
        if self.status.is_success() { Ok(self.body) } else { Err(anyhow!(self.message())) }
    }

    /// What a bad reply says.
    fn message(&self) -> String {
        let Some(message) = self.body["message"].as_str() else {
            return format!("the server answered {} and does not say why", self.status);
        };
        let field = |error: &Value| {
            let what = error["pointer"].as_str().or(error["parameter"].as_str())?;
            Some(format!("\n  {what}: {}", error["message"].as_str().or(error["detail"].as_str())?))
        };
        let fields = self.body["errors"].as_array().into_iter().flatten().filter_map(field);
        std::iter::once(message.to_owned()).chain(fields).collect()
    }
}

/// A file that is not there yet.
pub(crate) fn missing(database: &Database) -> bool {
    matches!(database.url(), Some(DatabaseUrl::Sqlite(path)) if !path.exists())
}

fn unreachable(database: &Database, why: &str, other: &str) -> String {
    let socket = socket::path(database);
    format!(
        "{why}; but it does not answer at {}{other}: it may be starting or stopping, it may be another command at work, or \
         its log says why it has no control socket",
        socket.display()
    )
}

/// Whether the schema is what the program expects. It is never changed here: whoever only looks does not want that.
async fn up_to_date(database: &Database) -> Result<()> {
    let status = migrate::status(database.db(), database.migrations()).await?;
    let shown = database.shown();
    let problems = status.problems();
    if !problems.is_empty() {
        bail!("the schema of {shown} does not fit this program: {}", problems.join("; "));
    }
    let pending: Vec<String> = status
        .entries
        .iter()
        .filter(|entry| entry.state == State::Pending)
        .map(|entry| format!("{} {} {}", entry.part, entry.number, entry.name))
        .collect();
    if !pending.is_empty() {
        bail!(
            "the schema of {shown} is not up to date: {} is pending; `migrate up` applies it, as the server does when it \
             starts",
            pending.join(", ")
        );
    }
    Ok(())
}

fn request<B: Default>(ask: Ask, body: impl Fn(Bytes) -> B) -> Result<Request<B>> {
    let Ask { method, path, body: json, .. } = ask;
    let mut request = Request::new(B::default());
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().with_context(|| format!("`{path}` is no path"))?;
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::from_static("localhost"));
    if let Some(json) = json {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *request.body_mut() = body(json.to_string().into());
    }
    Ok(request)
}

/// Answers by the application in this process.
async fn here(built: &Built, ask: Ask) -> Result<Answer> {
    let mut request = request(ask, Into::into)?;
    request.extensions_mut().insert(Caller::operator());
    let app = built.operator().context("this server has no database")?;
    let (head, body) = app.handle(request, None).await.into_parts();
    answer(head.status, body).await
}

/// Reads a reply to its end.
async fn answer<B>(status: StatusCode, body: B) -> Result<Answer>
where
    B: http_body_util::BodyExt<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let bytes = Limited::new(body, MOST)
        .collect()
        .await
        .map_err(|error| anyhow!("the reply broke off, or is larger than {MOST} bytes: {error}"))?;
    Ok(Answer { status, body: serde_json::from_slice(&bytes.to_bytes()).unwrap_or(Value::Null) })
}
