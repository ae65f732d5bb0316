//! The admin endpoints: what an application says of them. They look after the server itself, below `/admin`.
//!
//! They are closed unless the application opens them: they ask for the scope `admin`, which nobody holds until a
//! middleware grants it.
//!
//! Whoever runs the server has a way of its own to them, which no setting and no middleware of the application's stands
//! in.

use std::sync::Arc;

use ketch_jobs::{Jobs, JobsService};
use ketch_model::{Problem, Settings};
use ketch_syntax::Key;
use ketch_web::{App, AppBuilder, Route, Schemas, configure, lower};

use crate::server::Server;

/// What is said of the admin endpoints.
#[derive(Debug, Default)]
pub(crate) struct Admin {
    settings: Settings,
    left_out: bool,
}

impl Server {
    /// Settings of the admin endpoints: `/admin/jobs` and what is below it, when the server has [jobs](Server::jobs).
    /// Several calls add up. They stand above what the endpoints say themselves, and no setting of [`set`](Server::set)
    /// reaches them.
    ///
    /// By default they ask for the scope `admin`, which nobody holds until a middleware grants it, so that they answer
    /// 401; and the documents leave them out. Another `scope` replaces that one, `public()` opens them to everyone,
    /// `hidden(false)` shows them in the documents. Their paths cannot be moved. `ketch jobs`, for whoever runs the server,
    /// has a way of its own: nothing that is said here stands in it.
    ///
    /// ```
    /// # use ketch_model::Scope;
    /// # use ketch_server::Server;
    /// Server::new().admin(|s| s.middleware(["access"]).scope(Scope::any_of([["operator"]])))
    /// # ;
    /// ```
    #[must_use]
    pub fn admin(mut self, set: impl FnOnce(Settings) -> Settings) -> Self {
        self.admin.settings = set(self.admin.settings);
        self
    }

    /// Leaves the admin endpoints out: nothing of them is seen from outside, and their paths are free. `ketch jobs` works
    /// all the same.
    #[must_use]
    pub fn without_admin(mut self) -> Self {
        self.admin.left_out = true;
        self
    }
}

impl Admin {
    /// The routes for what the server has.
    pub(crate) fn routes(
        &self,
        jobs: Option<&Jobs>,
        schemas: &mut Schemas,
        problems: &mut Vec<Problem>,
    ) -> Vec<Route> {
        let Some(jobs) = jobs.filter(|_| !self.left_out) else { return Vec::new() };
        let moved = problems.len();
        problems.extend(self.settings.entries().iter().filter_map(|entry| {
            let name = entry.key.name();
            matches!(entry.key, Key::Prefix | Key::Version | Key::Root).then(|| {
                let message = format!(
                    "`{name}` cannot move the admin endpoints: `ketch jobs` finds them below `/admin`"
                );
                Problem::new(Some(entry.place.clone()), "admin", message)
            })
        }));
        if problems.len() > moved {
            return Vec::new();
        }
        let said = self.said();
        let service = configure(JobsService::new(jobs.clone())).set(|_| said);
        lower(service, &Settings::new(), schemas, problems)
    }

    /// The way of whoever runs the server: the same endpoints, without guards, middlewares and settings.
    pub(crate) fn operator(jobs: Option<&Jobs>, problems: &mut Vec<Problem>) -> Option<Arc<App>> {
        let mut routes = Vec::new();
        if let Some(jobs) = jobs {
            let service = configure(JobsService::new(jobs.clone()));
            routes.extend(lower(service, &Settings::new(), &mut Schemas::default(), problems));
        }
        let app = AppBuilder { routes, ..AppBuilder::default() };
        app.build().map(Arc::new).map_err(|found| problems.extend(found)).ok()
    }

    /// The settings, with another scope in place of `admin` if there is one: it need not be narrower.
    fn said(&self) -> Settings {
        let names_scope = self.settings.entries().iter().any(|entry| entry.key == Key::Scope);
        let before = if names_scope { Settings::new().public() } else { Settings::new() };
        before.then(self.settings.clone())
    }
}
