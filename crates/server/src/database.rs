//! The server's database: what is said of it, and its life from start to stop.
//!
//! A server has a database when somebody asked for its handle or gave it migrations. Nothing is opened before
//! everything else has been checked.

use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ketch_db::driver::Driver;
use ketch_db::{DatabaseUrl, Db, Options};
use ketch_model::{Place, Problem};
use tokio::sync::{Mutex, OnceCell};
use tokio::time::{Instant, timeout};

use crate::error::Error;
use crate::server::{Said, Server};

/// Where the data is when nobody says: the file `app.db` in this folder.
pub const DEFAULT_DATA: &str = "data";

/// How long one look at the health of the database may take, and how long its answer is told again.
const HEALTH: Duration = Duration::from_secs(1);

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

    /// Whether an engine of its own was given: then no URL can choose another.
    pub fn has_driver(&self) -> bool {
        self.database.engine.is_some()
    }
}

impl Declared {
    /// What there will be to open; nothing when nobody needs it.
    pub(crate) fn check(self, problems: &mut Vec<Problem>) -> Option<Database> {
        let folder = self.folder.unwrap_or_else(|| DEFAULT_DATA.into());
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
        let (engine, db) = (place?, self.handle.into_inner()?);
        let probe = Arc::new(Probe { db: db.clone(), last: Mutex::default() });
        let (opened, ready) = Default::default();
        Some(Database { db, engine, folder, options: self.options, probe, opened, ready })
    }
}

/// The database of a server that has been built.
#[derive(Debug)]
pub struct Database {
    db: Db,
    engine: Engine,
    folder: PathBuf,
    options: Options,
    probe: Arc<Probe>,
    opened: OnceCell<()>,
    ready: OnceCell<()>,
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
                Engine::At(url) => connect(url, &self.options).await?,
                Engine::Given(engine) => Arc::clone(engine),
            };
            self.db.connect(driver, &self.options)
        };
        self.opened.get_or_try_init(|| open).await.map(|_| ()).map_err(|error| self.failed(error))
    }

    /// Opens it and brings its schema up to date. Nothing happens when that has been done.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn connect(&self) -> Result<(), Error> {
        self.ready.get_or_try_init(|| self.open()).await.map(|_| ())
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

/// Asks for the health of the database, but not more often than once in [`HEALTH`], however many ask.
#[derive(Debug)]
struct Probe {
    db: Db,
    last: Mutex<Option<(Instant, bool)>>,
}

impl Probe {
    async fn look(&self) -> bool {
        let mut last = self.last.lock().await;
        if let Some((at, usable)) = *last
            && at.elapsed() < HEALTH
        {
            return usable;
        }
        let found = timeout(HEALTH, self.db.health()).await.unwrap_or(Err(ketch_db::Error::Deadline));
        // Many who wait are no reason to send nobody here: those beyond the queue are told so one by one.
        let usable = matches!(found, Ok(()) | Err(ketch_db::Error::Busy));
        let was = last.is_none_or(|(_, usable)| usable);
        match found {
            Err(error) if was && !usable => tracing::error!(%error, "the database cannot be used: not ready"),
            _ if usable && !was => tracing::info!("the database can be used again: ready"),
            _ => {}
        }
        *last = Some((Instant::now(), usable));
        usable
    }
}

/// Opens the engine that a URL names.
async fn connect(url: &DatabaseUrl, options: &Options) -> ketch_db::Result<Arc<dyn Driver>> {
    match url {
        DatabaseUrl::Sqlite(path) => {
            let (path, options) = (path.clone(), options.clone());
            let open = move || ketch_db::sqlite::Sqlite::open(path, &options);
            let opened = tokio::task::spawn_blocking(open).await;
            Ok(Arc::new(opened.map_err(|panic| ketch_db::Error::Panicked(panic.to_string()))??))
        }
        DatabaseUrl::Postgres(_) => Err(ketch_db::Error::Unsupported("PostgreSQL".to_owned())),
    }
}
