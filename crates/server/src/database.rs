//! The server's database: what is said of it, and its life from start to stop.
//!
//! A server has a database when somebody asked for its handle or gave it migrations. Nothing is opened before
//! everything else has been checked.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use ketch_db::driver::Driver;
use ketch_db::migrate::{self, Wanted};
use ketch_db::{DatabaseUrl, Db, Dialect, Heard, Migrations, Options};
use ketch_manifest::Controller;
use ketch_model::{Place, Problem, Problems};
use tokio::sync::{Mutex, OnceCell};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::error::Error;
use crate::probe::Probe;
use crate::server::{Said, Server};
use crate::stored::begin;

/// Where the data is when nobody says: the file `app.db` in this folder.
pub const DEFAULT_DATA: &str = "data";

/// How long after a failure an engine is asked again to listen.
const RETRY: Duration = Duration::from_secs(1);

/// What an application says of its database.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    /// There once somebody asked for it.
    handle: OnceLock<Db>,
    /// The URL as written, and who wrote it.
    url: Option<(String, Said)>,
    engine: Option<Arc<dyn Driver>>,
    folder: Option<PathBuf>,
    options: Options,
    migrations: Vec<(Migrations, Place)>,
    listeners: Vec<Listener>,
}

impl Server {
    /// The server's database: a handle for services to keep. It is connected when the server starts; by default to the
    /// file `data/app.db`.
    ///
    /// ```
    /// # use ketch_server::Server;
    /// let server = Server::new();
    /// let db = server.db();
    /// # drop(db);
    /// ```
    pub fn db(&self) -> Db {
        self.database.handle.get_or_init(Db::unconnected).clone()
    }

    /// Where the data is: `"sqlite:data/app.db"`, `"postgres://user@host/name"`. `--database` and `KETCH_DATABASE_URL`
    /// win.
    #[must_use]
    #[track_caller]
    pub fn database(mut self, url: impl Into<String>) -> Self {
        self.database.url = Some((url.into(), Said::Here(Place::caller())));
        self
    }

    /// Where the data is as the user of the program says it; `origin` names the flag or variable in messages.
    #[must_use]
    pub fn database_from(mut self, url: impl Into<String>, origin: impl Into<String>) -> Self {
        self.database.url = Some((url.into(), Said::Outside(origin.into())));
        self
    }

    /// The folder of the data, for what has no place of its own: [`DEFAULT_DATA`] if nobody says.
    #[must_use]
    pub fn data_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.database.folder = Some(folder.into());
        self
    }

    /// The files that make the schema: `migrations!("migrations")`. What is pending is applied when the server starts,
    /// before start hooks run and anything is accepted, with a copy of the data before. Several parts add up.
    #[must_use]
    #[track_caller]
    pub fn migrations(mut self, migrations: Migrations) -> Self {
        let _needed = self.db();
        self.database.migrations.push((migrations, Place::caller()));
        self
    }

    /// Replaces the bounds of the database.
    #[must_use]
    pub fn database_options(mut self, options: Options) -> Self {
        self.database.options = options;
        self
    }

    /// Stores with an engine of one's own, which is open already, in place of SQLite and PostgreSQL.
    #[must_use]
    pub fn driver(mut self, engine: impl Driver) -> Self {
        self.database.engine = Some(Arc::new(engine));
        self
    }

    /// Adds a hook that hears what is told on a channel of the database, from before anything is accepted to the stop.
    /// With SQLite it hears this process, with PostgreSQL every process on the same database. After
    /// [`Heard::Gap`](ketch_db::Heard::Gap) some may be missing. It must be quick: what comes next waits for it.
    ///
    /// ```
    /// # use ketch_server::Server;
    /// # let cache = ketch_web::MemoryCache::new("1mb");
    /// Server::new().on_notice("lists", move |_| cache.purge_tag("lists"))
    /// # ;
    /// ```
    #[must_use]
    pub fn on_notice<F>(mut self, channel: impl Into<String>, hook: F) -> Self
    where
        F: Fn(Heard) + Send + Sync + 'static,
    {
        let _needed = self.db();
        self.database.listeners.push(Listener { channel: channel.into(), hook: Arc::new(hook) });
        self
    }

    /// Whether a start opens the database at a URL: one is needed, and no engine was given.
    pub fn opens_database(&self) -> bool {
        self.database.handle.get().is_some() && self.database.engine.is_none()
    }
}

impl Declared {
    /// Adds the tables of a part of Ketch, before the application's own.
    pub(crate) fn add_part(&mut self, migrations: Migrations) {
        self.migrations.insert(0, (migrations, Place::caller()));
    }

    /// Adds the tables of a project, after the application's own.
    #[track_caller]
    pub(crate) fn add_project(&mut self, migrations: Migrations) {
        self.migrations.push((migrations, Place::caller()));
    }

    /// The folder of the data.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.clone().unwrap_or_else(|| DEFAULT_DATA.into())
    }

    /// What there will be to open; nothing when nobody needs it.
    pub(crate) fn check(self, problems: &mut Vec<Problem>) -> Option<Database> {
        let folder = self.data();
        let place = match (self.engine, self.url) {
            (None, None) => Some(Engine::At(DatabaseUrl::Sqlite(folder.join("app.db")))),
            (None, Some((text, said))) => match text.parse() {
                Ok(url) => Some(Engine::At(url)),
                Err(error) => {
                    problems.push(said.problem(error.to_string()));
                    None
                }
            },
            (Some(engine), None) => Some(Engine::Given(engine)),
            (Some(_), Some((_, said))) => {
                let message = "this server was given an engine of its own, so no URL can choose another: leave \
                               out `driver`, or the URL";
                problems.push(said.problem(message.to_owned()));
                None
            }
        };
        let last = self.migrations.last().map(|(_, place)| place.clone());
        let migrations: Vec<Migrations> = self.migrations.into_iter().map(|(it, _)| it).collect();
        // Whether they fit together does not depend on the engine.
        if let Err(error) = migrate::status_of_none(Dialect::Sqlite, &migrations) {
            problems.push(Problem::new(last, "server", error.to_string()));
        }
        let (engine, db) = (place?, self.handle.into_inner()?);
        let probe = Arc::new(Probe::new(db.clone()));
        let (opened, ready, listening, controllers) = Default::default();
        let (options, listeners) = (self.options, self.listeners);
        Some(Database {
            db,
            engine,
            folder,
            options,
            migrations,
            listeners,
            controllers,
            probe,
            opened,
            ready,
            listening,
        })
    }
}

/// The database of a server that has been built.
#[derive(Debug)]
pub struct Database {
    db: Db,
    engine: Engine,
    folder: PathBuf,
    options: Options,
    migrations: Vec<Migrations>,
    listeners: Vec<Listener>,
    /// They are asked whether the database fits, once its schema is up to date.
    controllers: Vec<Arc<dyn Controller>>,
    probe: Arc<Probe>,
    opened: OnceCell<()>,
    ready: OnceCell<()>,
    /// Ends with this.
    listening: Mutex<JoinSet<()>>,
}

#[derive(Debug)]
enum Engine {
    At(DatabaseUrl),
    Given(Arc<dyn Driver>),
}

/// Where it is, without a password.
impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(url) => url.fmt(f),
            Self::Given(engine) => write!(f, "an engine of its own, {}", engine.dialect().name()),
        }
    }
}

impl Database {
    /// The handle that the services have.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// The folder of the data.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The files that make its schema.
    pub fn migrations(&self) -> &[Migrations] {
        &self.migrations
    }

    /// Which SQL it speaks.
    pub fn dialect(&self) -> Dialect {
        match &self.engine {
            Engine::At(DatabaseUrl::Sqlite(_)) => Dialect::Sqlite,
            Engine::At(DatabaseUrl::Postgres(_)) => Dialect::Postgres,
            Engine::Given(engine) => engine.dialect(),
        }
    }

    /// Where it is, when no engine was given.
    pub fn url(&self) -> Option<&DatabaseUrl> {
        match &self.engine {
            Engine::At(url) => Some(url),
            Engine::Given(_) => None,
        }
    }

    /// Where it is, for people: no password is in it.
    pub fn shown(&self) -> String {
        self.engine.to_string()
    }

    /// Opens it, as it is. Nothing happens when it is open.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn open(&self) -> Result<(), Error> {
        let open = async {
            let driver = match &self.engine {
                Engine::At(url) => ketch_db::connect(url, &self.options).await?,
                Engine::Given(engine) => Arc::clone(engine),
            };
            self.db.connect(driver, &self.options)
        };
        self.opened.get_or_try_init(|| open).await.map(|_| ()).map_err(|error| self.failed(error))
    }

    /// The controllers that are asked when it is connected.
    pub(crate) fn ask(&mut self, controllers: Vec<Arc<dyn Controller>>) {
        self.controllers = controllers;
    }

    /// Opens it, brings its schema up to date, and has the statements of manifests described by it. Nothing happens when
    /// that has been done.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Migrate`], [`Error::Problems`] with the statements that it does not understand.
    pub async fn connect(&self) -> Result<(), Error> {
        let connect = async {
            self.open().await?;
            self.migrate().await?;
            let problems = begin(&self.controllers).await;
            if !problems.is_empty() {
                return Err(Error::Problems(Problems(problems)));
            }
            self.listen().await
        };
        self.ready.get_or_try_init(|| connect).await.map(|_| ())
    }

    async fn migrate(&self) -> Result<(), Error> {
        if self.migrations.is_empty() {
            return Ok(());
        }
        let migrated = migrate::up(&self.db, &self.migrations, &Wanted::default()).await;
        migrated.map(drop).map_err(|error| Error::Migrate(self.shown(), error))
    }

    async fn listen(&self) -> Result<(), Error> {
        let mut listening = self.listening.lock().await;
        for listener in &self.listeners {
            let notices = self.db.listen(&listener.channel).await.map_err(|error| self.failed(error))?;
            listening.spawn(listener.clone().hear(self.db.clone(), notices));
        }
        Ok(())
    }

    /// Closes it, in this time.
    pub(crate) async fn close(&self, within: Duration) {
        if timeout(within, self.db.close()).await.is_err() {
            tracing::warn!("the database was not closed within {within:?}");
        }
    }

    fn failed(&self, error: ketch_db::Error) -> Error {
        Error::Database(self.shown(), error)
    }

    /// Whether it can be used, for the readiness of the server.
    pub(crate) fn check(
        &self,
    ) -> impl Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync + 'static {
        let probe = Arc::clone(&self.probe);
        move || {
            let probe = Arc::clone(&probe);
            Box::pin(async move { probe.look().await })
        }
    }
}

/// A hook and the channel that it hears.
#[derive(Clone)]
struct Listener {
    channel: String,
    hook: Arc<dyn Fn(Heard) + Send + Sync>,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listener").field(&self.channel).finish()
    }
}

impl Listener {
    /// Hands on what comes until the database is closed. An engine that ends before is asked again.
    async fn hear(self, db: Db, mut notices: BoxStream<'static, Heard>) {
        loop {
            while let Some(heard) = notices.next().await {
                self.call(heard);
            }
            notices = loop {
                match db.listen(&self.channel).await {
                    Ok(notices) => break notices,
                    Err(ketch_db::Error::Closed | ketch_db::Error::NotConnected) => return,
                    Err(error) => {
                        tracing::warn!(channel = %self.channel, %error, "cannot listen; tried again in a second");
                        sleep(RETRY).await;
                    }
                }
            };
            self.call(Heard::Gap);
        }
    }

    fn call(&self, heard: Heard) {
        if catch_unwind(AssertUnwindSafe(|| (self.hook)(heard))).is_err() {
            tracing::error!(channel = %self.channel, "a hook for notices panicked");
        }
    }
}
