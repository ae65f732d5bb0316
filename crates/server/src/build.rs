//! From a server in the making to one that can run: everything checked, nothing bound.

use std::net::SocketAddr;
use std::sync::Arc;

use ketch_edge::{Health, Limits, Readiness, shipped};
use ketch_model::{Api, Endpoint, Problem, Problems};
use ketch_openapi::{DocsService, Documents};
use ketch_web::{App, Route, Schemas, Shed, configure, lower};

use crate::server::{DEFAULT_ADDRESS, Said, Server};

/// A server that can run.
#[derive(Debug)]
pub struct Built {
    pub(crate) app: Arc<App>,
    pub(crate) api: Arc<Api>,
    pub(crate) address: SocketAddr,
    pub(crate) limits: Limits,
    pub(crate) readiness: Readiness,
    pub(crate) docs: bool,
}

impl Built {
    /// The way of requests, for tests that need no socket.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The API as data.
    pub fn api(&self) -> &Api {
        &self.api
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
        let (readiness, documents) = (Readiness::default(), Documents::default());
        let address = self.parse_address(&mut problems);
        let mut routes = Vec::new();
        for lowering in std::mem::take(&mut self.services) {
            routes.extend(lowering(&self.settings, &mut schemas, &mut problems));
        }
        routes.extend(self.built_in(&readiness, &documents, &mut schemas, &mut problems));
        let api = self.api(&mut routes, schemas);
        let (limits, docs) = (self.limits.clone(), self.docs);
        let app = self.app(routes, &mut problems);
        let (Some(app), Some(address), true) = (app, address, problems.is_empty()) else {
            return Err(Problems(problems));
        };
        documents.write(&api);
        Ok(Built { app: Arc::new(app), api: Arc::new(api), address, limits, readiness, docs })
    }

    fn parse_address(&self, problems: &mut Vec<Problem>) -> Option<SocketAddr> {
        let (text, place, subject) = match &self.address {
            Some((text, Said::Here(place))) => (text.as_str(), Some(place.clone()), "server"),
            Some((text, Said::Outside(origin))) => (text.as_str(), None, origin.as_str()),
            None => (DEFAULT_ADDRESS, None, "server"),
        };
        let address = text.replace("localhost:", "127.0.0.1:").parse();
        if address.is_err() {
            let message =
                format!("`{text}` is no address to listen on: write `127.0.0.1:8080` or `[::]:8080`");
            problems.push(Problem::new(place, subject, message));
        }
        address.ok()
    }

    /// The endpoints that every server has. No setting of the application reaches them.
    fn built_in(
        &self,
        readiness: &Readiness,
        documents: &Documents,
        schemas: &mut Schemas,
        problems: &mut Vec<Problem>,
    ) -> Vec<Route> {
        let none = ketch_model::Settings::new();
        let mut routes = lower(configure(Health::new(readiness.clone())), &none, schemas, problems);
        if self.docs {
            routes.extend(lower(configure(DocsService::new(documents.clone())), &none, schemas, problems));
        }
        for route in &mut routes {
            route.shed = Shed::Never;
        }
        routes
    }

    fn api(&self, routes: &mut [Route], schemas: Schemas) -> Api {
        let schemas = schemas.finish(routes.iter_mut().map(|route| &mut route.endpoint));
        let endpoints: Vec<Endpoint> = routes.iter().map(|route| route.endpoint.clone()).collect();
        let (title, version, description) =
            (self.title.clone(), self.version.clone(), self.description.clone());
        Api { title, version, description, endpoints, schemas }
    }

    fn app(self, routes: Vec<Route>, problems: &mut Vec<Problem>) -> Option<App> {
        let mut builder = App::builder()
            .routes(routes)
            .middlewares(self.middlewares)
            .caches(self.caches)
            .capacity(self.capacity);
        for guard in shipped(&self.limits).into_iter().chain(self.guards) {
            builder = builder.guard(guard);
        }
        if let Some(table) = self.table {
            builder = builder.table(table);
        }
        builder.build().map_err(|found| problems.extend(found)).ok()
    }
}
