//! From a server in the making to one that can run: everything checked, nothing bound.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use ketch_edge::{Health, Limits, Readiness, shipped};
use ketch_jobs::Runner;
use ketch_model::{Api, Endpoint, Inferred, Level, Leveled, Problem, Problems, Settings, resolve};
use ketch_openapi::{DocsService, Documents};
use ketch_syntax::Key;
use ketch_web::{App, Named, Route, Schemas, Shed, check_purges, configure, lower};

use crate::admin::Admin;
use crate::caches::ProjectCaches;
use crate::database::Database;
use crate::error::Error;
use crate::events::Events;
use crate::jobs::Queued;
use crate::manifest;
use crate::reload::{Around, Fixed, Reloader};
use crate::server::{DEFAULT_ADDRESS, Server};
use crate::stored::Stored;

/// A server that can run.
#[derive(Debug)]
pub struct Built {
    pub(crate) app: Arc<App>,
    pub(crate) api: Arc<Api>,
    pub(crate) address: SocketAddr,
    pub(crate) limits: Limits,
    pub(crate) readiness: Readiness,
    pub(crate) docs: bool,
    /// In a lock so that this can be shared: hooks run once, and on one thread.
    pub(crate) events: Mutex<Events>,
    pub(crate) database: Option<Database>,
    pub(crate) jobs: Option<Queued>,
    pub(crate) operator: Option<Arc<App>>,
    pub(crate) reloader: Option<Reloader>,
}

impl Built {
    /// The way of requests, for tests that need no socket.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The admin endpoints alone, when there is a database to look after: for whoever runs the server, known as
    /// [`Caller::operator`](ketch_model::Caller::operator). No guard, middleware or setting of the application's stands in
    /// this way, and [`without_admin`](Server::without_admin) does not close it.
    pub fn operator(&self) -> Option<&Arc<App>> {
        self.operator.as_ref()
    }

    /// What loads its [manifests](Server::manifest) anew, if it has any.
    pub fn reloader(&self) -> Option<&Reloader> {
        self.reloader.as_ref()
    }

    /// The API as data, as it was built.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// The database, if anything asked for it. Nothing is open yet.
    pub fn database(&self) -> Option<&Database> {
        self.database.as_ref()
    }

    /// Connects the database and brings its schema up to date, for whoever calls [`app`](Self::app) without serving.
    /// Nothing happens when that has been done, or when there is none.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Migrate`].
    pub async fn connect(&self) -> Result<(), Error> {
        match &self.database {
            Some(database) => database.connect().await,
            None => Ok(()),
        }
    }

    /// Runs the [jobs](Server::job) that are due until none is, for whoever calls [`app`](Self::app) without serving: for
    /// tests. How the runs ended. Nothing happens when
    /// there are no jobs. [`connect`](Self::connect) comes first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn run_jobs(&self) -> Result<ketch_jobs::Ran, Error> {
        let Some(jobs) = &self.jobs else { return Ok(ketch_jobs::Ran::default()) };
        jobs.run_due().await.map_err(|error| self.failed(error))
    }

    /// Begins the schedules of jobs that recur, without running anything: what is due from now on will be enqueued by
    /// [`run_jobs`](Self::run_jobs).
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn begin_schedules(&self) -> Result<(), Error> {
        let Some(jobs) = &self.jobs else { return Ok(()) };
        jobs.recur().await.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: ketch_db::Error) -> Error {
        Error::Database(self.database.as_ref().map(Database::shown).unwrap_or_default(), error)
    }

    /// Takes what would run the jobs, if any are registered, for whoever runs them without serving.
    pub fn take_runner(&mut self) -> Option<Runner> {
        self.jobs.as_mut().and_then(Queued::take_runner)
    }

    /// The address it will listen on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Server {
    /// Checks everything and puts it together. No socket is bound and nothing is started.
    ///
    /// # Errors
    /// Every problem there is, each with its place.
    pub fn build(mut self) -> Result<Built, Problems> {
        let mut problems = std::mem::take(&mut self.problems);
        let mut schemas = Schemas::default();
        let manifest = std::mem::take(&mut self.manifest);
        let (revisions, projects) = manifest.open(&mut problems);
        self.describe_as(projects.iter().map(|(_, project)| &project.file.api));
        let own = self.store(&projects);
        let jobs = std::mem::take(&mut self.jobs).check(&mut self.database, &mut problems);
        let drivers = manifest::drivers(&self.database.data());
        let mut database = std::mem::take(&mut self.database).check(&mut problems);
        let stored = Stored::new(database.as_ref(), own);
        let readiness = match &database {
            Some(database) => Readiness::with(database.check()),
            None => Readiness::default(),
        };
        let documents = Documents::default();
        let address = self.parse_address(&mut problems);
        let mut routes = Vec::new();
        for lowering in std::mem::take(&mut self.services) {
            routes.extend(lowering(&self.settings, &mut schemas, &mut problems));
        }
        let around = Around { settings: self.settings.clone(), drivers, stored, mode: self.app.mode };
        let program =
            Named { middlewares: self.app.middlewares.clone(), stores: self.app.caches.stores.clone() };
        let before = ProjectCaches::default();
        let lowered = manifest.lower(&projects, &around, (&program, &before), &mut problems);
        if let Some(database) = &mut database {
            database.ask(lowered.controllers);
        }
        let own = routes.len()..routes.len() + lowered.routes.len();
        routes.extend(lowered.routes);
        routes.extend(self.built_in(&readiness, &documents, &mut schemas, &mut problems));
        let handle = jobs.as_ref().map(Queued::handle);
        routes.extend(self.admin.routes(handle, &mut schemas, &mut problems));
        let operator = database.as_ref().and_then(|_| Admin::operator(handle, &mut problems));
        let mut api = self.api(&mut routes, schemas);
        api.caches = lowered.own.caches.infos(&program.stores);
        let (limits, docs) = (self.limits.clone(), self.docs);
        let events = Mutex::new(std::mem::take(&mut self.events));
        self.app.middlewares.extend(lowered.middlewares);
        self.app.caches.stores.extend(lowered.own.caches.stores());
        let fixed = (!manifest.is_empty()).then(|| Fixed::of(&routes, own, program));
        if problems.is_empty() {
            problems.extend(check_purges(&routes));
        }
        let app = self.app(routes, &mut problems);
        let (Some(app), Some(address), true) = (app, address, problems.is_empty()) else {
            return Err(Problems::sorted(problems));
        };
        documents.write(&api);
        let (app, api) = (Arc::new(app), Arc::new(api));
        let reloader = fixed.map(|fixed| {
            Reloader::new(
                Arc::clone(&app),
                Arc::clone(&api),
                documents,
                (manifest, around),
                (fixed, lowered.own, revisions),
            )
        });
        Ok(Built { app, api, address, limits, readiness, docs, events, database, jobs, operator, reloader })
    }

    fn parse_address(&self, problems: &mut Vec<Problem>) -> Option<SocketAddr> {
        let text = self.address().unwrap_or(DEFAULT_ADDRESS);
        let address = text.replace("localhost:", "127.0.0.1:").parse();
        if let (Err(_), Some((_, said))) = (&address, &self.address) {
            problems.push(said.problem(format!(
                "`{text}` is no address to listen on: write `127.0.0.1:8080` or `[::]:8080`"
            )));
        }
        address.ok()
    }

    /// The endpoints that every server has. Of the application's settings only those about other origins reach them.
    fn built_in(
        &self,
        readiness: &Readiness,
        documents: &Documents,
        schemas: &mut Schemas,
        problems: &mut Vec<Problem>,
    ) -> Vec<Route> {
        let said = self.about_origins();
        let mut routes = lower(configure(Health::new(readiness.clone())), &said, schemas, problems);
        if self.docs {
            routes.extend(lower(configure(DocsService::new(documents.clone())), &said, schemas, problems));
        }
        for route in &mut routes {
            route.shed = Shed::Never;
        }
        routes
    }

    /// What the server says of scripts of other origins.
    fn about_origins(&self) -> Settings {
        self.settings.only(&[Key::Cors, Key::Credentials])
    }

    fn api(&self, routes: &mut [Route], schemas: Schemas) -> Api {
        let schemas = schemas.finish(routes.iter_mut().map(|route| &mut route.endpoint));
        let endpoints: Vec<Endpoint> = routes.iter().map(|route| route.endpoint.clone()).collect();
        let (title, version, description) =
            (self.title.clone(), self.version.clone(), self.description.clone());
        let mounts = self.app.mounts.iter().map(|mount| mount.path().to_owned()).collect();
        Api { title, version, description, endpoints, mounts, schemas, ..Api::default() }
    }

    fn app(self, routes: Vec<Route>, problems: &mut Vec<Problem>) -> Option<App> {
        let said = self.about_origins();
        // What cannot be read was a problem of the built-in endpoints already.
        let elsewhere =
            resolve("server", Inferred { root: "", route: "" }, &[Leveled(Level::Server, &said)]).ok();
        let mut app = self.app;
        app.routes = routes;
        app.guards.splice(0..0, shipped(&self.limits));
        app.elsewhere = elsewhere;
        app.build().map_err(|found| problems.extend(found)).ok()
    }
}
